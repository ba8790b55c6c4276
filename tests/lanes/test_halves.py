"""`make localstack-test` runs the integration tests in two halves."""

from __future__ import annotations

import re
from pathlib import Path

PROJECT = Path(__file__).parents[2]


def test_the_halves_are_all_files_and_none_is_run_twice() -> None:
    patterns = re.findall(r"pytest (integration_tests/test_\S+) --cloud localstack", (PROJECT / "Makefile").read_text())

    halves = [set(PROJECT.glob(pattern)) for pattern in patterns]

    first, second = halves
    assert first | second == set((PROJECT / "integration_tests").glob("test_*.py"))
    assert not first & second
