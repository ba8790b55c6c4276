"""`doctor`: problems of this machine or the account, and their fixes."""

from __future__ import annotations

from dataclasses import asdict

import click
from rich.table import Table
from rich.text import Text

from labelstack.cli.backend import Backend
from labelstack.cli.options import command, json_option, target_options
from labelstack.cli.screen import Screen, count_text
from labelstack.cli.tables import plain_table
from labelstack.cli.target import Target
from labelstack.diagnosis.finding import Finding, Status

SIGNS = {
    Status.OK: ("✓", "green"),
    Status.WARNING: ("!", "bold yellow"),
    Status.PROBLEM: ("✗", "bold red"),
}


@command(examples=["labelstack doctor --cloud aws --stack dev"])
@json_option
@target_options
@click.pass_context
def doctor(ctx: click.Context, target: Target, as_json: bool) -> None:
    """Find a stack's problems, and print fixes.

    Exit status 0: no problem (there may be warnings); 1: at least one.
    """
    screen = Screen(as_json=as_json)
    backend: Backend = ctx.obj
    findings = backend.diagnose(
        target.cloud, target.stack, target.cloud_folder, region=target.region, profile=target.profile
    )
    problems = sum(finding.status is Status.PROBLEM for finding in findings)
    if as_json:
        listed = [asdict(finding) for finding in findings]
        screen.document({"cloud": target.cloud, "stack": target.stack, "problems": problems, "findings": listed})
    screen.show(findings_table([finding for finding in findings if finding.status is not Status.NOT_APPLICABLE]))
    if skipped := [finding.name for finding in findings if finding.status is Status.NOT_APPLICABLE]:
        screen.show(Text(f"Not needed here: {', '.join(skipped)}.", style="dim"))
    screen.show(summary(findings, target))
    if problems:
        ctx.exit(1)


def findings_table(findings: list[Finding]) -> Table:
    """Return a row for each finding, with its fix below the detail."""
    table = plain_table("")
    table.add_column("Check", no_wrap=True)
    table.add_column("Found", overflow="fold")
    for finding in findings:
        sign, style = SIGNS[finding.status]
        cell = Text(finding.detail)
        if finding.fix:
            cell.append("\n→ ", style="bold").append(finding.fix)
        table.add_row(Text(sign, style=style), Text(finding.name), cell)
    return table


def summary(findings: list[Finding], target: Target) -> Text:
    """Return how many problems and warnings there are."""
    counts = {status: sum(finding.status is status for finding in findings) for status in SIGNS}
    phrases = [
        count_text(counts[status], noun)
        for status, noun in ((Status.PROBLEM, "problem"), (Status.WARNING, "warning"))
        if counts[status]
    ]
    return Text(f"stack {target.stack} on {target.cloud}: {' and '.join(phrases) or 'no problem found'}")
