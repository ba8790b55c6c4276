"""Puts a greeting on the queue."""

import os
from typing import Any

import boto3


def handle(event: dict[str, Any], context: object) -> dict[str, str]:
    """Greet the person that the event names."""
    greeting = f"Hello, {event['name']}"
    boto3.client("sqs").send_message(QueueUrl=os.environ["QUEUE_URL"], MessageBody=greeting)
    return {"greeting": greeting}
