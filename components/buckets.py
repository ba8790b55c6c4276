"""UploadBucket and ResultsBucket, and what they have in common with Previews: PrivateBucket."""

from collections.abc import Sequence
from typing import Annotated, Any

import pulumi
import pulumi_aws as aws
from pydantic import Field

from .component import Component, ProtectedArgs
from .policies import deny_insecure_transport, document

ABORT_MULTIPART_DAYS = 7
Origin = Annotated[
    str,
    Field(
        pattern=r"^https?://[^/\s*]+$",
        description="a web origin such as https://example.org",
    ),
]


class PrivateBucketArgs(ProtectedArgs, total=False):
    """Arguments of UploadBucket and ResultsBucket."""

    noncurrent_version_days: Annotated[pulumi.Input[int], Field(30, ge=1)]
    """Days for which S3 keeps replaced and deleted versions."""
    expiration_days: Annotated[pulumi.Input[int] | None, Field(None, ge=1)]
    """Days after which S3 deletes objects. Without it they stay."""
    kms_key_arn: pulumi.Input[str] | None
    """The ARN of a KMS key that encrypts the objects. Without it S3 encrypts them with its own keys (SSE-S3)."""


class PrivateBucket(Component):
    """A bucket that is private, encrypted and reached over TLS only."""

    name_pattern = r"[a-z0-9][a-z0-9.-]*"
    name_expected = "lower-case letters, digits, hyphens and dots, as S3 takes no others"

    name: pulumi.Output[str]
    """The bucket's name."""
    arn: pulumi.Output[str]
    """The bucket's ARN."""
    kms_key_arn: pulumi.Output[str] | None
    """The key that encrypts the objects, if any."""

    def _make(self, key: pulumi.Input[str] | None, *, protect_data: bool) -> None:
        """Make the bucket; `key` is the ARN of a KMS key that encrypts the objects."""
        name = self._name
        protected = pulumi.ResourceOptions(parent=self, protect=protect_data)
        self.bucket = aws.s3.Bucket(name, force_destroy=not protect_data, opts=protected)
        self.name, self.arn = self.bucket.bucket, self.bucket.arn
        self.kms_key_arn = None if key is None else pulumi.Output.from_input(key)
        by_key: Any = {"sse_algorithm": "aws:kms", "kms_master_key_id": key}
        after_private = restrict_access(self, self.bucket, "private", private=True)
        aws.s3.BucketPolicy(
            f"{name}-policy",
            bucket=self.name,
            policy=document([deny_insecure_transport("s3:*", [self.arn, pulumi.Output.concat(self.arn, "/*")])]),
            opts=after_private,
        )
        aws.s3.BucketServerSideEncryptionConfiguration(
            f"{name}-encryption",
            bucket=self.name,
            rules=[{"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"} if key is None else by_key}],
            opts=self._with(self.bucket),
        )

    def _keep_versions(self, args: PrivateBucketArgs, expiration_rule: str) -> None:
        """Keep old versions for a time; `expiration_rule` is the id of the rule that deletes objects at their age."""
        name = self._name
        versioning = aws.s3.BucketVersioning(
            f"{name}-versioning",
            bucket=self.name,
            versioning_configuration={"status": "Enabled"},
            opts=self._with(self.bucket),
        )
        aws.s3.BucketLifecycleConfiguration(
            f"{name}-lifecycle",
            bucket=self.name,
            rules=_lifecycle_rules(args, expiration_rule),
            opts=self._with(self.bucket, versioning),
        )

    def _allow_origins(self, origins: Sequence[pulumi.Input[str]] | None, methods: Sequence[str]) -> None:
        """Allow pages of these web origins to send such requests."""
        if not origins:
            return
        rule: aws.s3.BucketCorsConfigurationCorsRuleArgsDict = {
            "allowed_origins": list(origins),
            "allowed_methods": list(methods),
            "allowed_headers": ["*"],
            "expose_headers": ["ETag"],
            "max_age_seconds": 3600,
        }
        aws.s3.BucketCorsConfiguration(
            f"{self._name}-cors", bucket=self.name, cors_rules=[rule], opts=self._with(self.bucket)
        )


class UploadBucketArgs(PrivateBucketArgs, total=False):
    """Arguments of UploadBucket."""

    cors_origins: Sequence[pulumi.Input[Origin]]
    """Web origins whose pages may upload."""


class UploadBucket(PrivateBucket):
    """A bucket that is private, encrypted, versioned, reached over TLS only, and tidies up after itself."""

    def __init__(
        self, name: str, args: UploadBucketArgs | None = None, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        checked = self._start(name, args, opts)
        self._make(checked["kms_key_arn"], protect_data=checked["protect_data"])
        self._keep_versions(checked, "expire-uploads")
        self._allow_origins(checked["cors_origins"], ["GET", "HEAD", "PUT"])
        self.register_outputs({"name": self.name, "arn": self.arn})


ResultsBucketArgs = PrivateBucketArgs


class ResultsBucket(PrivateBucket):
    """A private bucket with a JSON document for each version of a picture, as `api/result.schema.json` describes it."""

    def __init__(
        self, name: str, args: ResultsBucketArgs | None = None, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        checked = self._start(name, args, opts)
        self._make(checked["kms_key_arn"], protect_data=checked["protect_data"])
        self._keep_versions(checked, "expire-documents")
        self.register_outputs({"name": self.name, "arn": self.arn})


def restrict_access(
    component: Component, bucket: aws.s3.Bucket, suffix: str, *, private: bool
) -> pulumi.ResourceOptions:
    """Forbid access lists, and public policies if the bucket is private; return the options of later resources."""
    name = component._name
    block = aws.s3.BucketPublicAccessBlock(
        f"{name}-{suffix}",
        bucket=bucket.bucket,
        block_public_acls=True,
        ignore_public_acls=True,
        block_public_policy=private,
        restrict_public_buckets=private,
        opts=component._with(bucket),
    )
    # S3 refuses a public policy while it is blocked, and concurrent changes of a bucket's access settings.
    after = component._with(bucket, block)
    aws.s3.BucketOwnershipControls(
        f"{name}-ownership", bucket=bucket.bucket, rule={"object_ownership": "BucketOwnerEnforced"}, opts=after
    )
    return after


def _lifecycle_rules(args: PrivateBucketArgs, expiration_rule: str) -> list[Any]:
    """Return rules that remove unfinished uploads, old versions with their markers, and optionally old objects."""
    rules: list[dict[str, Any]] = [
        {
            "id": "abort-incomplete-uploads",
            "abort_incomplete_multipart_upload": {"days_after_initiation": ABORT_MULTIPART_DAYS},
        },
        {
            "id": "expire-noncurrent-versions",
            "noncurrent_version_expiration": {"noncurrent_days": args["noncurrent_version_days"]},
            "expiration": {"expired_object_delete_marker": True},
        },
    ]
    if args["expiration_days"] is not None:
        rules.append({"id": expiration_rule, "expiration": {"days": args["expiration_days"]}})
    return [{"status": "Enabled", "filter": {"prefix": ""}, **rule} for rule in rules]
