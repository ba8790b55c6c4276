"""Requests to the processor: what is sent, how fast, and what happens when the queue refuses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.labelling.events import EventKind, decode_message
from handlers.results.order import FIRST
from labelstack.errors import RepairError
from labelstack.repair.asking import ATTEMPTS, Asking, Pace
from tests.labelstack.cli.fakes import refusal
from tests.labelstack.repair.fakes import BUCKET, QUEUE, FakeQueues


class Clock:
    """Time that passes by sleeping alone."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.slept_s: list[float] = []

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        self.now_s += seconds


@pytest.fixture
def sqs() -> FakeQueues:
    return FakeQueues()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def asking(sqs: FakeQueues, clock: Clock) -> Asking:
    return Asking(sqs, QUEUE, BUCKET, sleep=clock.sleep)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200))
def test_processor_reads_what_was_asked(key: str) -> None:
    sqs = FakeQueues()

    list(Asking(sqs, QUEUE, BUCKET).ask([key]))

    [event] = decode_message(sqs.bodies()[0]).events
    assert (event.kind, event.bucket, event.key, event.made_before) == (EventKind.ASKED, BUCKET, key, None)
    assert (event.position, event.version_id) == (FIRST, None)


def test_time_before_which_results_are_too_old_comes_along(asking: Asking, sqs: FakeQueues) -> None:
    list(asking.ask(["a.jpg"], "2026-11-21T12:00:00.000Z"))

    [event] = decode_message(sqs.bodies()[0]).events
    assert event.made_before == "2026-11-21T12:00:00.000Z"


def test_batches_are_given_once_the_queue_has_them(asking: Asking, sqs: FakeQueues) -> None:
    batches = asking.ask(f"{n}.jpg" for n in range(23))

    assert (len(next(batches)), len(sqs.bodies())) == (10, 10)
    assert [len(batch) for batch in batches] == [10, 3]
    assert len(sqs.bodies()) == 23


def test_nothing_is_sent_for_nothing(asking: Asking, sqs: FakeQueues) -> None:
    assert list(asking.ask([])) == []
    assert sqs.calls == 0


def test_refused_part_of_a_batch_is_sent_again_alone(asking: Asking, sqs: FakeQueues, clock: Clock) -> None:
    refusals = iter(["slow down", "slow down"])
    sqs.refuse = lambda body: next(refusals, None) if "/3.jpg" in body else None

    list(asking.ask(f"a/{n}.jpg" for n in range(5)))

    assert sorted(event.key for body in sqs.bodies() for event in decode_message(body).events) == [
        f"a/{n}.jpg" for n in range(5)
    ]
    assert (sqs.calls, clock.slept_s) == (3, [0.4, 0.8])


def test_queue_that_refuses_for_good_is_an_error(asking: Asking, sqs: FakeQueues) -> None:
    sqs.refuse = lambda body: "no room" if "b.jpg" in body else None

    with pytest.raises(RepairError, match=f"refused 1 of a batch of pictures {ATTEMPTS} times: no room"):
        list(asking.ask(["a.jpg", "b.jpg"]))

    assert len(sqs.bodies()) == 1


def test_queue_that_is_gone_is_an_error(asking: Asking, sqs: FakeQueues) -> None:
    def gone(operation: str) -> None:
        raise refusal("SendMessageBatch", "AWS.SimpleQueueService.NonExistentQueue", 400)

    sqs.fail = gone

    with pytest.raises(RepairError, match=r"the queue did not take the pictures: .*NonExistentQueue"):
        list(asking.ask(["a.jpg"]))


def test_rate_is_kept(sqs: FakeQueues, clock: Clock) -> None:
    asking = Asking(sqs, QUEUE, BUCKET, Pace(4, clock, clock.sleep))

    list(asking.ask(f"{n}.jpg" for n in range(25)))

    assert clock.slept_s == [2.5, 2.5]


def test_time_that_was_lost_is_not_made_up_for(clock: Clock) -> None:
    pace = Pace(10, clock, clock.sleep)
    pace.keep(10)
    clock.now_s += 60
    pace.keep(10)

    pace.keep(10)

    assert clock.slept_s == [1.0]


def test_without_a_rate_nothing_waits(clock: Clock) -> None:
    pace = Pace(None, clock, clock.sleep)
    pace.keep(1000)
    pace.keep(1000)

    assert clock.slept_s == []
