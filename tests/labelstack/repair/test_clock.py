"""The cloud's time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from handlers.results.keys import iso_ms
from labelstack.repair.clock import cloud_time
from tests.labelstack.repair.fakes import NOW, QUEUE, FakeQueues


@pytest.mark.parametrize("wrong", [timedelta(hours=3), timedelta(minutes=-10)])
def test_clock_that_goes_wrong_is_not_gone_by(wrong: timedelta) -> None:
    assert cloud_time(FakeQueues(), QUEUE, lambda: NOW + wrong) == NOW


def test_clock_that_agrees_is_more_exact() -> None:
    here = NOW + timedelta(milliseconds=1_250)

    assert cloud_time(FakeQueues(), QUEUE, lambda: here) == here


def test_answer_without_a_date_leaves_this_machine_s_time() -> None:
    sqs = FakeQueues()
    sqs.date = None

    assert cloud_time(sqs, QUEUE, lambda: NOW) == NOW


def test_texts_are_in_utc() -> None:
    there = datetime(2026, 11, 21, 13, 30, 0, 250_999, tzinfo=timezone(timedelta(hours=1)))

    assert iso_ms(there) == "2026-11-21T12:30:00.250Z"
    assert iso_ms(there.astimezone(UTC)) == iso_ms(there)
