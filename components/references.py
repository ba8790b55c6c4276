"""Buckets, tables, topics and queues as arguments: one of our components, a resource of the user's own, or names."""

from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple, Required, TypedDict, TypeVar, cast

import pulumi
import pulumi_aws as aws
from pydantic import Field

from .arguments import members
from .notifications import Notifications
from .private_bucket import PrivateBucket
from .results_bucket import ResultsBucket
from .results_store import ResultsStore
from .upload_bucket import UploadBucket


class BucketReference(TypedDict, total=False):
    """A bucket by its name and ARN."""

    name: Required[pulumi.Input[str]]
    """The bucket's name."""
    arn: Required[
        Annotated[
            pulumi.Input[str], Field(pattern=r"^arn:[\w-]+:s3:", description="an ARN such as arn:aws:s3:::photos")
        ]
    ]
    """The bucket's ARN."""
    kms_key_arn: pulumi.Input[str]
    """The ARN of the KMS key that encrypts the bucket's objects, where there is one."""


class TableReference(TypedDict, total=False):
    """A table by its name and ARN. Its keys and indexes are those of a `ResultsStore`."""

    name: Required[pulumi.Input[str]]
    """The table's name."""
    arn: Required[
        Annotated[
            pulumi.Input[str],
            Field(
                pattern=r"^arn:[\w-]+:dynamodb:",
                description="an ARN such as arn:aws:dynamodb:us-east-1:123456789012:table/results",
            ),
        ]
    ]
    """The table's ARN."""


class TopicReference(TypedDict, total=False):
    """An SNS topic by its ARN."""

    arn: Required[
        Annotated[
            pulumi.Input[str],
            Field(pattern=r"^arn:[\w-]+:sns:", description="an ARN such as arn:aws:sns:us-east-1:123456789012:results"),
        ]
    ]
    """The topic's ARN."""
    kms_key_arn: pulumi.Input[str]
    """The ARN of the KMS key that encrypts the topic's messages, where there is one."""


class QueueReference(TypedDict, total=False):
    """An SQS queue by its URL and ARN."""

    url: Required[pulumi.Input[str]]
    """The queue's URL."""
    arn: Required[
        Annotated[
            pulumi.Input[str],
            Field(pattern=r"^arn:[\w-]+:sqs:", description="an ARN such as arn:aws:sqs:us-east-1:123456789012:events"),
        ]
    ]
    """The queue's ARN."""


R = TypeVar("R")
BucketLike = UploadBucket | ResultsBucket | aws.s3.Bucket | BucketReference
TableLike = ResultsStore | aws.dynamodb.Table | TableReference
TopicLike = Notifications | aws.sns.Topic | TopicReference
QueueLike = aws.sqs.Queue | QueueReference


class DataArgs(TypedDict, total=False):
    """Arguments of components that work with pictures and their results."""

    bucket: Required[BucketLike]
    """The bucket of the pictures: an `UploadBucket`, an `aws.s3.Bucket`, or its name and ARN."""
    table: Required[TableLike]
    """The table of the results: a `ResultsStore`, an `aws.dynamodb.Table` with the same keys, or its name and ARN."""


class Bucket(NamedTuple):
    """A bucket; `region` is its region where a resource of the program has it.

    `versioned` says that it surely keeps versions, which is unknown for a bucket of the user's own.
    """

    name: pulumi.Input[str]
    arn: pulumi.Input[str]
    kms_key_arn: pulumi.Input[str] | None = None
    region: pulumi.Input[str] | None = None
    versioned: bool = False


class Table(NamedTuple):
    """A table."""

    name: pulumi.Input[str]
    arn: pulumi.Input[str]


class Topic(NamedTuple):
    """A topic."""

    arn: pulumi.Input[str]
    kms_key_arn: pulumi.Input[str] | None = None


def bucket(source: BucketLike | PrivateBucket) -> Bucket:
    """Return a bucket from any argument that stands for it."""
    match source:
        case aws.s3.Bucket():
            return Bucket(source.bucket, source.arn, None, source.region)
        case PrivateBucket():
            region, versioned = source.bucket.region, isinstance(source, UploadBucket | ResultsBucket)
            return Bucket(source.name, source.arn, source.kms_key_arn, region, versioned)
        case _:
            return Bucket(source["name"], source["arn"], source.get("kms_key_arn"))


def table(source: TableLike) -> Table:
    """Return a table from any argument that stands for it."""
    if isinstance(source, aws.dynamodb.Table | ResultsStore):
        return Table(source.name, source.arn)
    return Table(source["name"], source["arn"])


def topic(source: TopicLike) -> Topic:
    """Return a topic from any argument that stands for it."""
    match source:
        case aws.sns.Topic():
            return Topic(source.arn)
        case Notifications():
            return Topic(source.topic_arn, source.kms_key_arn)
        case _:
            return Topic(source["arn"], source.get("kms_key_arn"))


class Queue(NamedTuple):
    """A queue."""

    url: pulumi.Input[str]
    arn: pulumi.Input[str]


def queue(source: QueueLike) -> Queue:
    """Return a queue from any argument that stands for it."""
    return Queue(source.url, source.arn) if isinstance(source, aws.sqs.Queue) else Queue(source["url"], source["arn"])


def read(source: Any, reference: type[R]) -> R:
    """Read a component's outputs, and its arguments for values that must be known at once."""
    if isinstance(source, Mapping):
        return cast(R, source)
    values = {
        name: getattr(source, name, None) if member.late else source.arguments[name]
        for name, member in members(cast(type, reference)).items()
    }
    return cast(R, {name: value for name, value in values.items() if value is not None})
