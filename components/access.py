"""The rights of functions, one function for each purpose: each gives the smallest statements for it."""

from collections.abc import Mapping, Sequence

import pulumi

from .policies import AnyResource, Statement
from .references import Bucket

CURSOR_KEYS = "CURSORKEYS"
DETECTOR_ACTIONS = {
    "labels": "rekognition:DetectLabels",
    "faces": "rekognition:DetectFaces",
    "moderation": "rekognition:DetectModerationLabels",
    "text": "rekognition:DetectText",
}


def read_objects(
    bucket: Bucket, *folders: pulumi.Input[str], operations: Sequence[str] = ("GetObject", "GetObjectVersion")
) -> list[Statement]:
    """Allow reading objects, all or below folders, and listing the bucket: without ListBucket S3 answers 403, not 404.

    `GetObject` alone reads current versions. `GetObjectVersion` alone needs the id of a version.
    """
    objects = [pulumi.Output.concat(bucket.arn, "/", folder, "*") for folder in folders or ("",)]
    reading = _allow("s3", operations, *objects)
    return [reading, _allow("s3", ["ListBucket"], bucket.arn), *_use_key(bucket.kms_key_arn, "Decrypt")]


def _allow(service: str, operations: Sequence[str], *resources: pulumi.Input[str]) -> Statement:
    return Statement([f"{service}:{operation}" for operation in operations], resources)


def _use_key(kms_key_arn: pulumi.Input[str] | None, *operations: str) -> list[Statement]:
    return [_allow("kms", operations, kms_key_arn)] if kms_key_arn else []


def write_results(table_arn: pulumi.Input[str]) -> list[Statement]:
    """Allow reading items and replacing results, each in a transaction: IAM checks the actions of its parts."""
    return [_allow("dynamodb", ["BatchGetItem", "PutItem", "UpdateItem", "DeleteItem"], table_arn)]


def note_on_items(table_arn: pulumi.Input[str]) -> list[Statement]:
    """Allow reading items and changing their attributes: notes of attempts, pending announcements."""
    return [_allow("dynamodb", ["BatchGetItem", "UpdateItem"], table_arn)]


def keep_items(table_arn: pulumi.Input[str]) -> list[Statement]:
    """Allow writing items that nothing depends on: known content, unreadable messages."""
    return [_allow("dynamodb", ["BatchWriteItem"], table_arn)]


def consume_queue(queue_arn: pulumi.Input[str]) -> list[Statement]:
    """Allow receiving and deleting messages, as an event source mapping does for a function."""
    return [_allow("sqs", ["ReceiveMessage", "DeleteMessage", "GetQueueAttributes"], queue_arn)]


def hide_messages(queue_arn: pulumi.Input[str]) -> list[Statement]:
    """Allow choosing when a failed message comes back."""
    return [Statement(["sqs:ChangeMessageVisibility"], [queue_arn])]


def send_messages(queue_arn: pulumi.Input[str]) -> list[Statement]:
    """Allow sending messages to a queue."""
    return [Statement(["sqs:SendMessage"], [queue_arn])]


def publish(topic_arn: pulumi.Input[str], kms_key_arn: pulumi.Input[str] | None = None) -> list[Statement]:
    """Allow publishing to a topic. A topic with a key encrypts and checks with the publisher's rights."""
    return [Statement(["sns:Publish"], [topic_arn]), *_use_key(kms_key_arn, "GenerateDataKey", "Decrypt")]


def detect(detectors: Sequence[str]) -> list[Statement]:
    """Allow the Rekognition operations of the detectors (`labels`, `faces`, `moderation`, `text`), and no other."""
    reason = "IAM has no resources for Rekognition's image operations"
    return [Statement([DETECTOR_ACTIONS[detector] for detector in detectors], AnyResource(reason))]


def put_objects(bucket: Bucket, prefix: pulumi.Input[str] = "") -> list[Statement]:
    """Allow putting objects below a prefix. An upload URL acts with the rights of its signer."""
    objects = pulumi.Output.concat(bucket.arn, "/", prefix, "*")
    return [_allow("s3", ["PutObject"], objects), *_use_key(bucket.kms_key_arn, "GenerateDataKey")]


def delete_objects(bucket: Bucket, prefix: pulumi.Input[str] = "") -> list[Statement]:
    """Allow deleting objects below a prefix, but not their old versions: the bucket's rules remove those in time."""
    return [_allow("s3", ["DeleteObject"], pulumi.Output.concat(bucket.arn, "/", prefix, "*"))]


def purge_objects(bucket: Bucket, prefix: pulumi.Input[str]) -> list[Statement]:
    """Allow listing and deleting every version below a prefix."""
    below = pulumi.Output.concat(prefix, "*")
    return [
        Statement(["s3:ListBucketVersions"], [bucket.arn], condition={"StringLike": {"s3:prefix": below}}),
        _allow("s3", ["DeleteObjectVersion"], pulumi.Output.concat(bucket.arn, "/", below)),
    ]


def purge_items(table_arn: pulumi.Input[str], prefix: pulumi.Input[str]) -> list[Statement]:
    """Allow reading results below a prefix, and deleting the items beside them, but no result itself."""
    return [
        on_items(table_arn, pulumi.Output.concat("IMAGE#", prefix, "*"), "GetItem"),
        on_items(table_arn, pulumi.Output.concat("ATTEMPT#", prefix, "*"), "Query", "DeleteItem"),
        on_items(table_arn, "CONTENT#*", "Query", "DeleteItem"),
    ]


def on_items(table_arn: pulumi.Input[str], keys: pulumi.Input[str], *operations: str) -> Statement:
    """Allow operations on the items whose partition keys are like `keys`, in which `*` stands for anything."""
    condition: Mapping[str, Mapping[str, pulumi.Input[str]]] = {
        "ForAllValues:StringLike": {"dynamodb:LeadingKeys": keys},
        # Without it a request that names no key would pass: all of no values are alike.
        "Null": {"dynamodb:LeadingKeys": "false"},
    }
    return Statement([f"dynamodb:{operation}" for operation in operations], [table_arn], condition=condition)


def query_results(table_arn: pulumi.Input[str]) -> list[Statement]:
    """Allow reading items by their keys, in the table and its indexes, but no scan."""
    return [
        _allow("dynamodb", ["GetItem", "BatchGetItem", "Query"], table_arn),
        _allow("dynamodb", ["Query"], pulumi.Output.concat(table_arn, "/index/*")),
    ]


def keep_cursor_keys(table_arn: pulumi.Input[str]) -> list[Statement]:
    """Allow writing the one item of a results table that has the keys of the API's cursors."""
    return [on_items(table_arn, CURSOR_KEYS, "PutItem")]


def deliver_logs() -> list[Statement]:
    """Allow CloudWatch Logs to deliver a service's logs, such as those of a state machine's executions."""
    actions = ["CreateLogDelivery", "GetLogDelivery", "UpdateLogDelivery", "DeleteLogDelivery", "ListLogDeliveries"]
    actions += ["PutResourcePolicy", "DescribeResourcePolicies", "DescribeLogGroups"]
    # docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html#cloudwatch-iam-policy
    reason = "IAM has no resources for log deliveries, and AWS's own policy names none"
    return [Statement([f"logs:{action}" for action in actions], AnyResource(reason))]


def trace() -> list[Statement]:
    """Allow sending traces to X-Ray, and asking it which ones to take."""
    actions = ["PutTraceSegments", "PutTelemetryRecords", "GetSamplingRules", "GetSamplingTargets"]
    reason = "IAM has no resources for X-Ray's segments and samples"
    return [Statement([f"xray:{action}" for action in actions], AnyResource(reason))]
