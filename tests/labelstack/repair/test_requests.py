"""Requests to the processor: their content, their rate, and refusals of the queue."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.labelling.events import EventKind, decode_message
from handlers.results.order import FIRST
from labelstack.errors import RepairError
from labelstack.repair import dead_letters
from labelstack.repair.requests import ATTEMPTS, FEW, LEFT, LONGEST_TURN_S, LOOK_S, Pace, RepairRequests
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
def requests(sqs: FakeQueues, clock: Clock) -> RepairRequests:
    return RepairRequests(sqs, QUEUE, BUCKET, sleep=clock.sleep)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200))
def test_processor_reads_what_was_asked(key: str) -> None:
    sqs = FakeQueues()

    list(RepairRequests(sqs, QUEUE, BUCKET).send([key]))

    [event] = decode_message(sqs.bodies()[0]).events
    assert (event.kind, event.bucket, event.key, event.processed_before) == (EventKind.REPAIR, BUCKET, key, None)
    assert (event.position, event.version_id) == (FIRST, None)


def test_batches_are_given_once_the_queue_has_them(requests: RepairRequests, sqs: FakeQueues) -> None:
    batches = requests.send(f"{n}.jpg" for n in range(23))

    assert (len(next(batches)), len(sqs.bodies())) == (10, 10)
    assert [len(batch) for batch in batches] == [10, 3]
    assert len(sqs.bodies()) == 23


def test_requests_are_a_group_of_their_own_which_no_upload_is(requests: RepairRequests, sqs: FakeQueues) -> None:
    list(requests.send(f"{n}.jpg" for n in range(23)))

    assert sqs.groups == {"labelstack-repair"}


def test_nothing_is_sent_for_nothing(requests: RepairRequests, sqs: FakeQueues) -> None:
    assert list(requests.send([])) == []
    assert sqs.calls == 0


def test_refused_part_of_a_batch_is_sent_again_alone(requests: RepairRequests, sqs: FakeQueues, clock: Clock) -> None:
    refusals = iter(["slow down", "slow down"])
    sqs.refuse = lambda body: next(refusals, None) if "/3.jpg" in body else None

    list(requests.send(f"a/{n}.jpg" for n in range(5)))

    assert sorted(event.key for body in sqs.bodies() for event in decode_message(body).events) == [
        f"a/{n}.jpg" for n in range(5)
    ]
    assert (sqs.calls, clock.slept_s) == (3, [0.4, 0.8])


def test_queue_that_refuses_for_good_is_an_error(requests: RepairRequests, sqs: FakeQueues) -> None:
    sqs.refuse = lambda body: "no room" if "b.jpg" in body else None

    with pytest.raises(RepairError, match=f"SQS refused 1 requests {ATTEMPTS} times: no room"):
        list(requests.send(["a.jpg", "b.jpg"]))

    assert len(sqs.bodies()) == 1


def test_rate_is_kept(sqs: FakeQueues, clock: Clock) -> None:
    requests = RepairRequests(sqs, QUEUE, BUCKET, Pace(4, clock, clock.sleep))

    list(requests.send(f"{n}.jpg" for n in range(25)))

    assert clock.slept_s == [2.5, 2.5]


def test_time_that_was_lost_is_not_made_up_for(clock: Clock) -> None:
    pace = Pace(10, clock, clock.sleep)
    pace.keep(10)
    clock.now_s += 60
    pace.keep(10)

    pace.keep(10)

    assert clock.slept_s == [1.0]


def test_short_queue_gets_the_next_requests_when_the_last_have_ended(sqs: FakeQueues, clock: Clock) -> None:
    longest = 0

    def finish_after_a_while(seconds: float) -> None:
        clock.sleep(seconds)
        if len(clock.slept_s) % 3 == 0:
            sqs.waiting[QUEUE].clear()

    pace = Pace(None, clock, finish_after_a_while, unfinished=lambda: dead_letters.unfinished(sqs, QUEUE))
    for _ in RepairRequests(sqs, QUEUE, BUCKET, pace).send(f"{n}.jpg" for n in range(5 * FEW)):
        longest = max(longest, len(sqs.bodies()))

    assert longest == FEW
    assert clock.slept_s == [LOOK_S] * 3 * 4


def test_message_that_waits_for_its_turn_holds_nothing_up_for_long(sqs: FakeQueues, clock: Clock) -> None:
    for _ in range(LEFT + 1):
        sqs.put(QUEUE, "a message that was put off", sqs.now)
    sqs.receive_message(QueueUrl=QUEUE, MaxNumberOfMessages=10, MessageSystemAttributeNames=["SentTimestamp"])
    pace = Pace(None, clock, clock.sleep, unfinished=lambda: dead_letters.unfinished(sqs, QUEUE))

    list(RepairRequests(sqs, QUEUE, BUCKET, pace).send(f"{n}.jpg" for n in range(2 * FEW)))

    assert len(sqs.bodies()) == 2 * FEW
    assert sum(clock.slept_s) == pytest.approx(2 * LONGEST_TURN_S, abs=3 * LOOK_S)


def test_without_a_rate_nothing_waits(clock: Clock) -> None:
    pace = Pace(None, clock, clock.sleep)
    pace.keep(1000)
    pace.keep(1000)

    assert clock.slept_s == []
