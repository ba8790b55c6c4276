"""What a function may do, one function per purpose: each gives the smallest statements for it."""

from collections.abc import Sequence

import pulumi

from components.errors import InvalidArgumentError
from components.policies import AnyResource, Statement

DETECTOR_ACTIONS = {
    "labels": "rekognition:DetectLabels",
    "faces": "rekognition:DetectFaces",
    "moderation": "rekognition:DetectModerationLabels",
    "text": "rekognition:DetectText",
}


def read_objects(bucket_arn: pulumi.Input[str], kms_key_arn: pulumi.Input[str] | None = None) -> list[Statement]:
    """Read objects, and be told that one is missing: without ListBucket S3 answers 403 in place of 404."""
    statements = [
        Statement(["s3:GetObject", "s3:GetObjectVersion"], [pulumi.Output.concat(bucket_arn, "/*")]),
        Statement(["s3:ListBucket"], [bucket_arn]),
    ]
    return [*statements, Statement(["kms:Decrypt"], [kms_key_arn])] if kms_key_arn else statements


def write_results(table_arn: pulumi.Input[str]) -> list[Statement]:
    """Read and write items of the table itself, transactions included (IAM checks the actions of their parts)."""
    actions = ["GetItem", "PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem", "Query"]
    return [Statement([f"dynamodb:{action}" for action in actions], [table_arn])]


def consume_queue(queue_arn: pulumi.Input[str]) -> list[Statement]:
    """Receive and delete messages, as an event source mapping does for a function."""
    actions = ["ReceiveMessage", "DeleteMessage", "GetQueueAttributes"]
    return [Statement([f"sqs:{action}" for action in actions], [queue_arn])]


def postpone_messages(queue_arn: pulumi.Input[str]) -> list[Statement]:
    """Choose when a message that failed comes back."""
    return [Statement(["sqs:ChangeMessageVisibility"], [queue_arn])]


def send_messages(queue_arn: pulumi.Input[str]) -> list[Statement]:
    """Send messages to a queue."""
    return [Statement(["sqs:SendMessage"], [queue_arn])]


def publish(topic_arn: pulumi.Input[str], kms_key_arn: pulumi.Input[str] | None = None) -> list[Statement]:
    """Publish to a topic; one with a key encrypts and checks with the publisher's rights."""
    statements = [Statement(["sns:Publish"], [topic_arn])]
    return (
        [*statements, Statement(["kms:GenerateDataKey", "kms:Decrypt"], [kms_key_arn])] if kms_key_arn else statements
    )


def detect(detectors: Sequence[str]) -> list[Statement]:
    """Call the Rekognition operations of the detectors (`labels`, `faces`, `moderation`, `text`), and no other."""
    if unknown := sorted(set(detectors) - set(DETECTOR_ACTIONS)):
        raise InvalidArgumentError(f"Unknown detectors {unknown}: expected some of {', '.join(DETECTOR_ACTIONS)}.")
    reason = "Rekognition's image operations work on no resource, so IAM takes none for them"
    return [Statement([DETECTOR_ACTIONS[detector] for detector in detectors], AnyResource(reason))]


def put_objects(
    bucket_arn: pulumi.Input[str], prefix: pulumi.Input[str], kms_key_arn: pulumi.Input[str] | None = None
) -> list[Statement]:
    """Put objects below a prefix; whoever holds a presigned form acts with the rights of who signed it."""
    statements = [Statement(["s3:PutObject"], [pulumi.Output.concat(bucket_arn, "/", prefix, "*")])]
    return [*statements, Statement(["kms:GenerateDataKey"], [kms_key_arn])] if kms_key_arn else statements


def look_at_objects(
    bucket_arn: pulumi.Input[str], prefix: pulumi.Input[str], kms_key_arn: pulumi.Input[str] | None = None
) -> list[Statement]:
    """Read the present version of objects below a prefix, and be told that one is missing."""
    statements = [
        Statement(["s3:GetObject"], [pulumi.Output.concat(bucket_arn, "/", prefix, "*")]),
        Statement(["s3:ListBucket"], [bucket_arn]),
    ]
    return [*statements, Statement(["kms:Decrypt"], [kms_key_arn])] if kms_key_arn else statements


def delete_objects(bucket_arn: pulumi.Input[str], prefix: pulumi.Input[str]) -> list[Statement]:
    """Delete objects below a prefix: not their old versions, which the bucket's own rules remove in time."""
    return [Statement(["s3:DeleteObject"], [pulumi.Output.concat(bucket_arn, "/", prefix, "*")])]


def query_results(table_arn: pulumi.Input[str]) -> list[Statement]:
    """Read items by their keys, in the table and its indexes; never scan."""
    return [
        Statement(["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"], [table_arn]),
        Statement(["dynamodb:Query"], [pulumi.Output.concat(table_arn, "/index/*")]),
    ]


def deliver_logs() -> list[Statement]:
    """Have CloudWatch Logs take what a service logs on one's behalf, as a state machine's executions."""
    actions = ["CreateLogDelivery", "GetLogDelivery", "UpdateLogDelivery", "DeleteLogDelivery", "ListLogDeliveries"]
    actions += ["PutResourcePolicy", "DescribeResourcePolicies", "DescribeLogGroups"]
    # docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html#cloudwatch-iam-policy
    reason = "log deliveries are no resources to IAM, and AWS's own policy for them names none"
    return [Statement([f"logs:{action}" for action in actions], AnyResource(reason))]


def trace() -> list[Statement]:
    """Send traces to X-Ray, and ask it which ones to take."""
    actions = ["PutTraceSegments", "PutTelemetryRecords", "GetSamplingRules", "GetSamplingTargets"]
    reason = "X-Ray's segments and samples are no resources to IAM"
    return [Statement([f"xray:{action}" for action in actions], AnyResource(reason))]
