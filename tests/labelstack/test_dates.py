"""Nothing that the project stands on ends within 90 days: this test fails when something does, and says what to do."""

from __future__ import annotations

import datetime
import re
from pathlib import Path
from typing import get_args

from components.python_function import Runtime
from labelstack.dates import NOTICE, due, endings

PROJECT = Path(__file__).parent.parent.parent


def test_nothing_ends_within_90_days() -> None:
    today = datetime.datetime.now(datetime.UTC).date()

    assert [f"{ending.what}, {ending.date}: {ending.do}" for ending in due(today)] == []


def test_what_ends_within_90_days_is_due_the_earliest_first() -> None:
    first, *_, last = sorted(endings(), key=lambda ending: ending.date)

    assert due(first.date - NOTICE - datetime.timedelta(days=1)) == []
    assert first in due(first.date - NOTICE)
    assert due(last.date) == sorted(endings(), key=lambda ending: ending.date)


def test_every_entry_says_what_to_do_and_where_it_is_from() -> None:
    for ending in endings():
        assert ending.then
        assert ending.do
        assert ending.source.startswith("https://")
    assert len({ending.what for ending in endings()}) == len(endings())


def test_every_runtime_and_every_lock_of_a_platform_has_an_entry() -> None:
    text = " ".join(f"{ending.what}; {ending.do}" for ending in endings())

    for runtime in get_args(Runtime):
        assert f"Lambda's runtime {runtime}" in text
    for lock in PROJECT.glob("handlers/*/requirements-*.in"):
        for package, version in re.findall(r"^([a-z-]+)==(\S+)", lock.read_text(), re.MULTILINE):
            assert f"{package} {version} in functions of" in text.lower()
