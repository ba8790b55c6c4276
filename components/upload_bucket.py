"""UploadBucket: the private bucket that pictures are put into."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.private_bucket import private_bucket


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
        self.bucket = private_bucket(
            name,
            self,
            protect_data=args.protect_data,
            noncurrent_version_days=args.noncurrent_version_days,
            expiration=("expire-uploads", args.expiration_days),
            kms_key_arn=args.kms_key_arn,
        )
        self.name, self.arn = self.bucket.bucket, self.bucket.arn
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
                opts=pulumi.ResourceOptions(parent=self),
            )
        self.register_outputs({"name": self.name, "arn": self.arn})
