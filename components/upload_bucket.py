"""UploadBucket: the private bucket that pictures are put into."""

from collections.abc import Sequence
from typing import Annotated

import pulumi
import pulumi_aws as aws
from pydantic import Field

from .private_bucket import PrivateBucket, PrivateBucketArgs

Origin = Annotated[
    str,
    Field(
        pattern=r"^https?://[^/\s*]+$",
        description="a list of web origins such as https://example.org, each at most once",
    ),
]


class UploadBucketArgs(PrivateBucketArgs, total=False):
    """Arguments of UploadBucket."""

    cors_origins: Sequence[pulumi.Input[Origin]]
    """Web origins whose pages may upload."""


class UploadBucket(PrivateBucket):
    """A bucket that is private, encrypted, versioned, reached over TLS only, and tidies up after itself."""

    def __init__(
        self, name: str, args: UploadBucketArgs | None = None, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        checked = self._start(name, UploadBucketArgs, args, opts)
        self._make(checked["kms_key_arn"], protect_data=checked["protect_data"])
        self._keep_versions(checked, "expire-uploads")
        if origins := checked["cors_origins"]:
            aws.s3.BucketCorsConfiguration(
                f"{name}-cors",
                bucket=self.name,
                cors_rules=[
                    {
                        "allowed_origins": list(origins),
                        "allowed_methods": ["GET", "HEAD", "PUT"],
                        "allowed_headers": ["*"],
                        "expose_headers": ["ETag"],
                        "max_age_seconds": 3600,
                    }
                ],
                opts=self._with(self.bucket),
            )
        self._finish()
