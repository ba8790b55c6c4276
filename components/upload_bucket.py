"""UploadBucket: the private bucket that pictures are put into."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.policies import deny_insecure_transport, document
from components.tagging import tags

ABORT_MULTIPART_DAYS = 7


@dataclass(frozen=True)
class UploadBucketArgs:
    """Arguments of UploadBucket.

    `protect_data` keeps the bucket and what is in it from deletion; without it the bucket is destroyed with its
    objects.
    `expiration_days` deletes uploads after that time; None keeps them.
    `kms_key_arn` encrypts with that key in place of S3's own (SSE-S3).
    `cors_origins` are the web origins whose pages may upload.
    """

    protect_data: bool
    noncurrent_version_days: int = 30
    expiration_days: int | None = None
    kms_key_arn: pulumi.Input[str] | None = None
    cors_origins: Sequence[pulumi.Input[str]] = ()


class UploadBucket(pulumi.ComponentResource):
    """A bucket that is private, encrypted, versioned, reached over TLS only, and tidies up after itself."""

    bucket: aws.s3.Bucket
    name: pulumi.Output[str]
    arn: pulumi.Output[str]

    def __init__(self, name: str, args: UploadBucketArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("labelstack:components:UploadBucket", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.bucket = aws.s3.Bucket(
            name,
            force_destroy=not args.protect_data,
            tags=tags(name),
            opts=pulumi.ResourceOptions(parent=self, protect=args.protect_data),
        )
        self.name, self.arn = self.bucket.bucket, self.bucket.arn
        private = aws.s3.BucketPublicAccessBlock(
            f"{name}-private",
            bucket=self.name,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=child,
        )
        # S3 refuses concurrent changes of a bucket's access settings: one after the other.
        after_private = pulumi.ResourceOptions(parent=self, depends_on=[private])
        aws.s3.BucketOwnershipControls(
            f"{name}-ownership",
            bucket=self.name,
            rule={"object_ownership": "BucketOwnerEnforced"},
            opts=after_private,
        )
        aws.s3.BucketPolicy(
            f"{name}-policy",
            bucket=self.name,
            policy=document([deny_insecure_transport("s3", [self.arn, pulumi.Output.concat(self.arn, "/*")])]),
            opts=after_private,
        )
        aws.s3.BucketServerSideEncryptionConfiguration(
            f"{name}-encryption",
            bucket=self.name,
            rules=[{"apply_server_side_encryption_by_default": default_encryption(args.kms_key_arn)}],
            opts=child,
        )
        versioning = aws.s3.BucketVersioning(
            f"{name}-versioning",
            bucket=self.name,
            versioning_configuration={"status": "Enabled"},
            opts=child,
        )
        aws.s3.BucketLifecycleConfiguration(
            f"{name}-lifecycle",
            bucket=self.name,
            rules=lifecycle_rules(args),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[versioning]),
        )
        if args.cors_origins:
            aws.s3.BucketCorsConfiguration(
                f"{name}-cors",
                bucket=self.name,
                cors_rules=[
                    {
                        "allowed_origins": list(args.cors_origins),
                        "allowed_methods": ["GET", "HEAD", "POST", "PUT"],
                        "allowed_headers": ["*"],
                        "expose_headers": ["ETag"],
                        "max_age_seconds": 3600,
                    }
                ],
                opts=child,
            )
        self.register_outputs({"name": self.name, "arn": self.arn})


def default_encryption(
    kms_key_arn: pulumi.Input[str] | None,
) -> aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgsDict:
    """Encryption with the key, or with S3's own."""
    if kms_key_arn is None:
        return {"sse_algorithm": "AES256"}
    return {"sse_algorithm": "aws:kms", "kms_master_key_id": kms_key_arn}


def lifecycle_rules(args: UploadBucketArgs) -> list[aws.s3.BucketLifecycleConfigurationRuleArgsDict]:
    """Rules that remove half uploads, old versions with the markers they leave, and, if asked, old uploads."""
    everything: aws.s3.BucketLifecycleConfigurationRuleFilterArgsDict = {"prefix": ""}
    rules: list[aws.s3.BucketLifecycleConfigurationRuleArgsDict] = [
        {
            "id": "abort-incomplete-uploads",
            "status": "Enabled",
            "filter": everything,
            "abort_incomplete_multipart_upload": {"days_after_initiation": ABORT_MULTIPART_DAYS},
        },
        {
            "id": "expire-noncurrent-versions",
            "status": "Enabled",
            "filter": everything,
            "noncurrent_version_expiration": {"noncurrent_days": args.noncurrent_version_days},
            "expiration": {"expired_object_delete_marker": True},
        },
    ]
    if args.expiration_days is not None:
        rules.append(
            {
                "id": "expire-uploads",
                "status": "Enabled",
                "filter": everything,
                "expiration": {"days": args.expiration_days},
            }
        )
    return rules
