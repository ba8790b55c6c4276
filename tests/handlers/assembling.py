"""The pipeline, assembled as in `composition`, over a test's objects or fakes."""

from __future__ import annotations

import io
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, cast

from aws_lambda_powertools import Logger

from handlers.labelling.decoder import Preparation
from handlers.labelling.detectors import Detector, DetectorSettings
from handlers.labelling.events import Deadline, ObjectEvent, Outcome, QueueMessage
from handlers.labelling.metrics import Metrics
from handlers.labelling.outbox import Outbox
from handlers.labelling.pipeline import Pipeline
from handlers.labelling.rekognition import Detect
from handlers.labelling.s3_objects import S3Objects
from handlers.labelling.sqs_queue import EventsQueue
from handlers.results.table import ResultsWriter, Rows
from tests.handlers.factories import BUCKET, body, message, record, time_of
from tests.handlers.fakes import DecoderHere, FakeObjects, FakeRekognition, FakeRows

LABELS_ALONE = DetectorSettings((Detector.LABELS,), 10, Decimal(50))
CACHE_DAYS = 30
MAX_ATTEMPTS = 5
MANY_PIXELS = 50_000_000
FOREVER = Deadline(1e12)


def assembled_pipeline(
    rows: Rows,
    objects: S3Objects,
    detect: Detect | None,
    operations: Executor,
    now: Callable[[], datetime],
    *,
    settings: DetectorSettings = LABELS_ALONE,
    max_converted_pixels: int = MANY_PIXELS,
    results: ResultsWriter | None = None,
    metrics: Metrics | None = None,
    warn: Callable[[str], None] = lambda _: None,
    outbox: Outbox | None = None,
) -> Pipeline:
    """Return a pipeline over the rows, without waits between tries, unless a test passes other parts."""
    metrics = metrics or Metrics()
    return Pipeline(
        bucket=BUCKET,
        settings=settings,
        objects=objects,
        preparation=Preparation(objects, DecoderHere(max_converted_pixels), metrics),
        rekognition=detect,
        results=results or ResultsWriter(rows, sleep=lambda _: None),
        outbox=outbox,
        cache_days=CACHE_DAYS,
        metrics=metrics,
        operations=operations,
        now=now,
        warn=warn,
    )


def process(pipeline: Pipeline, event: ObjectEvent, deadline: Deadline = FOREVER) -> Outcome:
    """Process one event, as a batch of its own."""
    [outcome] = process_batch(pipeline, [event], deadline)
    return outcome


def process_batch(pipeline: Pipeline, events: Sequence[ObjectEvent], deadline: Deadline = FOREVER) -> list[Outcome]:
    """Process the events of one batch at the same time; raises the first error when all have ended."""
    with pipeline.open(events, deadline) as batch:
        if len(events) == 1:
            return [Outcome(pipeline.process(events[0], batch).outcome)]
        with ThreadPoolExecutor(10) as messages:
            ended = messages.map(lambda event: pipeline.process(event, batch), events)
            return [Outcome(end.outcome) for end in ended]


class FakeSqs:
    """A fake of SQS's calls."""

    def __init__(self, waiting: Sequence[dict[str, Any]] = ()) -> None:
        self.waiting = list(waiting)
        """Messages as Lambda gets them."""
        self.sent: list[dict[str, Any]] = []
        self.hidden: dict[str, int] = {}
        self.deleted: list[str] = []

    def receive_message(self, *, QueueUrl: str, MaxNumberOfMessages: int, **_: Any) -> dict[str, Any]:
        messages, self.waiting = self.waiting[:MaxNumberOfMessages], self.waiting[MaxNumberOfMessages:]
        names = ("messageId", "receiptHandle", "body", "attributes")
        return {"Messages": [{name[0].upper() + name[1:]: each[name] for name in names} for each in messages]}

    def delete_message_batch(self, *, QueueUrl: str, Entries: Sequence[dict[str, str]]) -> dict[str, Any]:
        assert 1 <= len(Entries) <= 10
        self.deleted += [entry["ReceiptHandle"] for entry in Entries]
        return {}

    def send_message(self, **request: Any) -> None:
        self.sent.append(request)

    def change_message_visibility(self, *, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int) -> None:
        assert QueueUrl == "queue-url"
        self.hidden[ReceiptHandle] = VisibilityTimeout


def events_queue(
    rows: Rows,
    *,
    sqs: Any = None,
    base_delay_s: float = 5,
    max_attempts: int = MAX_ATTEMPTS,
    has_dead_letters: bool = True,
    metrics: Metrics | None = None,
    logger: Logger | None = None,
    now: datetime | None = None,
) -> EventsQueue:
    """Return one queue, with retries at their longest delays."""
    return EventsQueue(
        sqs=sqs or cast("Any", FakeSqs()),
        url="queue-url",
        dead_letters_url="dead-letters-url" if has_dead_letters else None,
        max_attempts=max_attempts,
        base_delay_s=base_delay_s,
        results=ResultsWriter(rows),
        metrics=metrics or Metrics(),
        logger=logger or Logger(service=f"test-{uuid.uuid4()}", stream=io.StringIO()),
        now=lambda: now or time_of(50),
        jitter=lambda: 1.0,
    )


def fail_at(event: ObjectEvent, error: Exception, queue: EventsQueue) -> None:
    """Fail an attempt at an event, as the function's edge does."""
    queue.retry(error, event, QueueMessage.of_record(message(body(record()))))


@dataclass
class Fakes:
    """All that the pipeline sees, for tests to set and to look at."""

    operations: Executor
    rows: FakeRows = field(default_factory=FakeRows)
    objects: FakeObjects = field(default_factory=FakeObjects)
    rekognition: FakeRekognition = field(default_factory=FakeRekognition)
    metrics: Metrics = field(default_factory=Metrics)
    warnings: list[str] = field(default_factory=list)
    now: datetime = field(default_factory=lambda: time_of(100))

    def assembled(
        self,
        *,
        settings: DetectorSettings = LABELS_ALONE,
        max_converted_pixels: int = MANY_PIXELS,
        outbox: Outbox | None = None,
    ) -> Pipeline:
        """Return a pipeline over these fakes."""
        return assembled_pipeline(
            self.rows,
            self.objects,
            self.rekognition.detect,
            self.operations,
            lambda: self.now,
            settings=settings,
            max_converted_pixels=max_converted_pixels,
            metrics=self.metrics,
            warn=self.warnings.append,
            outbox=outbox,
        )
