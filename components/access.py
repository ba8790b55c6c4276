"""The rights of functions, one function for each purpose: each gives the smallest statements for it."""

from collections.abc import Mapping, Sequence

import pulumi

from .policies import AnyResource, Statement

CURSOR_KEYS = "CURSORKEYS"
DETECTOR_ACTIONS = {
    "labels": "rekognition:DetectLabels",
    "faces": "rekognition:DetectFaces",
    "moderation": "rekognition:DetectModerationLabels",
    "text": "rekognition:DetectText",
}


def read_objects(
    bucket_arn: pulumi.Input[str], kms_key_arn: pulumi.Input[str] | None = None, *, by_version_alone: bool = False
) -> list[Statement]:
    """Allow reading objects, and listing the bucket: without ListBucket S3 answers 403 instead of 404.

    With `by_version_alone`, reading an object needs the id of its version.
    """
    actions = ["s3:GetObjectVersion"] if by_version_alone else ["s3:GetObject", "s3:GetObjectVersion"]
    return _read(bucket_arn, actions, [pulumi.Output.concat(bucket_arn, "/*")], kms_key_arn)


def _read(
    bucket_arn: pulumi.Input[str],
    actions: Sequence[str],
    objects: Sequence[pulumi.Output[str]],
    kms_key_arn: pulumi.Input[str] | None,
) -> list[Statement]:
    statements = [Statement(actions, objects), Statement(["s3:ListBucket"], [bucket_arn])]
    return [*statements, *_use_key(kms_key_arn, "Decrypt")]


def _use_key(kms_key_arn: pulumi.Input[str] | None, *operations: str) -> list[Statement]:
    return [Statement([f"kms:{operation}" for operation in operations], [kms_key_arn])] if kms_key_arn else []


def write_results(table_arn: pulumi.Input[str]) -> list[Statement]:
    """Allow reading items and replacing results, each in a transaction: IAM checks the actions of its parts."""
    return _table(table_arn, "BatchGetItem", "PutItem", "UpdateItem", "DeleteItem")


def note_on_items(table_arn: pulumi.Input[str]) -> list[Statement]:
    """Allow reading items and changing their attributes: notes of attempts, pending announcements."""
    return _table(table_arn, "BatchGetItem", "UpdateItem")


def keep_items(table_arn: pulumi.Input[str]) -> list[Statement]:
    """Allow writing items that nothing depends on: known content, unreadable messages."""
    return _table(table_arn, "BatchWriteItem")


def _table(table_arn: pulumi.Input[str], *operations: str) -> list[Statement]:
    return [Statement([f"dynamodb:{operation}" for operation in operations], [table_arn])]


def consume_queue(queue_arn: pulumi.Input[str]) -> list[Statement]:
    """Allow receiving and deleting messages, as an event source mapping does for a function."""
    actions = ["ReceiveMessage", "DeleteMessage", "GetQueueAttributes"]
    return [Statement([f"sqs:{action}" for action in actions], [queue_arn])]


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


def put_objects(
    bucket_arn: pulumi.Input[str], prefix: pulumi.Input[str], kms_key_arn: pulumi.Input[str] | None = None
) -> list[Statement]:
    """Allow putting objects below a prefix. An upload URL acts with the rights of its signer."""
    objects = pulumi.Output.concat(bucket_arn, "/", prefix, "*")
    return [Statement(["s3:PutObject"], [objects]), *_use_key(kms_key_arn, "GenerateDataKey")]


def look_at_objects(
    bucket_arn: pulumi.Input[str],
    prefix: pulumi.Input[str],
    kms_key_arn: pulumi.Input[str] | None = None,
    *,
    versions: bool = False,
) -> list[Statement]:
    """Allow reading objects below a prefix, and listing it: the current version, or every one."""
    actions = ["s3:GetObject", *(["s3:GetObjectVersion"] if versions else [])]
    return _read(bucket_arn, actions, [pulumi.Output.concat(bucket_arn, "/", prefix, "*")], kms_key_arn)


def look_at_previews(
    bucket_arn: pulumi.Input[str], prefix: pulumi.Input[str], kms_key_arn: pulumi.Input[str] | None = None
) -> list[Statement]:
    """Allow reading the previews of pictures below a prefix, and listing them."""
    folders = (pulumi.Output.concat("previews/", prefix), "previews-of-long-keys/")
    previews = [pulumi.Output.concat(bucket_arn, "/", folder, "*") for folder in folders]
    return _read(bucket_arn, ["s3:GetObject"], previews, kms_key_arn)


def delete_objects(bucket_arn: pulumi.Input[str], prefix: pulumi.Input[str]) -> list[Statement]:
    """Allow deleting objects below a prefix, but not their old versions: the bucket's rules remove those in time."""
    return [Statement(["s3:DeleteObject"], [pulumi.Output.concat(bucket_arn, "/", prefix, "*")])]


def purge_objects(bucket_arn: pulumi.Input[str], prefix: pulumi.Input[str]) -> list[Statement]:
    """Allow listing and deleting every version below a prefix."""
    below = pulumi.Output.concat(prefix, "*")
    return [
        Statement(["s3:ListBucketVersions"], [bucket_arn], condition={"StringLike": {"s3:prefix": below}}),
        Statement(["s3:DeleteObjectVersion"], [pulumi.Output.concat(bucket_arn, "/", below)]),
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
        Statement(["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"], [table_arn]),
        Statement(["dynamodb:Query"], [pulumi.Output.concat(table_arn, "/index/*")]),
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
