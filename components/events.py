"""BucketEvents: the way of a bucket's events into a queue, beside targets that the bucket notifies already."""

import weakref
from collections.abc import Sequence
from typing import Any, Literal

import pulumi
import pulumi_aws as aws

from . import references
from .buckets import UploadBucket
from .component import Component
from .errors import ArgumentError, Problem
from .policies import compact_json, let_service
from .queues import set_policy
from .references import BucketLike

# A versioned bucket sends the last one when its lifecycle expires an upload.
EVENTS = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:LifecycleExpiration:DeleteMarkerCreated"]
TYPE = "aws:s3/bucket:Bucket"
# The lists of a notification configuration, and where each has its targets.
TARGETS = {"queues": "queue_arn", "topics": "topic_arn", "lambda_functions": "lambda_function_arn"}
# The component that writes a bucket's notification configuration, by bucket, in each program.
_WRITERS: weakref.WeakKeyDictionary[pulumi.Resource, dict[object, str]] = weakref.WeakKeyDictionary()


class BucketEvents:
    """The events of one bucket for one pipeline.

    AWS keeps one notification configuration for each bucket, and writing it replaces the old one. So a bucket that is
    not our own is looked at before anything is made. One in another region can send to no queue of this one, and
    Rekognition cannot read it.
    """

    def __init__(self, component: Component, source: BucketLike, kind: Literal["notification", "eventbridge"]) -> None:
        """Claim the bucket's configuration. Raises ArgumentError where another component writes it already."""
        self._component, self._kind, self._name = component, kind, component._name
        self._source, self._bucket = source, references.bucket(source)
        self._written: aws.s3.BucketNotification | None = None
        if kind == "notification":
            self._be_the_only_writer(source)
            if not isinstance(source, UploadBucket):  # read as it is before this component changes it
                self._written = aws.s3.BucketNotification.get(
                    f"{self._name}-present", self._bucket.name, opts=component._child
                )

    def _be_the_only_writer(self, source: BucketLike) -> None:
        root = pulumi.runtime.get_root_resource()
        key: object = source if isinstance(source, pulumi.Resource) else source["name"]
        if root is None or (not isinstance(key, pulumi.Resource) and not isinstance(key, str)):
            return
        writers = _WRITERS.setdefault(root, {})
        other = writers.setdefault(key, self._name)
        if other != self._name:
            raise self._conflict(str(key if isinstance(key, str) else key._name), f"{other} writes it already")

    def after_check(self) -> pulumi.ResourceOptions:
        """Return the options of the component's resources, which are created only if the bucket is usable."""
        component, child, source = self._component, self._component._child, self._source
        if isinstance(source, UploadBucket) and source.get_provider(TYPE) is component.get_provider(TYPE):
            return child
        region = self._bucket.region
        if region is None:
            region = aws.s3.get_bucket_output(bucket=self._bucket.name, opts=component._asks()).bucket_region
        lists = [getattr(self._written, name) for name in TARGETS] if self._written is not None else []
        checked = pulumi.Output.all(self._bucket.name, region, component._region(), *lists).apply(self._check)
        return pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(depends_on=checked))

    def _check(self, known: Sequence[Any]) -> list[pulumi.Resource]:
        """Raise ArgumentError if the bucket is unusable; return no resources."""
        name, region, own_region, *lists = known
        if region is not None and region != own_region:
            expected = f"a bucket in {own_region}, the region of this component (this one is in {region})"
            raise ArgumentError(type(self._component).__name__, self._name, [Problem("bucket", name, expected)])
        for entries, arn in zip(lists, TARGETS.values(), strict=False):
            for entry in entries or ():
                # Ours of an earlier deployment; Pulumi's random suffix has seven characters.
                if entry[arn].rpartition(":")[2][:-7] != f"{self._name}-events-":
                    raise self._conflict(name, f"it tells {entry[arn]}")
        return []

    def _conflict(self, bucket: str, why: str) -> ArgumentError:
        expected = (
            f"a bucket without notifications of its own, as AWS keeps one configuration for each bucket and {why}. Or "
            'set $events to "eventbridge", which adds a rule and replaces nothing'
        )
        return ArgumentError(type(self._component).__name__, self._name, [Problem("bucket", bucket, expected)])

    # --- the two ways ------------------------------------------------------------------------------------------------

    def notify(self, queue: aws.sqs.Queue, dead_letters: aws.sqs.Queue, *, eventbridge: bool) -> None:
        """Notify the queue of the bucket's events, and EventBridge too if it is to be turned on.

        S3 may send to the queue for this bucket of this account alone. It tests that when the notification is made.
        """
        by_s3 = let_service("s3", "sqs:SendMessage", queue.arn, self._bucket.arn, self._component._account())
        set_policy(self._component, dead_letters, "dead-letters", [])
        policy = set_policy(self._component, queue, "events", [by_s3])
        too = {"eventbridge": True} if eventbridge else {}
        self._configure(policy, queues=[{"id": "uploads", "queue_arn": queue.arn, "events": EVENTS}], **too)

    def turn_on_eventbridge(self, after: pulumi.Resource) -> None:
        """Send the bucket's events to EventBridge, if this component writes the bucket's configuration."""
        if self._kind == "notification":
            self._configure(after, eventbridge=True)

    def _configure(self, after: pulumi.Resource, **configuration: Any) -> None:
        if self._written is not None:  # somebody else may listen there
            configuration.setdefault("eventbridge", self._written.eventbridge)
        # Nobody knows what becomes of a bucket that is not ours: the program may keep it.
        bucket = self._source.bucket if isinstance(self._source, UploadBucket) else None
        aws.s3.BucketNotification(
            f"{self._name}-events",
            bucket=self._bucket.name,
            opts=pulumi.ResourceOptions(parent=self._component, depends_on=[after], deleted_with=bucket),
            **configuration,
        )

    def route(self, queue: aws.sqs.Queue, dead_letters: aws.sqs.Queue, description: str) -> aws.cloudwatch.EventTarget:
        """Send the bucket's events from EventBridge to the queue, and those it cannot deliver for a day to the other.

        `description` is the rule's.
        """
        pattern = {
            "source": ["aws.s3"],
            "detail-type": ["Object Created", "Object Deleted"],
            "detail": {"bucket": {"name": [self._bucket.name]}},
        }
        rule = aws.cloudwatch.EventRule(
            f"{self._name}-events",
            description=description,
            event_pattern=compact_json(pattern),
            opts=self._component._child,
        )
        policies = [
            set_policy(self._component, each, suffix, [let_service("events", "sqs:SendMessage", each.arn, rule.arn)])
            for each, suffix in ((dead_letters, "dead-letters"), (queue, "events"))
        ]
        return aws.cloudwatch.EventTarget(
            f"{self._name}-events",
            rule=rule.name,
            target_id="queue",
            arn=queue.arn,
            dead_letter_config={"arn": dead_letters.arn},
            opts=pulumi.ResourceOptions(parent=self._component, depends_on=policies[1:]),
        )
