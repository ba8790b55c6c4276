"""`labelstack doctor`: its output, and the exit status."""

from __future__ import annotations

import json

import pytest

from labelstack.diagnosis.finding import Finding, Status
from tests.labelstack.cli.conftest import Run
from tests.labelstack.cli.fakes import FakeBackend

FINE = [Finding("Python", Status.OK, "3.12.4"), Finding("Docker", Status.NOT_APPLICABLE, "not used on embedded")]


@pytest.mark.parametrize(
    ("more", "status", "said"),
    [
        ([], 0, "no problem found"),
        (
            [Finding("Text reader", Status.WARNING, "not installed", "install it")],
            0,
            "1 warning",
        ),
        ([Finding("Python", Status.PROBLEM, "old", "new")] * 2, 1, "2 problems"),
    ],
)
def test_the_exit_status_tells_of_problems(
    run: Run, backend: FakeBackend, more: list[Finding], status: int, said: str
) -> None:
    backend.findings = [*FINE, *more]
    done = run("doctor")
    assert done.exit_code == status
    assert f"stack local on embedded: {said}" in done.stdout


def test_a_problem_is_shown_with_its_fix_and_what_is_not_needed_in_one_line(run: Run, backend: FakeBackend) -> None:
    backend.findings = [*FINE, Finding("Port 4566", Status.PROBLEM, "taken by python3 (process 42)", "Stop that")]
    lines = run("doctor").stdout.splitlines()
    row = next(number for number, line in enumerate(lines) if "Port 4566" in line)
    assert lines[row].split() == ["✗", "Port", "4566", "taken", "by", "python3", "(process", "42)"]
    assert lines[row + 1].strip() == "→ Stop that"
    assert "Not needed here: Docker." in lines


def test_json_has_every_finding(run: Run, backend: FakeBackend) -> None:
    backend.findings = [*FINE, Finding("Python", Status.PROBLEM, "old", "new")]
    done = run("doctor", "--cloud", "aws", "--stack", "prod", "--region", "eu-west-1", "--profile", "work", "--json")
    document = json.loads(done.stdout)
    assert done.exit_code == 1
    assert (document["cloud"], document["stack"], document["problems"]) == ("aws", "prod", 1)
    assert document["findings"][1]["status"] == Status.NOT_APPLICABLE
    assert document["findings"][2] == {"name": "Python", "status": "problem", "detail": "old", "fix": "new"}
    assert backend.diagnosed == [("aws", "prod", "eu-west-1", "work")]
