"""Messages that wait for their turn use up no attempt; those that fail, or whose function is killed, do."""

from __future__ import annotations

import io
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import boto3
import pytest
from aws_lambda_powertools import Logger
from botocore.stub import Stubber

from handlers.labelling.errors import ConversionDelayedError, RekognitionServerError, RekognitionThrottledError
from handlers.labelling.events import Deadline, Ended, ObjectEvent
from handlers.labelling.metrics import Metric, Metrics
from handlers.labelling.sqs_queue import LONGEST_WAIT, QueueFunction
from handlers.results.errors import TableUnavailableError
from tests.handlers.assembling import MAX_ATTEMPTS, FakeSqs, events_queue
from tests.handlers.factories import START, body, message, record
from tests.handlers.fakes import FakeRows
from tests.handlers.lambda_context import lambda_context

NOW = START + timedelta(days=10)
THROTTLED, BROKEN = RekognitionThrottledError("no turn"), RekognitionServerError("500")


@dataclass
class Edge:
    """A queue function whose every picture fails; its message stays one in the queue, and is received again."""

    sqs: Any = field(default_factory=FakeSqs)
    error: Exception | None = THROTTLED
    base_delay_s: float = 5
    max_attempts: int = MAX_ATTEMPTS
    has_dead_letters: bool = True
    rows: FakeRows = field(default_factory=FakeRows)
    metrics: Metrics = field(default_factory=Metrics)
    counts: Counter[Metric] = field(default_factory=Counter)
    receives: Counter[str] = field(default_factory=Counter)
    processed: int = 0

    def receive(self, *message_ids: str, age: timedelta = timedelta(0), key: str = "cat.jpg") -> list[str]:
        """Receive these messages once more, and process them; the identifiers of those that stay in the queue."""
        sent_at_ms = int((NOW - age).timestamp() * 1000)
        records = []
        for message_id in message_ids or ("m1",):
            self.receives[message_id] += 1
            records.append(message(body(record(key)), message_id=message_id, receive_count=self.receives[message_id]))
            records[-1]["attributes"]["SentTimestamp"] = str(sent_at_ms)
        answer = self._function().handle({"Records": records}, lambda_context())
        return [str(failure["itemIdentifier"]) for failure in answer["batchItemFailures"]]

    def lose(self, message_id: str = "m1") -> None:
        """Receive a message in a function that is killed: nothing is noted."""
        self.receives[message_id] += 1

    def _function(self) -> QueueFunction:
        logger = Logger(service=f"waiting-{uuid.uuid4()}", stream=io.StringIO())
        queue = events_queue(
            self.rows,
            sqs=self.sqs,
            base_delay_s=self.base_delay_s,
            max_attempts=self.max_attempts,
            has_dead_letters=self.has_dead_letters,
            metrics=self.metrics,
            logger=logger,
            now=NOW,
        )
        return QueueFunction(queue, self.process, self.open)

    @contextmanager
    def open(self, events: Sequence[ObjectEvent], deadline: Deadline) -> Iterator[None]:
        yield
        self.counts.update(self.metrics.take()[0])

    def process(self, event: ObjectEvent, batch: None) -> Ended:
        self.processed += 1
        if self.error:
            raise self.error
        return Ended("LABELED")


def test_throttled_message_stays_in_the_queue_and_is_not_copied() -> None:
    edge = Edge()

    assert edge.receive() == ["m1"]

    assert (edge.sqs.sent, edge.sqs.hidden) == ([], {"receipt-m1": 5})
    assert edge.counts[Metric.PICTURES_POSTPONED] == 1


@pytest.mark.parametrize("error", [THROTTLED, ConversionDelayedError("no turn")])
def test_waits_use_up_no_attempt_and_grow(error: Exception) -> None:
    edge = Edge(error=error)

    delays = [edge.receive() and edge.sqs.hidden["receipt-m1"] for _ in range(100)]

    assert delays[:10] == [5, 10, 20, 40, 80, 160, 320, 640, 900, 900]
    assert (delays[-1], edge.sqs.sent, edge.processed) == (900, [], 100)


def test_message_waits_a_moment_and_then_longer_even_without_a_delay_between_tries() -> None:
    edge = Edge(base_delay_s=0)

    delays = [edge.receive() and edge.sqs.hidden["receipt-m1"] for _ in range(14)]

    assert delays[:4] == [1, 1, 1, 1]
    assert delays[-2:] == [410, 819]


def test_attempts_after_waits_are_all_there() -> None:
    edge = Edge()
    for _ in range(50):
        edge.receive()

    edge.error = BROKEN
    stays = [edge.receive() for _ in range(MAX_ATTEMPTS)]

    assert stays == [["m1"]] * (MAX_ATTEMPTS - 1) + [[]]
    assert [request["QueueUrl"] for request in edge.sqs.sent] == ["dead-letters-url"]


def test_message_goes_to_the_dead_letters_after_its_last_attempt_at_once() -> None:
    edge = Edge(error=BROKEN)

    stays = [edge.receive() for _ in range(MAX_ATTEMPTS)]

    assert stays == [["m1"]] * (MAX_ATTEMPTS - 1) + [[]]
    assert edge.sqs.sent == [{"QueueUrl": "dead-letters-url", "MessageBody": body(record())}]
    assert edge.counts[Metric.PICTURES_POSTPONED] == 0


def test_killed_functions_use_up_the_attempts_and_the_message_is_not_looked_at_again() -> None:
    edge = Edge(error=None)
    for _ in range(MAX_ATTEMPTS):
        edge.lose()

    assert edge.receive() == []

    assert edge.processed == 0
    assert len(edge.sqs.sent) == 1


def test_kills_among_waits_are_counted() -> None:
    edge = Edge()
    for _ in range(MAX_ATTEMPTS):
        edge.receive()
        edge.lose()

    assert edge.receive() == []

    assert edge.processed == MAX_ATTEMPTS
    assert len(edge.sqs.sent) == 1


def test_waits_of_one_message_are_not_those_of_another_of_the_same_event() -> None:
    edge = Edge()
    for _ in range(10):
        edge.receive("m1")
    for _ in range(MAX_ATTEMPTS):
        edge.lose("m2")

    assert edge.receive("m1", "m2") == ["m1"]

    assert len(edge.sqs.sent) == 1


def test_waits_of_a_batch_are_read_at_once_and_never_of_messages_that_come_first() -> None:
    edge = Edge()

    edge.receive("m1", "m2", "m3")
    assert edge.rows.reads == []

    edge.receive("m1", "m2", "m4")
    assert edge.rows.reads == [1], "one note of the picture"


def test_after_three_days_a_wait_is_an_attempt() -> None:
    edge = Edge()
    edge.receive(age=LONGEST_WAIT - timedelta(minutes=1))

    stays = [edge.receive(age=LONGEST_WAIT + timedelta(minutes=1)) for _ in range(MAX_ATTEMPTS)]

    assert stays == [["m1"]] * (MAX_ATTEMPTS - 1) + [[]]


def test_wait_that_cannot_be_noted_is_an_attempt() -> None:
    def fail(operation: str) -> None:
        if operation == "update":
            raise TableUnavailableError("throttled")

    edge = Edge()
    edge.rows.fail = fail

    assert [edge.receive() for _ in range(MAX_ATTEMPTS)][-1] == []


def test_nothing_is_given_up_while_the_table_cannot_tell_waits_from_attempts() -> None:
    def fail(operation: str) -> None:
        raise TableUnavailableError("throttled")

    edge = Edge(error=BROKEN)
    edge.rows.fail = fail

    assert [edge.receive() for _ in range(3 * MAX_ATTEMPTS)] == [["m1"]] * 3 * MAX_ATTEMPTS

    assert edge.sqs.sent == []


def test_message_that_the_dead_letters_do_not_take_stays_in_the_queue() -> None:
    client = boto3.client("sqs", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    edge = Edge(sqs=client, error=BROKEN, max_attempts=1)
    with Stubber(client) as stubber:
        stubber.add_client_error("send_message", "AccessDenied")
        stubber.add_response("change_message_visibility", {})

        assert edge.receive() == ["m1"]

        stubber.assert_no_pending_responses()


def test_dead_letters_have_no_last_attempt_and_note_nothing() -> None:
    edge = Edge(error=BROKEN, has_dead_letters=False)

    assert [edge.receive() for _ in range(100)] == [["m1"]] * 100

    assert (edge.sqs.sent, edge.rows.items) == ([], {})
    assert edge.sqs.hidden == {"receipt-m1": 900}


def test_message_that_waited_can_be_labeled() -> None:
    edge = Edge()
    edge.receive()
    edge.error = None

    assert edge.receive() == []

    assert edge.sqs.sent == []
