"""The SQS edge: partial failures, redelivery, metrics and log lines."""

from __future__ import annotations

import io
import json
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import boto3
import pytest
from aws_lambda_powertools import Logger
from botocore.stub import Stubber

from handlers.labelling.errors import RekognitionServerError
from handlers.labelling.events import Deadline, Ended, ObjectEvent
from handlers.labelling.metrics import Metric, Metrics
from handlers.labelling.sqs_queue import QueueFunction
from handlers.results import keys
from handlers.results.codes import Status
from handlers.results.errors import TableUnavailableError
from tests.handlers.assembling import FakeSqs, events_queue
from tests.handlers.factories import body, label, labeled, message, record, time_of
from tests.handlers.fakes import FakeRows
from tests.handlers.lambda_context import emitted, lambda_context

LABELED = Ended("LABELED")


@dataclass
class Edge:
    """A queue function whose work the test defines."""

    work: Callable[[ObjectEvent], Ended | None] = lambda event: LABELED
    rows: FakeRows = field(default_factory=FakeRows)
    sqs: Any = field(default_factory=FakeSqs)
    metrics: Metrics = field(default_factory=Metrics)
    log: io.StringIO = field(default_factory=io.StringIO)
    events: list[ObjectEvent] = field(default_factory=list)
    deadlines: list[Deadline] = field(default_factory=list)
    opened: list[list[str]] = field(default_factory=list)
    pictures_at_once: float | None = None
    clock: Callable[[], float] = lambda: 1000.0
    # Powertools has one logger per service name, for as long as the process lives.
    service: str = field(default_factory=lambda: f"test-{uuid.uuid4()}")

    def handle(self, *messages: dict[str, Any], remaining_ms: int = 60_000) -> list[str]:
        """Return the identifiers of the messages that stay in the queue."""
        logger = Logger(service=self.service, level="INFO", stream=self.log)
        queue = events_queue(self.rows, sqs=self.sqs, metrics=self.metrics, logger=logger, now=time_of(9))
        at_once = None if self.pictures_at_once is None else lambda: self.pictures_at_once or 0
        function = QueueFunction(queue, self.process, self.open, pictures_at_once=at_once, clock=self.clock)
        handle = logger.inject_lambda_context(function.handle)  # as `composition` does
        answer = handle({"Records": list(messages)}, lambda_context(remaining_ms))
        return [str(failure["itemIdentifier"]) for failure in answer["batchItemFailures"]]

    @contextmanager
    def open(self, events: Sequence[ObjectEvent], deadline: Deadline) -> Iterator[None]:
        self.opened.append([event.key for event in events])
        self.deadlines.append(deadline)
        yield

    def process(self, event: ObjectEvent, batch: None) -> Ended:
        self.events.append(event)
        return self.work(event) or LABELED

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.getvalue().splitlines()]


def broken(event: ObjectEvent) -> Ended:
    if event.key.startswith("bad"):
        raise RekognitionServerError("no")
    return LABELED


def attempts(rows: FakeRows) -> dict[str, str]:
    """Return the recorded reasons of failed attempts."""
    return {pk: item["code"] for (pk, _), item in rows.items.items() if pk.startswith("ATTEMPT#")}


def test_good_batch_leaves_nothing_in_the_queue() -> None:
    edge = Edge()

    assert edge.handle(*(message(body(record(f"{n}.jpg")), message_id=f"m{n}") for n in range(10))) == []

    assert sorted(event.key for event in edge.events) == [f"{n}.jpg" for n in range(10)]
    assert edge.opened == [[f"{n}.jpg" for n in range(10)]], "all events of the batch are opened at once"
    assert edge.sqs.hidden == {}


def test_only_failed_messages_stay() -> None:
    edge = Edge(work=broken)
    good, bad = message(body(record("good.jpg")), message_id="m1"), message(body(record("bad.jpg")), message_id="m2")

    assert edge.handle(good, bad) == ["m2"]

    assert attempts(edge.rows) == {"ATTEMPT#bad.jpg": "REKOGNITION_ERROR"}


def test_whole_batch_may_fail_without_an_error_of_the_function() -> None:
    assert Edge(work=broken).handle(message(body(record("bad.jpg")))) == ["m1"]


def test_error_that_nobody_expected_keeps_the_message() -> None:
    def bug(event: ObjectEvent) -> Ended:
        raise KeyError("bug")

    edge = Edge(work=bug)

    assert edge.handle(message(body(record()))) == ["m1"]
    assert edge.sqs.hidden == {"receipt-m1": 5}
    [line] = edge.lines
    assert (line["level"], line["code"], line["key"]) == ("ERROR", "KeyError", "cat.jpg")
    assert "KeyError: 'bug'" in line["exception"]


def test_error_that_passes_is_logged_with_its_code_and_without_a_trace() -> None:
    edge = Edge(work=broken)

    edge.handle(message(body(record("bad.jpg"))))

    [line] = edge.lines
    assert (line["level"], line["code"], line["key"]) == ("WARNING", "REKOGNITION_ERROR", "bad.jpg")
    assert "exception" not in line


def test_messages_of_a_batch_run_at_the_same_time() -> None:
    together = threading.Barrier(10, timeout=60)

    def meet(event: ObjectEvent) -> Ended:
        together.wait()
        return LABELED

    assert Edge(work=meet).handle(*(message(body(record()), message_id=f"m{n}") for n in range(10))) == []


@pytest.mark.parametrize(("received", "delay_s"), [(1, 5), (2, 10), (3, 20), (4, 40)])
def test_failed_message_comes_again_later_each_time(received: int, delay_s: int) -> None:
    edge = Edge(work=broken)

    edge.handle(message(body(record("bad.jpg")), receive_count=received))

    assert edge.sqs.hidden == {"receipt-m1": delay_s}


@pytest.mark.parametrize(("times", "delay_s"), [(8, 640), (9, 900), (5000, 900)])
def test_delay_has_an_end(times: int, delay_s: int) -> None:
    assert events_queue(FakeRows()).delay_s(times, 5) == delay_s


def test_redelivery_is_spread() -> None:
    delays = {
        replace(events_queue(FakeRows(), base_delay_s=10), jitter=lambda part=part: part).delay_s(1, 10)  # type: ignore[misc]  # the default
        for part in (0.0, 0.5, 1.0)
    }

    assert delays == {5, 8, 10}


def test_log_line_of_a_picture_has_its_labels_and_no_other_s() -> None:
    def work(event: ObjectEvent) -> Ended:
        write = labeled("cat.jpg", label("Cat", "97.1235"), label("Pet"))
        return Ended("LABELED", write.result if event.key == "cat.jpg" else None)

    edge = Edge(work=work)

    edge.handle(message(body(record("cat.jpg"), record("known.jpg"))))

    cat, known = edge.lines
    assert (cat["message"], cat["key"]) == ("Event processed", "cat.jpg")
    assert cat["labels"] == [{"name": "Cat", "confidence": 97.1235}, {"name": "Pet", "confidence": 90.5}]
    assert (known["key"], "labels" in known) == ("known.jpg", False)


def test_log_line_of_a_rejected_picture_has_no_labels() -> None:
    edge = Edge(work=lambda event: Ended("REJECTED", labeled(status=Status.REJECTED).result))

    edge.handle(message(body(record())))

    assert "labels" not in edge.lines[-1]


def test_message_that_cannot_be_put_off_is_only_warned_of() -> None:
    client = boto3.client("sqs", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    edge = Edge(work=broken, sqs=client)
    with Stubber(client) as stubber:
        stubber.add_client_error("change_message_visibility", "ReceiptHandleIsInvalid")

        assert edge.handle(message(body(record("bad.jpg")))) == ["m1"]

    assert "next delivery failed" in edge.log.getvalue()


def test_poison_is_kept_and_completed(capsys: pytest.CaptureFixture[str]) -> None:
    edge = Edge()

    assert edge.handle(message("this is no JSON", message_id="poison")) == []

    item = edge.rows.items[keys.UNREADABLE + "poison", keys.META]
    assert (item["body"], item["status"], item["code"]) == ("this is no JSON", "FAILED", "UNREADABLE_MESSAGE")
    assert emitted(capsys)["UnreadableMessages"] == [1]
    assert edge.sqs.hidden == {}


def test_poison_that_cannot_be_kept_stays_in_the_queue() -> None:
    def fail(operation: str) -> None:
        raise TableUnavailableError("throttled")

    edge = Edge()
    edge.rows.fail = fail

    assert edge.handle(message("this is no JSON")) == ["m1"]
    assert edge.sqs.hidden == {"receipt-m1": 5}
    [line] = [line for line in edge.lines if line["level"] == "WARNING"]
    assert "throttled" in line["error"]


def test_good_records_of_a_message_with_a_bad_one_are_processed() -> None:
    edge = Edge()

    assert edge.handle(message(body(record("good.jpg"), {"no": "event"}))) == []

    assert [event.key for event in edge.events] == ["good.jpg"]
    assert (keys.UNREADABLE + "m1", keys.META) in edge.rows.items


def test_test_event_is_completed_with_a_metric_and_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    edge = Edge()

    assert edge.handle(message(json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent"}))) == []

    assert emitted(capsys)["IgnoredEvents"] == [1]
    assert [line["event_name"] for line in edge.lines] == ["s3:TestEvent"]
    assert edge.rows.items == {}


def test_metrics_are_published_once_per_batch(capsys: pytest.CaptureFixture[str]) -> None:
    edge = Edge()
    edge.metrics.add(Metric.PICTURES_LABELED, 3)
    edge.metrics.time_upload_to_result(120.5)
    edge.metrics.time_upload_to_result(80)

    edge.handle(message(body(record())))

    metrics = emitted(capsys)
    assert metrics["PicturesLabeled"] == [3]
    assert metrics["UploadToResult"] == [120.5, 80]
    assert metrics["service"] == "test"
    [description] = metrics["_aws"]["CloudWatchMetrics"]
    assert description["Namespace"] == "Labelstack"
    assert description["Dimensions"] == [["service"]]
    assert {metric["Name"]: metric["Unit"] for metric in description["Metrics"]} == {
        "PicturesLabeled": "Count",
        "UploadToResult": "Milliseconds",
    }


def test_metrics_are_published_for_a_batch_that_fails(capsys: pytest.CaptureFixture[str]) -> None:
    edge = Edge(work=broken)
    edge.metrics.add(Metric.REKOGNITION_THROTTLES)

    edge.handle(message(body(record("bad.jpg"))))

    assert emitted(capsys)["RekognitionThrottles"] == [1]


def test_log_lines_carry_the_keys_of_their_own_picture() -> None:
    together = threading.Barrier(4, timeout=60)

    def meet(event: ObjectEvent) -> Ended:
        together.wait()
        return LABELED

    edge = Edge(work=meet)
    edge.handle(
        *(message(body(record(f"{n}.jpg", sequencer=n, version_id=f"v{n}")), message_id=f"m{n}") for n in range(1, 5))
    )

    lines = [line for line in edge.lines if line["message"] == "Event processed"]
    assert len(lines) == 4
    for line in lines:
        number = line["key"].removesuffix(".jpg")
        assert line["correlation_id"] == f"m{number}"
        assert (line["version_id"], line["sequencer"]) == (f"v{number}", number)
        assert line["s3_request_id"] == "REQUEST1"
        assert line["outcome"] == "LABELED"
        assert line["function_request_id"] == "request-1"


def test_keys_of_a_picture_do_not_stay_for_the_next_batch() -> None:
    edge = Edge()
    edge.handle(message(body(record("first.jpg"))))
    edge.handle(message(json.dumps({"Event": "s3:TestEvent"}), message_id="m2"))

    assert "key" not in edge.lines[-1]
    assert edge.lines[-1]["correlation_id"] == "m2"


def test_deadline_leaves_a_margin_before_the_function_s_time_out() -> None:
    edge = Edge()

    edge.handle(message(body(record())), remaining_ms=30_000)

    assert [deadline.remaining_s for deadline in edge.deadlines] == [28]
