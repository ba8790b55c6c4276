"""Moves messages from the dead-letter queue back into the events queue."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from labelstack.repair.requests import GROUP

RECEIVED_AT_ONCE = 10
LOOKED_AGAIN = 3  # an empty answer does not mean an empty queue: SQS asks some of its servers only


def waiting(sqs: Any, queue_url: str) -> int:
    """Return the approximate number of messages that wait in a queue."""
    return _counted(sqs, queue_url, "ApproximateNumberOfMessages")


def unfinished(sqs: Any, queue_url: str) -> int:
    """Return the approximate number of messages that wait in a queue or are in flight."""
    return _counted(sqs, queue_url, "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")


def _counted(sqs: Any, queue_url: str, *names: str) -> int:
    attributes = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)["Attributes"]
    return sum(int(attributes[name]) for name in names)


def move_all(sqs: Any, dead_letters: str, queue_url: str, sent_before: datetime) -> int:
    """Move the messages that were first sent before a time; return their number.

    Later ones stay: they may be moved messages that have failed again, for ever. A message that an interruption leaves
    in both queues does no harm. The message loses its attributes, and starts again.
    """
    moved = empty = 0
    while empty < LOOKED_AGAIN:
        messages = sqs.receive_message(
            QueueUrl=dead_letters,
            MaxNumberOfMessages=RECEIVED_AT_ONCE,
            MessageSystemAttributeNames=["SentTimestamp"],
        ).get("Messages", [])
        old = [
            dead_letter
            for dead_letter in messages
            if int(dead_letter["Attributes"]["SentTimestamp"]) < sent_before.timestamp() * 1000
        ]
        empty = 0 if old else empty + 1
        for message in old:
            sqs.send_message(QueueUrl=queue_url, MessageBody=message["Body"], MessageGroupId=GROUP)
            sqs.delete_message(QueueUrl=dead_letters, ReceiptHandle=message["ReceiptHandle"])
            moved += 1
    return moved
