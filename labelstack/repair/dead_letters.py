"""Messages that nobody has taken from the dead-letter queue, put back into the events queue."""

from __future__ import annotations

from typing import Any

RECEIVED_AT_ONCE = 10
LOOKED_AGAIN = 3  # an empty answer does not mean an empty queue: SQS asks some of its servers only


def waiting(sqs: Any, queue_url: str) -> int:
    """About how many messages wait in a queue."""
    attributes = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["ApproximateNumberOfMessages"])
    return int(attributes["Attributes"]["ApproximateNumberOfMessages"])


def move_all(sqs: Any, dead_letters: str, queue_url: str) -> int:
    """Move every message; how many. One that an interruption leaves in both queues does no harm."""
    moved = empty = 0
    while empty < LOOKED_AGAIN:
        messages = sqs.receive_message(QueueUrl=dead_letters, MaxNumberOfMessages=RECEIVED_AT_ONCE).get("Messages", [])
        empty = 0 if messages else empty + 1
        for message in messages:
            sqs.send_message(QueueUrl=queue_url, MessageBody=message["Body"])
            sqs.delete_message(QueueUrl=dead_letters, ReceiptHandle=message["ReceiptHandle"])
            moved += 1
    return moved
