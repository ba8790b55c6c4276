"""The SQS edge that the queue functions share: a queue of S3 events, and the function behind it.

A message stays one message for as long as it is in the queue; it is never copied. SQS counts its receives. An attempt
is a receive that was no wait. A function that waits for the quota or a conversion counts the wait in the table; a
killed function cannot. After its last attempt a message goes to the dead-letter queue.

A full batch means that more is waiting. The function then takes further batches from the queue itself, so that it is
never paid for waiting for its share of the quota with nothing else to do.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from ..results import keys
from ..results.codes import Code
from ..results.errors import AnnouncementClaimedError, ResultsError, TableUnavailableError
from ..results.table import ResultsWriter
from .errors import AnnouncementError, DelayedError, TransientError
from .events import RECEIVE_COUNT, SENT_TIMESTAMP, Deadline, Ended, ObjectEvent, QueueMessage
from .metrics import Metric, Metrics

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_sqs import SQSClient

MOST_BATCHES: Final = 8
"""At once in one function, of ten messages each."""
MAX_VISIBILITY_S: Final = 900
LEAST_BASE_S: Final = 0.1
"""The first pause of a wait; waits grow even where failures are retried at once."""
LONGEST_WAIT: Final = timedelta(days=3)
"""Seconds since the message was sent, during which a wait uses up no attempt."""
NOTE_KEEP: Final = timedelta(days=15)
"""Longer than a message can stay in the queues."""


@dataclass(frozen=True)
class EventsQueue:
    """One queue. It retries failed messages later each time, with jitter. A request that SQS refuses is logged."""

    sqs: SQSClient
    url: str
    dead_letters_url: str | None
    """None of the dead-letter queue itself: its messages stay until they are recorded, and nothing is noted."""
    max_attempts: int
    base_delay_s: float
    results: ResultsWriter
    metrics: Metrics
    logger: Logger
    now: Callable[[], datetime]
    jitter: Callable[[], float] = random.random

    def receive(self, most: int) -> list[QueueMessage]:
        """Take messages that wait, at most `most` and at most ten; there may be more when there are none."""
        with self._refusals("Receiving more messages failed; Lambda delivers the rest"):
            answer = self.sqs.receive_message(
                QueueUrl=self.url, MaxNumberOfMessages=most, MessageSystemAttributeNames=[RECEIVE_COUNT, SENT_TIMESTAMP]
            )
            return [
                QueueMessage.of_record({name[0].lower() + name[1:]: value for name, value in message.items()})
                for message in answer.get("Messages", [])
            ]
        return []

    def delete(self, messages: Sequence[QueueMessage]) -> None:
        """Take messages off the queue, ten at most. One that SQS leaves there comes again, which is harmless."""
        entries: Any = [{"Id": str(i), "ReceiptHandle": each.receipt_handle} for i, each in enumerate(messages)]
        if entries:
            with self._refusals("Deleting finished messages failed; SQS will deliver them again"):
                self.sqs.delete_message_batch(QueueUrl=self.url, Entries=entries)

    def with_attempts(self, messages: Sequence[QueueMessage]) -> list[QueueMessage]:
        """Return the messages with the number of attempts at each, this one included."""
        again = [message for message in messages if message.receives > 1]  # a first receive needs no request
        waits: Mapping[str, int] = {}
        if again and self.dead_letters_url:
            events = {each.id: [(event.key, event.position) for event in each.content.events] for each in again}
            try:
                waits = self.results.waits(events)
            except TableUnavailableError as error:
                self.logger.warning(f"Reading the message's waits failed; this counts as its first attempt: {error}")
                waits = {message.id: message.receives - 1 for message in again}
        return [replace(each, attempts=max(1, each.receives - waits.get(each.id, 0))) for each in messages]

    def retry(self, error: Exception, event: ObjectEvent | None, message: QueueMessage) -> bool:
        """Hide a failed message; return whether it may leave the queue, because that was its last attempt."""
        is_wait = isinstance(error, DelayedError) and self.now() - message.sent_at < LONGEST_WAIT
        if self._note(error, event, message.id if is_wait else None) and is_wait:
            self.metrics.add(Metric.PICTURES_POSTPONED)
            waits = message.receives - message.attempts + 1
            delay_s = max(1, self.delay_s(waits, max(LEAST_BASE_S, self.base_delay_s)))
            self.logger.info("Message waits for its turn", delay_s=delay_s, waits=waits)
        elif message.attempts >= self.max_attempts and self.bury(message):
            return True
        else:
            delay_s = self.delay_s(message.attempts, self.base_delay_s)
        # If that fails, the message comes again after the queue's own visibility time-out.
        with self._refusals("Delaying the message's next delivery failed"):
            self.sqs.change_message_visibility(
                QueueUrl=self.url, ReceiptHandle=message.receipt_handle, VisibilityTimeout=delay_s
            )
        return False

    def delay_s(self, times: int, base_s: float) -> int:
        """Return between half and the whole of base x 2^(n-1), at most 900 s."""
        # The exponent is bounded before it is used: a message can be received any number of times.
        doublings = min(max(times, 1) - 1, 20)
        longest = min(MAX_VISIBILITY_S, base_s * float(2**doublings))
        return round(longest * (1 + self.jitter()) / 2)

    def _note(self, error: Exception, event: ObjectEvent | None, waiting_id: str | None) -> bool:
        """Note why an attempt failed, unless its result is stored and only waits to be published."""
        is_stored = isinstance(error, (AnnouncementError, AnnouncementClaimedError))
        if not self.dead_letters_url or event is None or is_stored:
            return False
        code = error.code if isinstance(error, (TransientError, TableUnavailableError)) else Code.RETRIES_EXHAUSTED
        expires_at_s = int((self.now() + NOTE_KEEP).timestamp())
        try:
            self.results.note_attempt(event.key, event.position, Code(code), expires_at_s, waiting_id)
        except TableUnavailableError as failure:
            self.logger.warning(f"Recording the reason of the failed attempt failed: {failure}")
            return False
        return True

    def bury(self, message: QueueMessage) -> bool:
        """Send a message to the dead-letter queue, before it leaves this one: a crash in between doubles it."""
        if not self.dead_letters_url:
            return False
        with self._refusals("Moving the message to the dead-letter queue failed"):
            self.sqs.send_message(QueueUrl=self.dead_letters_url, MessageBody=message.body)
            self.logger.error("Attempts used up; message moved to the dead-letter queue", receives=message.receives)
            return True
        return False

    @contextmanager
    def _refusals(self, consequence: str) -> Iterator[None]:
        try:
            yield
        except (ClientError, BotoCoreError) as error:
            self.logger.warning(consequence, error=f"SQS refused the request: {error}")


class Underway:
    """Count the messages that an invocation is working on; thread-safe."""

    def __init__(self, messages: int) -> None:
        self._messages = messages
        self._changed = threading.Condition()

    def add(self, messages: int) -> None:
        """Count messages that begin, or by a negative number those that have ended."""
        with self._changed:
            self._messages += messages
            self._changed.notify_all()

    def wait(self, at_most: Callable[[], float], deadline: Deadline) -> bool:
        """Wait until there are no more than `at_most`; False if that takes until the deadline."""
        with self._changed:
            return self._changed.wait_for(lambda: self._messages <= at_most(), max(0.0, deadline.remaining_s))


@dataclass(frozen=True)
class QueueFunction:
    """One Lambda function behind a queue of S3 events."""

    queue: EventsQueue
    process: Callable[[ObjectEvent, Any], Ended]
    """The work on one event; with what `open` gives for its batch."""
    open: Callable[[Sequence[ObjectEvent], Deadline], AbstractContextManager[Any]] = lambda *_: nullcontext()
    """The preparation for the events of one batch, and the deadline for them."""
    batch_size: int = 10
    pictures_at_once: Callable[[], float] | None = None
    """So many calls under way use up the quota, at the present duration of calls. None of a function that leaves it to
    Lambda to bring what waits."""
    clock: Callable[[], float] = time.monotonic

    def handle(self, event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        """Process a batch; return the identifiers of the messages that stay in the queue."""
        deadline = Deadline.of(context, self.clock)
        messages = [QueueMessage.of_record(record) for record in event["Records"]]
        underway = Underway(len(messages))
        try:
            with ThreadPoolExecutor(MOST_BATCHES, thread_name_prefix="batch") as batches:
                running = [batches.submit(self._batch, messages, underway, deadline)]
                if len(messages) >= self.batch_size:
                    for more in self._more(underway, deadline):
                        running.append(batches.submit(self._batch, more, underway, deadline, is_own=True))
            kept, *_ = [batch.result() for batch in running]
        finally:
            self.queue.metrics.publish()
        return {"batchItemFailures": [{"itemIdentifier": message.id} for message in kept]}

    def _more(self, underway: Underway, deadline: Deadline) -> Iterator[list[QueueMessage]]:
        """Yield batch after batch, each when those under way leave some of the quota, until nothing waits.

        None begins in the second half of the function's time, in which it might not end.
        """
        begin, at_most = deadline.halfway, self.pictures_at_once
        while at_most and underway.wait(at_most, begin) and begin.remaining_s > 0:
            messages = self.queue.receive(self.batch_size)
            if not messages:
                return
            underway.add(len(messages))
            yield messages

    def _batch(
        self, messages: Sequence[QueueMessage], underway: Underway, deadline: Deadline, *, is_own: bool = False
    ) -> list[QueueMessage]:
        """Process messages at the same time; return those that stay in the queue.

        Of messages that the function has received itself (`is_own`), it takes those off the queue that are done.
        """
        messages = self.queue.with_attempts(messages)

        def is_done(message: QueueMessage) -> bool:
            try:
                return self._message(message, batch)
            finally:
                underway.add(-1)

        with (
            self.open([event for message in messages for event in message.content.events], deadline) as batch,
            ThreadPoolExecutor(max(1, len(messages)), thread_name_prefix="message") as pool,
        ):
            ends = list(zip(messages, pool.map(is_done, messages), strict=True))
        if is_own:
            self.queue.delete([message for message, done in ends if done])
        return [message for message, done in ends if not done]

    def _message(self, message: QueueMessage, batch: Any) -> bool:
        """Process one message; return whether it may leave the queue."""
        self.queue.logger.thread_safe_append_keys(correlation_id=message.id)
        event = None
        try:
            # The attempts were all cut short: their function was killed.
            if message.attempts > self.queue.max_attempts and self.queue.bury(message):
                return True
            self._note_unusable(message)
            for event in message.content.events:
                self._event(event, batch)
        except Exception as error:  # whatever it is, the message comes again later
            self._log_failure(error)
            return self.queue.retry(error, event, message)
        finally:
            self.queue.logger.thread_safe_clear_keys()
        return True

    def _note_unusable(self, message: QueueMessage) -> None:
        """Log records of a message that are no events of pictures, and keep an unreadable body."""
        metrics, logger, reason = self.queue.metrics, self.queue.logger, message.content.unreadable
        for name in message.content.ignored:
            metrics.add(Metric.IGNORED_EVENTS)
            logger.info("Event ignored", event_name=name)
        if reason:
            metrics.add(Metric.UNREADABLE_MESSAGES)
            self.queue.results.keep_unreadable(message.id, message.body, keys.iso_ms(self.queue.now()))
            logger.error("Message is unreadable; the results table keeps it", reason=reason)

    def _event(self, event: ObjectEvent, batch: Any) -> None:
        logger = self.queue.logger
        logger.thread_safe_append_keys(
            key=event.key,
            bucket=event.bucket,
            version_id=event.version_id,
            sequencer=event.position.sequencer.lstrip("0"),
            s3_request_id=event.request_id,
        )
        ended = self.process(event, batch)
        labels: Any = ended.result.get("labels") if ended.result else None
        if labels is not None:
            labels = [{"name": label["name"], "confidence": float(label["confidence"])} for label in labels]
        logger.info("Event processed", outcome=ended.outcome, kind=event.kind, labels=labels)

    def _log_failure(self, error: Exception) -> None:
        logger = self.queue.logger
        if isinstance(error, AnnouncementError):
            logger.error("Result stored but not published; it will be retried", code=error.code, error=str(error))
        elif isinstance(error, (TransientError, ResultsError)):
            logger.warning("Event failed; it will be retried", code=str(error.code), error=str(error))
        else:
            logger.exception("Event failed unexpectedly", code=type(error).__name__)
