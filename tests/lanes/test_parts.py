"""`make` runs the integration tests in parts, side by side."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]


def printed(*arguments: str) -> str:
    """Return the commands that make would run."""
    command = ["make", "--dry-run", "--old-file", ".venv/.dev", *arguments]
    return subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize(
    ("task", "cloud"), [("test", "embedded"), ("localstack-test", "localstack"), ("pulumi-test", "localstack")]
)
def test_parts_are_all_files_and_none_is_run_twice(task: str, cloud: str) -> None:
    commands = [line for line in printed(task, "LABELSTACK_CHROMIUM=any").splitlines() if f"--cloud {cloud}" in line]

    files = [file for command in commands for file in re.findall(r"integration_tests/\S+", command)]

    assert len(commands) > 1
    assert sorted(files) == sorted(
        f"integration_tests/{path.name}" for path in PROJECT.glob("integration_tests/test_*.py")
    )
