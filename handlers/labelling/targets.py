"""The targets of announcements by boto3: documents in S3, messages by SNS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Self

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from handlers.labelling.announcing import Announcing
from handlers.labelling.environment import Variables
from handlers.labelling.errors import AnnouncementError
from handlers.labelling.notification import Notification, attribute_text, data_type
from handlers.labelling.tally import Tally
from handlers.results.outbox import Outbox
from handlers.results.rows import Rows

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient

_TYPE: Final = "application/json"


def client_config(connections: int) -> Config:
    """Short time-outs and few retries, at most half a minute for both targets: `handlers.results.outbox.CLAIM`."""
    return Config(
        connect_timeout=2,
        read_timeout=4,
        max_pool_connections=connections,
        retries={"mode": "standard", "total_max_attempts": 2},
    )


class S3Documents:
    """`DocumentStore` in one bucket."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put(self, key: str, content: bytes) -> str:
        """Put a document; the bucket's name."""
        try:
            self._client.put_object(Bucket=self._bucket, Key=key, Body=content, ContentType=_TYPE)
        except (ClientError, BotoCoreError) as error:
            raise AnnouncementError(f"the results bucket did not take {key!r}: {error}") from error
        return self._bucket


class SnsPublisher:
    """`Publisher` of one topic."""

    def __init__(self, client: SNSClient, topic_arn: str) -> None:
        self._client = client
        self._topic_arn = topic_arn

    def publish(self, notification: Notification) -> None:
        """Publish a message."""
        attributes: dict[str, Any] = {
            name: {"DataType": data_type(value), "StringValue": attribute_text(value)}
            for name, value in notification.attributes.items()
        }
        try:
            self._client.publish(
                TopicArn=self._topic_arn,
                Subject=notification.subject,
                Message=notification.body,
                MessageAttributes=attributes,
            )
        except (ClientError, BotoCoreError) as error:
            raise AnnouncementError(f"the topic did not take the message: {error}") from error


@dataclass(frozen=True)
class Targets:
    """Where results are announced, as a function's environment says."""

    results_bucket: str | None
    topic_arn: str | None
    min_confidence: Decimal

    @classmethod
    def parse(cls, variables: Variables) -> Self:
        """Read the variables; without RESULTS_BUCKET and TOPIC_ARN nothing is announced."""
        return cls(
            results_bucket=variables.optional_text("RESULTS_BUCKET"),
            topic_arn=variables.optional_text("TOPIC_ARN"),
            min_confidence=Decimal(str(variables.number("NOTIFY_MIN_CONFIDENCE", 0, 100)))
            if variables.optional_text("TOPIC_ARN")
            else Decimal(0),
        )

    @property
    def any(self) -> bool:
        """Whether results are announced at all."""
        return self.results_bucket is not None or self.topic_arn is not None

    def announcing(
        self, rows: Rows, tally: Tally, now: Callable[[], datetime], warn: Callable[[str], None], connections: int = 10
    ) -> Announcing | None:
        """The use-case with clients of its own; None where nothing is announced."""
        if not self.any:
            return None
        config = client_config(connections)
        return Announcing(
            outbox=Outbox(rows, now),
            documents=S3Documents(boto3.client("s3", config=config), self.results_bucket)
            if self.results_bucket
            else None,
            publisher=SnsPublisher(boto3.client("sns", config=config), self.topic_arn) if self.topic_arn else None,
            min_confidence=self.min_confidence,
            tally=tally,
            warn=warn,
        )
