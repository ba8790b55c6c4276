"""The cloud's time, by which it dates pictures, results and messages; this machine's may go wrong."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

TOLERATED_S = 5.0  # the header has whole seconds, and the answer has been under way


def cloud_time(sqs: Any, queue_url: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> datetime:
    """Return this machine's time where it agrees with the date of an answer of the cloud, else that date."""
    answer = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])
    date = answer["ResponseMetadata"].get("HTTPHeaders", {}).get("date")
    here = now()
    if date is None:
        return here
    there = parsedate_to_datetime(date)
    return here if abs((there - here).total_seconds()) <= TOLERATED_S else there
