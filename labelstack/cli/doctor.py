"""`doctor`: problems of this machine or the account, and their fixes."""

from __future__ import annotations

import sys
from dataclasses import asdict

from rich.table import Table
from rich.text import Text

from labelstack.cli.options import command
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
def doctor(screen: Screen, target: Target) -> None:
    """Find a stack's problems, and print fixes.

    Exit status 0: no problem (there may be warnings); 1: at least one.
    """
    findings = target.backend.diagnose(
        target.cloud, target.stack, target.cloud_folder, region=target.region, profile=target.profile
    )
    problems = sum(finding.status is Status.PROBLEM for finding in findings)
    listed = [asdict(finding) for finding in findings]
    screen.document({"cloud": target.cloud, "stack": target.stack, "problems": problems, "findings": listed})
    screen.show(findings_table([finding for finding in findings if finding.status is not Status.NOT_APPLICABLE]))
    if skipped := [finding.name for finding in findings if finding.status is Status.NOT_APPLICABLE]:
        screen.show(Text(f"Not needed here: {', '.join(skipped)}.", style="dim"))
    warnings = sum(finding.status is Status.WARNING for finding in findings)
    counts = [count_text(count, noun) for count, noun in ((problems, "problem"), (warnings, "warning")) if count]
    screen.show(Text(f"stack {target.stack} on {target.cloud}: {' and '.join(counts) or 'no problem found'}"))
    if problems:
        sys.exit(1)


def findings_table(findings: list[Finding]) -> Table:
    """Return a row for each finding, with its fix below the detail."""
    table = plain_table("", "Check", "Found", unbroken=("Check",))
    for finding in findings:
        sign, style = SIGNS[finding.status]
        cell = Text(finding.detail)
        if finding.fix:
            cell.append("\n→ ", style="bold").append(finding.fix)
        table.add_row(Text(sign, style=style), Text(finding.name), cell)
    return table
