"""Asks the processor, by its queue, to look at pictures again.

A repair is idempotent: a picture whose stored result is of its current version and of the current settings is not
analysed again; with `processed_before`, only one whose result was made before that time is. So to ask twice, or again
after an interruption, costs nothing and doubles nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from handlers.results.repair import repair_message
from labelstack.errors import RepairError

T = TypeVar("T")
BATCH = 10  # SQS's limit of one SendMessageBatch
# Of all requests: on AWS, SQS's fair queues prefer messages of other groups, and S3's events have none.
# docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html
GROUP = "labelstack-repair"
# Where queues are not fair: so few at once, and the next when all but one have ended, so that an upload waits for a few
# alone. A message that waits for its turn may stay for long: then the next come all the same.
FEW, LEFT, LONGEST_TURN_S, LOOK_S = 3, 1, 1.0, 0.05
ATTEMPTS = 5
FIRST_PAUSE_S = 0.2


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield the items in lists of at most `size`."""
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch


class Pace:
    """Holds a loop to a rate, and a queue short.

    Args:
        rate_per_s: At most so many pictures a second; None: as fast as it goes.
        unfinished: Tells how many messages of a queue have not ended; None where the queue may grow.
    """

    def __init__(
        self,
        rate_per_s: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        unfinished: Callable[[], int] | None = None,
    ) -> None:
        self.at_once = BATCH if unfinished is None else FEW
        self._rate_per_s = rate_per_s
        self._unfinished = unfinished
        self._clock = clock
        self._sleep = sleep
        self._next_s = clock()

    def keep(self, count: int) -> None:
        """Wait until `count` more pictures are due, and count them."""
        latest_s = self._clock() + LONGEST_TURN_S
        while self._unfinished and self._unfinished() > LEFT and self._clock() < latest_s:
            self._sleep(LOOK_S)
        if self._rate_per_s is None:
            return
        wait_s = self._next_s - self._clock()
        if wait_s > 0:
            self._sleep(wait_s)
        self._next_s = max(self._next_s, self._clock()) + count / self._rate_per_s


class RepairRequests:
    """Sends requests to one stack's queue.

    Args:
        sqs: A boto3 SQS client.
        queue_url: The stack's output `queueUrl`.
        bucket: The stack's upload bucket.
        pace: How fast.
    """

    def __init__(
        self,
        sqs: Any,
        queue_url: str,
        bucket: str,
        pace: Pace | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._bucket = bucket
        self._pace = pace or Pace()
        self._sleep = sleep

    def send(
        self, keys: Iterable[str], processed_before: str | None = None, *, labels_only: bool = False
    ) -> Iterator[Sequence[str]]:
        """Request pictures; yield the keys of each batch once SQS has it.

        Args:
            keys: The pictures' keys.
            processed_before: ISO 8601: older results are replaced, even by known content.
            labels_only: Apply only the rules of labels, to the stored results.

        Raises:
            RepairError: SQS refuses them. Earlier requests are in the queue.
        """
        for batch in batches(keys, self._pace.at_once):
            self._pace.keep(len(batch))
            bodies = (repair_message(self._bucket, key, processed_before, labels_only=labels_only) for key in batch)
            self._send({str(number): body for number, body in enumerate(bodies)})
            yield batch

    def _send(self, bodies: dict[str, str]) -> None:
        refused = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                self._sleep(FIRST_PAUSE_S * 2**attempt)
            entries = [{"Id": name, "MessageBody": body, "MessageGroupId": GROUP} for name, body in bodies.items()]
            try:
                answer = self._sqs.send_message_batch(QueueUrl=self._queue_url, Entries=entries)
            except (ClientError, BotoCoreError) as error:
                raise RepairError(f"SQS refused the requests to label pictures: {error}") from error
            failed = {entry["Id"]: entry for entry in answer.get("Failed", [])}
            if not failed:
                return
            refused = next(iter(failed.values())).get("Message", "no reason")
            bodies = {name: bodies[name] for name in failed}
        raise RepairError(
            f"SQS refused {len(bodies)} requests {ATTEMPTS} times: {refused}. Run the command again later."
        )
