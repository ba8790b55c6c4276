"""Builds the tutorials' design on a cloud, call by call, as their readers do: bucket → queue → function → table."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from integration_tests.stack import wait_for
from labelstack.clouds import EmbeddedCloud

NAME = "tutorial"
TIMEOUT_S = 30
ALLOWED = [
    *("rekognition:DetectLabels", "s3:GetObject", "s3:GetObjectVersion", "dynamodb:PutItem"),
    *("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
    *("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"),
]


@dataclass(frozen=True)
class TutorialStack:
    """The stack of the tutorial's design.

    Attributes:
        function: Its name, whose log group has the durations.
    """

    cloud: EmbeddedCloud
    bucket: str
    queue_url: str
    table: str
    function: str

    def client(self, service: str) -> Any:
        """Return a boto3 client of the cloud."""
        return self.cloud.client(service)

    def labels(self) -> dict[str, list[str]]:
        """Return the whole table: label names by key."""
        pages = self.client("dynamodb").get_paginator("scan").paginate(TableName=self.table, ConsistentRead=True)
        return {
            item["ImageName"]["S"]: [label["M"]["Name"]["S"] for label in item["Labels"]["L"]]
            for page in pages
            for item in page["Items"]
        }

    def has(self, key: str) -> bool:
        """Return whether one picture's labels are in the table."""
        return "Item" in self.client("dynamodb").get_item(
            TableName=self.table, Key={"ImageName": {"S": key}}, ConsistentRead=True
        )

    def waiting(self) -> int:
        """Return the number of messages in the queue, visible or in flight."""
        attributes = self.client("sqs").get_queue_attributes(
            QueueUrl=self.queue_url,
            AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
        )["Attributes"]
        return sum(int(value) for value in attributes.values())


def build(cloud: EmbeddedCloud, runtime: str, concurrency: int, rekognition_endpoint: str) -> TutorialStack:
    """Make everything; `concurrency` messages are worked on at once, one per invocation."""
    s3, sqs, dynamodb, iam, functions = (cloud.client(name) for name in ("s3", "sqs", "dynamodb", "iam", "lambda"))
    bucket, table = f"{NAME}-uploads", f"{NAME}-labels"
    s3.create_bucket(Bucket=bucket)
    queue_url = sqs.create_queue(QueueName=f"{NAME}-events", Attributes={"VisibilityTimeout": str(6 * TIMEOUT_S)})[
        "QueueUrl"
    ]
    queue_arn = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sends = {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:SendMessage"}
    sqs.set_queue_attributes(QueueUrl=queue_url, Attributes={"Policy": _policy({**sends, "Resource": queue_arn})})
    dynamodb.create_table(
        TableName=table,
        KeySchema=[{"AttributeName": "ImageName", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "ImageName", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    assumed = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(RoleName=NAME, AssumeRolePolicyDocument=_policy(assumed))["Role"]["Arn"]
    iam.put_role_policy(
        RoleName=NAME,
        PolicyName=NAME,
        PolicyDocument=_policy({"Effect": "Allow", "Action": ALLOWED, "Resource": "*"}),
    )
    functions.create_function(
        FunctionName=NAME,
        Runtime=runtime,
        Role=role,
        Handler="handler.handle",
        Code={"ZipFile": _zip()},
        Timeout=TIMEOUT_S,
        MemorySize=512,
        Environment={"Variables": {"TABLE": table, "AWS_ENDPOINT_URL_REKOGNITION": rekognition_endpoint}},
    )
    functions.create_event_source_mapping(
        EventSourceArn=queue_arn, FunctionName=NAME, BatchSize=1, ScalingConfig={"MaximumConcurrency": concurrency}
    )
    wait_for(
        "the function to be active",
        lambda: functions.get_function_configuration(FunctionName=NAME)["State"],
        lambda state: state == "Active",
    )
    s3.put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={"QueueConfigurations": [{"QueueArn": queue_arn, "Events": ["s3:ObjectCreated:*"]}]},
    )
    return TutorialStack(cloud, bucket, queue_url, table, NAME)


def _policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _zip() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(Path(__file__).parent / "handler.py", "handler.py")
    return packed.getvalue()
