"""The SQS edge that the queue functions share: messages at once, partial failures, metrics, log lines with keys.

A full batch means that more is waiting. The function then takes further batches from the queue itself, so that it is
never paid for waiting for its share of the quota with nothing else to do.

Only this module turns an event's errors into a retry or a wait (`sqs_queue.py`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ..results import keys
from ..results.errors import ResultsError
from .deadline import MARGIN_S, Deadline
from .errors import AnnouncementError, TransientError
from .events import ObjectEvent, QueueMessage
from .metrics import Metric
from .pipeline import Ended
from .sqs_queue import EventsQueue

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

MOST_BATCHES: Final = 8
"""At once in one function, of ten messages each."""


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
    process: Callable[[ObjectEvent, Any, Deadline], Ended]
    """The work on one event; with what `open` gives for its batch."""
    open: Callable[[Sequence[ObjectEvent]], AbstractContextManager[Any]] = nullcontext
    """The preparation for the events of one batch."""
    batch_size: int = 10
    pictures_at_once: Callable[[], float] | None = None
    """So many calls under way use up the quota, at the present duration of calls. None of a function that leaves it to
    Lambda to bring what waits."""
    clock: Callable[[], float] = time.monotonic

    def handle(self, event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        """Process a batch; return the identifiers of the messages that stay in the queue."""
        # To log the context is Powertools' decorator's work; it is applied here because nothing is built at import.
        answer: dict[str, Any] = self.queue.logger.inject_lambda_context(self._handle)(event, context)
        return answer

    def _handle(self, event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        total_s = context.get_remaining_time_in_millis() / 1000 - MARGIN_S
        deadline = Deadline(self.clock() + total_s, self.clock, total_s)
        messages = [QueueMessage.of_record(record) for record in event["Records"]]
        underway = Underway(len(messages))
        try:
            with ThreadPoolExecutor(MOST_BATCHES, thread_name_prefix="batch") as batches:
                running = [batches.submit(self._batch, messages, underway, deadline)]
                if self.pictures_at_once and len(messages) >= self.batch_size:
                    for more in self._more(self.pictures_at_once, underway, deadline):
                        running.append(batches.submit(self._own_batch, more, underway, deadline))
            kept, *_ = [batch.result() for batch in running]
        finally:
            self.queue.metrics.publish()
        return {"batchItemFailures": [{"itemIdentifier": message.id} for message in kept]}

    def _more(
        self, pictures_at_once: Callable[[], float], underway: Underway, deadline: Deadline
    ) -> Iterator[list[QueueMessage]]:
        """Yield batch after batch, each when those under way leave some of the quota, until nothing waits.

        None begins in the second half of the function's time, in which it might not end.
        """
        while underway.wait(pictures_at_once, deadline.halfway) and deadline.halfway.remaining_s > 0:
            messages = self.queue.receive(self.batch_size)
            if not messages:
                return
            underway.add(len(messages))
            yield messages

    def _own_batch(
        self, messages: Sequence[QueueMessage], underway: Underway, deadline: Deadline
    ) -> list[QueueMessage]:
        """Process messages that the function has received itself, and take those off the queue that are done."""
        kept = self._batch(messages, underway, deadline)
        self.queue.delete([message for message in messages if message not in kept])
        return kept

    def _batch(self, messages: Sequence[QueueMessage], underway: Underway, deadline: Deadline) -> list[QueueMessage]:
        """Process messages at the same time; return those that stay in the queue."""
        again = [message for message in messages if message.receives > 1]
        attempts = self.queue.attempts(again) if again else {}

        def process(message: QueueMessage) -> bool:
            try:
                return self._message(message, attempts.get(message.id, 1), batch, deadline)
            finally:
                underway.add(-1)

        with (
            self.open([event for message in messages for event in message.content.events]) as batch,
            ThreadPoolExecutor(max(1, len(messages)), thread_name_prefix="message") as pool,
        ):
            done = list(pool.map(process, messages))
        return [message for message, is_done in zip(messages, done, strict=True) if not is_done]

    def _message(self, message: QueueMessage, attempts: int, batch: Any, deadline: Deadline) -> bool:
        """Process one message; return whether it may leave the queue."""
        self.queue.logger.thread_safe_append_keys(correlation_id=message.id)
        event = None
        try:
            if attempts > 1 and self.queue.is_used_up(message, attempts):
                return True
            self._note_unusable(message)
            for event in message.content.events:
                self._event(event, batch, deadline)
        except Exception as error:  # whatever it is, the message comes again later
            if event is None:  # else it is logged with the event
                self._log_failure(error)
            return self.queue.retry(error, event, message, attempts)
        finally:
            self.queue.logger.thread_safe_clear_keys()
        return True

    def _note_unusable(self, message: QueueMessage) -> None:
        """Log records of a message that are no events of pictures, and keep an unreadable body."""
        for name in message.content.ignored:
            self.queue.metrics.add(Metric.IGNORED_EVENTS)
            self.queue.logger.info("Event ignored", event_name=name)
        if message.content.unreadable:
            self.queue.metrics.add(Metric.UNREADABLE_MESSAGES)
            self.queue.results.keep_unreadable(message.id, message.body, keys.iso_ms(self.queue.now()))
            self.queue.logger.error(
                "Message is unreadable; the results table keeps it", reason=message.content.unreadable
            )

    def _event(self, event: ObjectEvent, batch: Any, deadline: Deadline) -> None:
        self.queue.logger.thread_safe_append_keys(
            key=event.key,
            bucket=event.bucket,
            version_id=event.version_id,
            sequencer=event.position.sequencer.lstrip("0"),
            s3_request_id=event.request_id,
            labels=None,  # those of the event before
        )
        try:
            ended = self.process(event, batch, deadline)
        except Exception as error:  # logged and raised again
            self._log_failure(error)
            raise
        if ended.result and "labels" in ended.result:
            labels = [
                {"name": label["name"], "confidence": float(label["confidence"])} for label in ended.result["labels"]
            ]
            self.queue.logger.thread_safe_append_keys(labels=labels)
        self.queue.logger.info("Event processed", outcome=ended.outcome, kind=event.kind)

    def _log_failure(self, error: Exception) -> None:
        if isinstance(error, AnnouncementError):
            self.queue.logger.error(
                "Result stored but not published; it will be retried", code=error.code, error=str(error)
            )
        elif isinstance(error, (TransientError, ResultsError)):
            self.queue.logger.warning("Event failed; it will be retried", code=str(error.code), error=str(error))
        else:
            self.queue.logger.exception("Event failed unexpectedly", code=type(error).__name__)
