"""Asks the processor, by its queue, to look at pictures again.

What is asked is idempotent: a picture whose stored result is of its current version and of the current settings is not
analysed again, and with `made_before` only one whose result was made before that time is. So asking twice, or again
after an interruption, costs nothing and doubles nothing. The format is `handlers/labelling/events.py`'s.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any
from urllib.parse import quote_plus

from botocore.exceptions import BotoCoreError, ClientError

from labelstack.errors import RepairError

SOURCE = "labelstack:repair"
BATCH = 10  # SQS's limit of one SendMessageBatch
ATTEMPTS = 5
FIRST_PAUSE_S = 0.2


class Pace:
    """Holds a loop to a rate.

    Args:
        rate_per_s: At most so many pictures a second; None: as fast as it goes.
    """

    def __init__(
        self,
        rate_per_s: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._rate_per_s = rate_per_s
        self._clock = clock
        self._sleep = sleep
        self._next_s = clock()

    def keep(self, count: int) -> None:
        """Wait until `count` more pictures are due, and count them."""
        if self._rate_per_s is None:
            return
        wait_s = self._next_s - self._clock()
        if wait_s > 0:
            self._sleep(wait_s)
        self._next_s = max(self._next_s, self._clock()) + count / self._rate_per_s


class Asking:
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

    def ask(self, keys: Iterable[str], made_before: str | None = None) -> Iterator[Sequence[str]]:
        """Ask for pictures; gives the keys of each batch once SQS has it.

        Args:
            keys: Of the pictures.
            made_before: ISO 8601: results made before are made anew, whatever is known.

        Raises:
            RepairError: SQS does not take them. What was given before is in the queue.
        """
        remaining = iter(keys)
        while batch := list(islice(remaining, BATCH)):
            self._pace.keep(len(batch))
            self._send({str(n): self._body(key, made_before) for n, key in enumerate(batch)})
            yield batch

    def _body(self, key: str, made_before: str | None) -> str:
        record: dict[str, Any] = {
            "eventSource": SOURCE,
            "s3": {"bucket": {"name": self._bucket}, "object": {"key": quote_plus(key, safe="/")}},
        }
        if made_before is not None:
            record["madeBefore"] = made_before
        return json.dumps({"Records": [record]})

    def _send(self, bodies: dict[str, str]) -> None:
        refused = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                self._sleep(FIRST_PAUSE_S * 2**attempt)
            entries = [{"Id": name, "MessageBody": body} for name, body in bodies.items()]
            try:
                answer = self._sqs.send_message_batch(QueueUrl=self._queue_url, Entries=entries)
            except (ClientError, BotoCoreError) as error:
                raise RepairError(f"the queue did not take the pictures: {error}") from error
            failed = {entry["Id"]: entry for entry in answer.get("Failed", [])}
            if not failed:
                return
            refused = next(iter(failed.values())).get("Message", "no reason was given")
            bodies = {name: bodies[name] for name in failed}
        raise RepairError(f"the queue refused {len(bodies)} of a batch of pictures {ATTEMPTS} times: {refused}")
