"""Upload real people's files by the command and compare the outcomes. `make cases` shows the table."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from integration_tests.cases import LABEL, LABELED, LEFT_OUT, SIDES, Case, all_cases
from integration_tests.command import command_on
from integration_tests.stack import DeployedStack
from labelstack.cli.screen import visible


def test_each_case_ends_as_it_should(
    stack: DeployedStack, key: Callable[[str], str], tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    folder, cases = tmp_path / "files", all_cases()
    for case in cases:
        case.write(folder)

    run = command_on(stack, tmp_path / "command")
    done = run("upload", folder, "--prefix", f"uploads/{key('x')}/", "--wait", "--json")

    lines = {line["file"]: line for line in map(json.loads, done.stdout.splitlines())}
    outcomes = {case.name: _outcome(lines.get(str(folder / case.path))) for case in cases}
    record_property("cases", _table(cases, outcomes))
    wrong = {case.name: outcomes[case.name] for case in cases if outcomes[case.name] != case.expected}
    assert wrong == {}, done.stderr


def _outcome(line: dict[str, Any] | None) -> str:
    """Return the end of a case in the words of its expectation, or the fault of a picture that is LABELED."""
    if line is None:
        return LEFT_OUT
    if line["status"] != LABELED:
        return str(line.get("code", line["status"]))
    names = {label["name"] for label in line["labels"]}
    if LABEL not in names:
        return f"LABELED without {LABEL}: {', '.join(sorted(names))}"
    sides = line.get("width"), line.get("height")
    return LABELED if sides == SIDES else f"LABELED, sides {sides}"


def _table(cases: list[Case], outcomes: dict[str | bytes, str]) -> str:
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("File", "What it is", "Expected", "Seen"):
        table.add_column(name, overflow="fold")
    for case in cases:
        style = "" if outcomes[case.name] == case.expected else "bold red"
        table.add_row(*map(Text, (visible(case.path), case.what, case.expected)), Text(outcomes[case.name], style))
    console = Console(file=io.StringIO(), width=140)
    console.print(table)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()
