"""UploadBucket: the private bucket that pictures are put into."""

from collections.abc import Sequence
from typing import Annotated

import pulumi
from pydantic import Field

from .private_bucket import PrivateBucket, PrivateBucketArgs

Origin = Annotated[
    str,
    Field(
        pattern=r"^https?://[^/\s*]+$",
        description="a web origin such as https://example.org",
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
        checked = self._start(name, args, opts)
        self._make(checked["kms_key_arn"], protect_data=checked["protect_data"])
        self._keep_versions(checked, "expire-uploads")
        self._allow_origins(checked["cors_origins"], ["GET", "HEAD", "PUT"])
        self._finish()
