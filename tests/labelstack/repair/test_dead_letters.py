"""Messages that are put back from the dead-letter queue."""

from __future__ import annotations

from datetime import timedelta

import pytest

from labelstack.repair import dead_letters
from tests.labelstack.repair.fakes import DEAD_LETTERS, NOW, QUEUE, FakeQueues

BEFORE = NOW - timedelta(hours=1)


@pytest.fixture
def sqs() -> FakeQueues:
    fake = FakeQueues()
    for n in range(23):
        fake.put(DEAD_LETTERS, f"message {n}", BEFORE)
    return fake


def test_all_are_moved_as_they_are(sqs: FakeQueues) -> None:
    assert dead_letters.move_all(sqs, DEAD_LETTERS, QUEUE, NOW) == 23

    assert sqs.bodies() == [f"message {n}" for n in range(23)]
    assert sqs.bodies(DEAD_LETTERS) == []
    assert sqs.groups == {"labelstack-repair"}


def test_what_fails_again_at_once_is_not_moved_for_ever(sqs: FakeQueues) -> None:
    def fail_again(operation: str) -> None:
        if operation == "delete_message" and sqs.waiting[QUEUE]:
            sqs.waiting[DEAD_LETTERS].append(sqs.waiting[QUEUE].pop())

    sqs.fail = fail_again

    assert dead_letters.move_all(sqs, DEAD_LETTERS, QUEUE, NOW) == 23


def test_interruption_loses_no_message(sqs: FakeQueues) -> None:
    def die(operation: str) -> None:
        if operation == "delete_message" and len(sqs.waiting[QUEUE]) == 5:
            raise KeyboardInterrupt

    sqs.fail = die
    with pytest.raises(KeyboardInterrupt):
        dead_letters.move_all(sqs, DEAD_LETTERS, QUEUE, NOW)
    sqs.fail = lambda operation: None
    sqs.time_out(DEAD_LETTERS)

    dead_letters.move_all(sqs, DEAD_LETTERS, QUEUE, NOW)

    assert set(sqs.bodies()) == {f"message {n}" for n in range(23)}
    assert len(sqs.bodies()) == 24  # the one that was sent and not yet deleted
