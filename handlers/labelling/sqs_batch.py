"""The SQS edge that both queue functions share: messages at once, partial failures, metrics, log lines with keys.

Powertools does the batch protocol, the JSON log and the metrics' format; what is ours is to run messages in threads
and to try a failed message again later and later.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from botocore.exceptions import BotoCoreError, ClientError

from handlers.labelling.errors import AnnouncementError, DelayedError, TransientError
from handlers.labelling.events import ObjectEvent, decode_message, iso_ms
from handlers.labelling.pacing import Deadline
from handlers.labelling.ports import Results
from handlers.labelling.postponing import Postponement
from handlers.labelling.reporting import publish
from handlers.labelling.tally import Count, Tally
from handlers.results.document import Result
from handlers.results.errors import ResultsError

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_sqs import SQSClient

MAX_VISIBILITY_S: Final = 900


class OnEvent(Protocol):
    """What a function does with one event; the answer is for the log."""

    def __call__(self, event: ObjectEvent, deadline: Deadline) -> str: ...


class OnFailure(Protocol):
    """What a function does when one event failed; the message stays in the queue."""

    def __call__(self, event: ObjectEvent, error: Exception) -> None: ...


def show_labels(logger: Logger, result: Result) -> None:
    """Put a result's labels into the log lines of its event that come after this."""
    if "labels" in result:
        labels = [{"name": label["name"], "confidence": float(label["confidence"])} for label in result["labels"]]
        logger.thread_safe_append_keys(labels=labels)


class ThreadedBatchProcessor(BatchProcessor):
    """Powertools' batch processor with all records of a batch at the same time."""

    def process(self) -> list[tuple[Any, ...]]:
        """Process the records in threads; results in their order."""
        with ThreadPoolExecutor(max_workers=max(1, len(self.records)), thread_name_prefix="message") as pool:
            return list(pool.map(self._process_record, self.records))


@dataclass(frozen=True)
class Redelivery:
    """When a message whose processing failed comes again: later each time, with jitter."""

    client: SQSClient
    queue_url: str
    base_delay_s: float
    logger: Logger
    jitter: Callable[[], float] = random.random

    def delay_s(self, receive_count: int) -> int:
        """Between half and the whole of base x 2^(n-1), at most 900 s."""
        # The exponent is bounded before it is used: a message can be received any number of times.
        doublings = min(max(receive_count, 1) - 1, 20)
        longest = min(MAX_VISIBILITY_S, self.base_delay_s * float(2**doublings))
        return round(longest * (1 + self.jitter()) / 2)

    def put_off(self, record: SQSRecord) -> None:
        """Hide the message for its delay. If that fails, it comes again after the queue's own visibility time-out."""
        delay_s = self.delay_s(int(record.attributes.approximate_receive_count or 1))
        try:
            self.client.change_message_visibility(
                QueueUrl=self.queue_url, ReceiptHandle=record.receipt_handle, VisibilityTimeout=delay_s
            )
        except (ClientError, BotoCoreError) as error:
            self.logger.warning("The message's next delivery could not be put off", error=str(error))


@dataclass(frozen=True)
class QueueFunction:
    """One Lambda function behind a queue of S3 events."""

    on_event: OnEvent
    results: Results
    tally: Tally
    logger: Logger
    metrics: Metrics
    on_failure: OnFailure | None = None
    redelivery: Redelivery | None = None
    postponement: Postponement | None = None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    clock: Callable[[], float] = time.monotonic

    def handle(self, event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
        """The Lambda handler: the identifiers of the messages that stay in the queue."""
        # To log the context is Powertools' decorator's work; it is applied here because nothing is built at import.
        return self.logger.inject_lambda_context(self._handle)(event, context)

    def _handle(self, event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
        deadline = Deadline.of(context, self.clock)

        def on_record(record: SQSRecord) -> None:
            self._message(record, deadline)

        processor = ThreadedBatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
        try:
            return process_partial_response(event, on_record, processor, context)
        finally:
            publish(self.tally, self.metrics)

    def _message(self, record: SQSRecord, deadline: Deadline) -> None:
        self.logger.thread_safe_append_keys(correlation_id=record.message_id)
        try:
            message = decode_message(record.body)
            for name in message.ignored:
                self.tally.add(Count.IGNORED_EVENTS)
                self.logger.info("Event ignored", event_name=name)
            if message.unreadable:
                self.tally.add(Count.UNREADABLE_MESSAGES)
                self.results.keep_unreadable(record.message_id, record.body, iso_ms(self.now()))
                self.logger.error("Message unreadable: kept in the results table", reason=message.unreadable)
            for event in message.events:
                self._event(event, deadline)
        except DelayedError:
            if self.postponement and self.postponement.postpone(record):
                return
            if self.redelivery:
                self.redelivery.put_off(record)
            raise
        except Exception:  # whatever it is, the message comes back later, and the error goes on
            if self.redelivery:
                self.redelivery.put_off(record)
            raise
        finally:
            self.logger.thread_safe_clear_keys()

    def _event(self, event: ObjectEvent, deadline: Deadline) -> None:
        self.logger.thread_safe_append_keys(
            key=event.key,
            bucket=event.bucket,
            version_id=event.version_id,
            sequencer=event.position.sequencer.lstrip("0"),
            s3_request_id=event.request_id,
            labels=None,  # those of the event before
        )
        try:
            outcome = self.on_event(event, deadline)
        except Exception as error:  # it is told and goes on; nothing is swallowed
            if isinstance(error, AnnouncementError):
                self.logger.error("Result stored but not announced: tried again", code=error.code, error=str(error))
            elif isinstance(error, (TransientError, ResultsError)):
                self.logger.warning("Event failed: it is tried again", code=str(error.code), error=str(error))
            else:
                self.logger.exception("Event failed in a way nobody expected", code=type(error).__name__)
            if self.on_failure:
                self.on_failure(event, error)
            raise
        self.logger.info("Event processed", outcome=outcome, kind=event.kind)
