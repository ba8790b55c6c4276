"""A queue of events that feeds a function, and the queue of what failed at every attempt."""

from collections.abc import Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from .arguments import derive
from .component import Component
from .policies import Statement, compact_json, deny_insecure_transport, document

DAY_S = 24 * 60 * 60
# A message's age counts from its first queue on, so the dead-letter queue keeps messages longer than the queue.
QUEUE_RETENTION_S, DEAD_LETTER_RETENTION_S = 4 * DAY_S, 14 * DAY_S
# AWS: a queue's visibility timeout is at least six times the timeout of the function that it feeds.
VISIBILITY_TIMEOUTS = 6


def make_queues(
    component: Component,
    taker_timeout_s: pulumi.Input[int],
    dead_taker_timeout_s: pulumi.Input[int],
    receives: pulumi.Input[int],
) -> tuple[aws.sqs.Queue, aws.sqs.Queue]:
    """Make the queue of dead letters and the queue of events, each with the timeout of the function that takes them.

    `receives` is how often SQS hands a message over before it is a dead letter.
    """
    name = component._name

    def make(suffix: str, retention_s: int, timeout_s: pulumi.Input[int], **more: Any) -> aws.sqs.Queue:
        return aws.sqs.Queue(
            f"{name}-{suffix}",
            message_retention_seconds=retention_s,
            visibility_timeout_seconds=derive(lambda seconds: VISIBILITY_TIMEOUTS * seconds, timeout_s),
            sqs_managed_sse_enabled=True,
            opts=component._child,
            **more,
        )

    dead_letters = make("dead-letters", DEAD_LETTER_RETENTION_S, dead_taker_timeout_s)
    redrive = compact_json({"deadLetterTargetArn": dead_letters.arn, "maxReceiveCount": receives})
    queue = make("events", QUEUE_RETENTION_S, taker_timeout_s, redrive_policy=redrive)
    allowed = {"redrivePermission": "byQueue", "sourceQueueArns": [queue.arn]}
    aws.sqs.RedriveAllowPolicy(
        f"{name}-redrive",
        queue_url=dead_letters.url,
        redrive_allow_policy=compact_json(allowed),
        opts=component._with(dead_letters),
    )
    return dead_letters, queue


def set_policy(
    component: Component, queue: aws.sqs.Queue, suffix: str, senders: Sequence[Statement]
) -> aws.sqs.QueuePolicy:
    """Set the policy of a queue of that suffix: `senders` may send, over TLS only."""
    return aws.sqs.QueuePolicy(
        f"{component._name}-{suffix}-policy",
        queue_url=queue.url,
        policy=document([*senders, deny_insecure_transport("sqs:*", [queue.arn])]),
        opts=component._with(queue),
    )


def take_messages(
    component: Component,
    suffix: str,
    queue: aws.sqs.Queue,
    function_arn: pulumi.Input[str],
    batch_size: pulumi.Input[int],
    maximum: pulumi.Input[int],
    **more: Any,
) -> aws.lambda_.EventSourceMapping:
    """Map a queue's messages to a function, `maximum` batches at a time."""
    return aws.lambda_.EventSourceMapping(
        f"{component._name}-{suffix}",
        event_source_arn=queue.arn,
        function_name=function_arn,
        batch_size=batch_size,
        # Never reserved concurrency: accounts with a small quota cannot reserve any.
        scaling_config={"maximum_concurrency": maximum},
        opts=component._child,
        **more,
    )
