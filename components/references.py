"""Buckets, tables, topics and queues as arguments: one of our components, a resource of the user's own, or names."""

from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple, Required, TypedDict, TypeVar, cast

import pulumi
import pulumi_aws as aws
from pydantic import Field

from .arguments import members
from .buckets import PrivateBucket, ResultsBucket, UploadBucket
from .notifications import Notifications
from .results_store import ResultsStore


def _arn(service: str, example: str) -> Any:
    """Limit an argument to ARNs of a service."""
    return Field(pattern=rf"^arn:[\w-]+:{service}:", description=f"an ARN such as {example}")


class BucketReference(TypedDict, total=False):
    """A bucket by its name and ARN."""

    name: Required[pulumi.Input[str]]
    """The bucket's name."""
    arn: Required[Annotated[pulumi.Input[str], _arn("s3", "arn:aws:s3:::photos")]]
    """The bucket's ARN."""
    kms_key_arn: pulumi.Input[str]
    """The ARN of the KMS key that encrypts the bucket's objects, where there is one."""


class TableReference(TypedDict, total=False):
    """A table by its name and ARN. Its keys and indexes are those of a `ResultsStore`."""

    name: Required[pulumi.Input[str]]
    """The table's name."""
    arn: Required[
        Annotated[pulumi.Input[str], _arn("dynamodb", "arn:aws:dynamodb:us-east-1:123456789012:table/results")]
    ]
    """The table's ARN."""


class TopicReference(TypedDict, total=False):
    """An SNS topic by its ARN."""

    arn: Required[Annotated[pulumi.Input[str], _arn("sns", "arn:aws:sns:us-east-1:123456789012:results")]]
    """The topic's ARN."""
    kms_key_arn: pulumi.Input[str]
    """The ARN of the KMS key that encrypts the topic's messages, where there is one."""


class QueueReference(TypedDict, total=False):
    """An SQS queue by its URL and ARN."""

    url: Required[pulumi.Input[str]]
    """The queue's URL."""
    arn: Required[Annotated[pulumi.Input[str], _arn("sqs", "arn:aws:sqs:us-east-1:123456789012:events")]]
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


def read(source: Any, reference: type[R]) -> R:
    """Read a resource's outputs, and a component's arguments for values that must be known at once."""
    if isinstance(source, Mapping):
        return cast(R, source)
    values = {
        name: getattr(source, name, None) if member.late else source.arguments.get(name)
        for name, member in members(cast(type, reference)).items()
    }
    return cast(R, {name: value for name, value in values.items() if value is not None})
