"""A bucket that is private, encrypted, versioned, reached over TLS only, and tidies up after itself."""

import pulumi
import pulumi_aws as aws

from components.policies import deny_insecure_transport, document
from components.tagging import tags

ABORT_MULTIPART_DAYS = 7


def private_bucket(
    name: str,
    parent: pulumi.Resource,
    *,
    protect_data: bool,
    noncurrent_version_days: int,
    expiration: tuple[str, int | None],
    kms_key_arn: pulumi.Input[str] | None = None,
) -> aws.s3.Bucket:
    """The bucket, with all that belongs to it as children of `parent`.

    `protect_data` keeps it from deletion; without it the bucket is destroyed with its objects. `expiration` is the id
    of the rule that deletes objects and after how many days it does; None keeps them. `kms_key_arn` encrypts with that
    key in place of S3's own (SSE-S3).
    """
    child = pulumi.ResourceOptions(parent=parent)
    bucket = aws.s3.Bucket(
        name,
        force_destroy=not protect_data,
        tags=tags(name),
        opts=pulumi.ResourceOptions(parent=parent, protect=protect_data),
    )
    private = aws.s3.BucketPublicAccessBlock(
        f"{name}-private",
        bucket=bucket.bucket,
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
        opts=child,
    )
    # S3 refuses concurrent changes of a bucket's access settings: one after the other.
    after_private = pulumi.ResourceOptions(parent=parent, depends_on=[private])
    aws.s3.BucketOwnershipControls(
        f"{name}-ownership",
        bucket=bucket.bucket,
        rule={"object_ownership": "BucketOwnerEnforced"},
        opts=after_private,
    )
    aws.s3.BucketPolicy(
        f"{name}-policy",
        bucket=bucket.bucket,
        policy=document([deny_insecure_transport("s3", [bucket.arn, pulumi.Output.concat(bucket.arn, "/*")])]),
        opts=after_private,
    )
    aws.s3.BucketServerSideEncryptionConfiguration(
        f"{name}-encryption",
        bucket=bucket.bucket,
        rules=[{"apply_server_side_encryption_by_default": default_encryption(kms_key_arn)}],
        opts=child,
    )
    versioning = aws.s3.BucketVersioning(
        f"{name}-versioning",
        bucket=bucket.bucket,
        versioning_configuration={"status": "Enabled"},
        opts=child,
    )
    aws.s3.BucketLifecycleConfiguration(
        f"{name}-lifecycle",
        bucket=bucket.bucket,
        rules=lifecycle_rules(noncurrent_version_days, *expiration),
        opts=pulumi.ResourceOptions(parent=parent, depends_on=[versioning]),
    )
    return bucket


def default_encryption(
    kms_key_arn: pulumi.Input[str] | None,
) -> aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgsDict:
    """Encryption with the key, or with S3's own."""
    if kms_key_arn is None:
        return {"sse_algorithm": "AES256"}
    return {"sse_algorithm": "aws:kms", "kms_master_key_id": kms_key_arn}


def lifecycle_rules(
    noncurrent_version_days: int, expiration_id: str, expiration_days: int | None
) -> list[aws.s3.BucketLifecycleConfigurationRuleArgsDict]:
    """Rules that remove half uploads, old versions with the markers they leave, and, if asked, old objects."""
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
            "noncurrent_version_expiration": {"noncurrent_days": noncurrent_version_days},
            "expiration": {"expired_object_delete_marker": True},
        },
    ]
    if expiration_days is not None:
        rules.append(
            {
                "id": expiration_id,
                "status": "Enabled",
                "filter": everything,
                "expiration": {"days": expiration_days},
            }
        )
    return rules
