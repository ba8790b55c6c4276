"""Messages whose turn did not come are sent again as new ones, for some days."""

from __future__ import annotations

import io
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest
from aws_lambda_powertools import Logger, Metrics
from botocore.stub import Stubber

from handlers.labelling.errors import ConversionDelayedError, RekognitionServerError, RekognitionThrottledError
from handlers.labelling.events import ObjectEvent
from handlers.labelling.pacing import Deadline
from handlers.labelling.postponing import LONGEST, Postponement
from handlers.labelling.sqs_batch import QueueFunction, Redelivery
from handlers.labelling.tally import Count, Tally
from handlers.results.writer import ResultsWriter
from tests.handlers.factories import START, body, message, record
from tests.handlers.fakes import FakeRows
from tests.handlers.lambda_context import lambda_context

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

NOW = START + timedelta(days=10)


@dataclass
class RecordingSqs:
    """The two calls that are made of SQS."""

    sent: list[dict[str, Any]] = field(default_factory=list)
    hidden: list[int] = field(default_factory=list)

    def send_message(self, **request: Any) -> None:
        self.sent.append(request)

    def change_message_visibility(self, *, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int) -> None:
        self.hidden.append(VisibilityTimeout)


@dataclass
class Edge:
    """A queue function whose every picture is throttled."""

    sqs: Any = field(default_factory=RecordingSqs)
    error: Exception = field(default_factory=lambda: RekognitionThrottledError("no turn"))
    base_delay_s: float = 5
    tally: Tally = field(default_factory=Tally)
    counts: dict[Count, int] = field(default_factory=dict)

    def handle(self, *messages: dict[str, Any]) -> list[str]:
        """The identifiers of the messages that stay in the queue."""
        logger = Logger(service=f"postponing-{uuid.uuid4()}", stream=io.StringIO())
        client = cast("SQSClient", self.sqs)
        redelivery = Redelivery(client, "queue-url", self.base_delay_s, logger, jitter=lambda: 1.0)
        function = QueueFunction(
            on_event=self._fail,
            redelivery=redelivery,
            postponement=Postponement(client, "queue-url", redelivery.delay_s, self.tally, logger, lambda: NOW),
            results=ResultsWriter(FakeRows()),
            tally=self.tally,
            logger=logger,
            metrics=Metrics(namespace="Labelstack", service="test"),
        )
        take = self.tally.take
        self.counts = {}

        def keep() -> tuple[dict[Count, int], list[float]]:
            counts, times = take()
            self.counts.update(counts)
            return counts, times

        self.tally.take = keep  # type: ignore[method-assign]  # looked at before it is published
        answer = function.handle({"Records": list(messages)}, lambda_context())
        return [str(failure["itemIdentifier"]) for failure in answer["batchItemFailures"]]

    def _fail(self, event: ObjectEvent, deadline: Deadline) -> str:
        raise self.error


def sent_at(age: timedelta, *, postponed: int = 0, message_id: str = "m1") -> dict[str, Any]:
    """A message that was first sent so long ago, and postponed so often."""
    made = message(body(record()), message_id=message_id)
    since_ms = str(int((NOW - age).timestamp() * 1000))
    if postponed:
        made["attributes"]["SentTimestamp"] = str(int(NOW.timestamp() * 1000))
        made["messageAttributes"] = {
            "postponed": {"dataType": "Number", "stringValue": str(postponed)},
            "postponedSinceMs": {"dataType": "Number", "stringValue": since_ms},
        }
    else:
        made["attributes"]["SentTimestamp"] = since_ms
    return made


def attributes(request: dict[str, Any]) -> dict[str, str]:
    return {name: value["StringValue"] for name, value in request["MessageAttributes"].items()}


def test_throttled_message_is_sent_again_and_leaves_the_queue() -> None:
    edge = Edge()
    first = sent_at(timedelta(minutes=1))

    assert edge.handle(first) == []

    [request] = edge.sqs.sent
    assert (request["QueueUrl"], request["MessageBody"], request["DelaySeconds"]) == ("queue-url", first["body"], 5)
    since_ms = int((NOW - timedelta(minutes=1)).timestamp() * 1000)
    assert attributes(request) == {"postponed": "1", "postponedSinceMs": str(since_ms)}
    assert edge.sqs.hidden == []
    assert edge.counts[Count.PICTURES_POSTPONED] == 1


@pytest.mark.parametrize(("postponed", "delay_s"), [(1, 10), (3, 40), (7, 640), (8, 900), (1000, 900)])
def test_each_time_it_waits_longer_up_to_what_sqs_takes(postponed: int, delay_s: int) -> None:
    edge = Edge()

    edge.handle(sent_at(timedelta(hours=1), postponed=postponed))

    [request] = edge.sqs.sent
    assert request["DelaySeconds"] == delay_s
    assert attributes(request)["postponed"] == str(postponed + 1)


def test_conversion_that_did_not_begin_uses_up_no_receive() -> None:
    edge = Edge(error=ConversionDelayedError("no turn"))

    assert edge.handle(sent_at(timedelta(0))) == []

    assert (len(edge.sqs.sent), edge.sqs.hidden) == (1, [])


def test_it_waits_a_moment_even_without_a_delay_between_tries() -> None:
    edge = Edge(base_delay_s=0)

    edge.handle(sent_at(timedelta(0)))

    assert [request["DelaySeconds"] for request in edge.sqs.sent] == [1]


def test_time_counts_from_when_it_first_was_sent() -> None:
    edge = Edge()

    assert edge.handle(sent_at(LONGEST - timedelta(minutes=1), postponed=50)) == []
    assert edge.handle(sent_at(LONGEST + timedelta(minutes=1), postponed=50)) == ["m1"]

    assert len(edge.sqs.sent) == 1
    assert edge.sqs.hidden == [5]


def test_message_that_sqs_does_not_take_again_stays_in_the_queue() -> None:
    client = boto3.client("sqs", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    with Stubber(client) as stubber:
        stubber.add_client_error("send_message", "AccessDenied")
        stubber.add_response("change_message_visibility", {})

        assert Edge(sqs=client).handle(sent_at(timedelta(0))) == ["m1"]

        stubber.assert_no_pending_responses()


def test_other_failures_use_up_their_receives() -> None:
    edge = Edge(error=RekognitionServerError("500"))

    assert edge.handle(sent_at(timedelta(0))) == ["m1"]

    assert (edge.sqs.sent, edge.sqs.hidden) == ([], [5])


def test_each_message_of_a_batch_is_sent_again_by_itself() -> None:
    edge = Edge()

    assert edge.handle(*(sent_at(timedelta(0), message_id=f"m{n}") for n in range(10))) == []

    assert len(edge.sqs.sent) == 10
