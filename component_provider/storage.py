"""UploadBucket, ResultsStore and ResultsBucket for other languages."""

from collections.abc import Sequence
from typing import NotRequired, TypedDict

import pulumi

from component_provider.tokens import present, token
from components import results_bucket, results_store, upload_bucket


class UploadBucketArgs(TypedDict):
    """Arguments of UploadBucket."""

    protect_data: bool
    """Keep the bucket and what is in it from deletion; false: the bucket is destroyed with its objects."""
    noncurrent_version_days: NotRequired[int]
    """Days for which replaced and deleted versions are kept; 30."""
    expiration_days: NotRequired[int]
    """Days after which uploads are deleted; without it they are kept."""
    kms_key_arn: NotRequired[pulumi.Input[str]]
    """A key that encrypts the objects, in place of S3's own."""
    cors_origins: NotRequired[Sequence[pulumi.Input[str]]]
    """Web origins whose pages may upload."""


class UploadBucket(pulumi.ComponentResource):
    """A bucket that is private, encrypted, versioned, reached over TLS only, and tidies up after itself."""

    name: pulumi.Output[str]
    """The bucket's name."""
    arn: pulumi.Output[str]
    """The bucket's ARN."""

    def __init__(self, name: str, args: UploadBucketArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(token("UploadBucket"), name, {}, opts)
        given = present(
            args, "protect_data", "noncurrent_version_days", "expiration_days", "kms_key_arn", "cors_origins"
        )
        made = upload_bucket.UploadBucket(
            name, upload_bucket.UploadBucketArgs(**given), pulumi.ResourceOptions(parent=self)
        )
        self.name, self.arn = made.name, made.arn
        self.register_outputs({"name": self.name, "arn": self.arn})


class ResultsStoreArgs(TypedDict):
    """Arguments of ResultsStore."""

    protect_data: bool
    """Refuse the table's deletion, at AWS and in Pulumi."""


class ResultsStore(pulumi.ComponentResource):
    """One table on demand, with point-in-time recovery, encryption, expiry by `expiresAt`, and two indexes."""

    name: pulumi.Output[str]
    """The table's name."""
    arn: pulumi.Output[str]
    """The table's ARN."""

    def __init__(self, name: str, args: ResultsStoreArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(token("ResultsStore"), name, {}, opts)
        made = results_store.ResultsStore(
            name, results_store.ResultsStoreArgs(**args), pulumi.ResourceOptions(parent=self)
        )
        self.name, self.arn = made.name, made.arn
        self.register_outputs({"name": self.name, "arn": self.arn})


class ResultsBucketArgs(TypedDict):
    """Arguments of ResultsBucket."""

    protect_data: bool
    """Keep the bucket and what is in it from deletion; false: the bucket is destroyed with its documents."""
    noncurrent_version_days: NotRequired[int]
    """Days for which replaced and deleted versions are kept; 30."""
    expiration_days: NotRequired[int]
    """Days after which documents are deleted; without it they are kept."""


class ResultsBucket(pulumi.ComponentResource):
    """A private bucket with one JSON document for each version of a picture."""

    name: pulumi.Output[str]
    """The bucket's name."""
    arn: pulumi.Output[str]
    """The bucket's ARN."""

    def __init__(self, name: str, args: ResultsBucketArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(token("ResultsBucket"), name, {}, opts)
        given = present(args, "protect_data", "noncurrent_version_days", "expiration_days")
        made = results_bucket.ResultsBucket(
            name, results_bucket.ResultsBucketArgs(**given), pulumi.ResourceOptions(parent=self)
        )
        self.name, self.arn = made.name, made.arn
        self.register_outputs({"name": self.name, "arn": self.arn})
