"""The SQS queue of S3 events: its messages, and the retry of failed ones.

A message stays one message for as long as it is in the queue; it is never copied. SQS counts its receives. An attempt
is a receive that was no wait. A function that waits for the quota or a conversion counts the wait in the table; a
killed function cannot. After its last attempt a message goes to the dead-letter queue.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from ..results.codes import Code
from ..results.errors import AnnouncementClaimedError, TableUnavailableError
from ..results.table import ResultsWriter
from .errors import AnnouncementError, DelayedError, TransientError
from .events import RECEIVE_COUNT, SENT_TIMESTAMP, ObjectEvent, QueueMessage
from .metrics import Metric, Metrics

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

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

    def attempts(self, messages: Sequence[QueueMessage]) -> dict[str, int]:
        """Return how many attempts there were at each message, this one included, by its id.

        A first receive needs no request.
        """
        waits: Mapping[str, int] = {}
        if self.dead_letters_url:
            events = {each.id: [(event.key, event.position) for event in each.content.events] for each in messages}
            try:
                waits = self.results.waits(events)
            except TableUnavailableError as error:
                self.logger.warning(f"Reading the message's waits failed; this counts as its first attempt: {error}")
                waits = {message.id: message.receives - 1 for message in messages}
        return {message.id: max(1, message.receives - waits.get(message.id, 0)) for message in messages}

    def is_used_up(self, message: QueueMessage, attempts: int) -> bool:
        """Move a message to the dead-letter queue whose attempts were all cut short: their function was killed."""
        return attempts > self.max_attempts and self._bury(message)

    def retry(self, error: Exception, event: ObjectEvent | None, message: QueueMessage, attempts: int) -> bool:
        """Hide a failed message; return whether it may leave the queue, because that was its last attempt."""
        is_wait = isinstance(error, DelayedError) and self.now() - message.sent_at < LONGEST_WAIT
        if self._note(error, event, message.id if is_wait else None) and is_wait:
            self.metrics.add(Metric.PICTURES_POSTPONED)
            waits = message.receives - attempts + 1
            delay_s = max(1, self.delay_s(waits, max(LEAST_BASE_S, self.base_delay_s)))
            self.logger.info("Message waits for its turn", delay_s=delay_s, waits=waits)
        elif attempts >= self.max_attempts and self._bury(message):
            return True
        else:
            delay_s = self.delay_s(attempts, self.base_delay_s)
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
        if not self.dead_letters_url or event is None:
            return False
        if isinstance(error, (AnnouncementError, AnnouncementClaimedError)):
            return False
        expires_at_s = int((self.now() + NOTE_KEEP).timestamp())
        try:
            self.results.note_attempt(event.key, event.position, _code(error), expires_at_s, waiting_id)
        except TableUnavailableError as failure:
            self.logger.warning(f"Recording the reason of the failed attempt failed: {failure}")
            return False
        return True

    def _bury(self, message: QueueMessage) -> bool:
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


def _code(error: Exception) -> Code:
    if isinstance(error, TableUnavailableError):
        return Code.STORAGE_ERROR
    return error.code if isinstance(error, TransientError) else TransientError.code
