"""The uploads bucket as the API sees it: whether an object is there, deleting it, and URLs for others."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def client_config() -> Config:
    """Return the configuration of the function's own clients: short time-outs, botocore's retries."""
    return Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})


def s3_client() -> S3Client:
    """Return a client for the function's own calls."""
    return boto3.client("s3", config=client_config())


def signing_client(public_endpoint: str | None) -> S3Client:
    """Return a client that signs URLs for others, and sends nothing itself.

    Without `public_endpoint`, the bucket's name of its region: S3's global name redirects, which CORS does not follow.
    """
    config = Config(signature_version="s3v4", s3={"addressing_style": "virtual" if public_endpoint is None else "path"})
    return boto3.client("s3", endpoint_url=public_endpoint, config=config)


@dataclass(frozen=True)
class Bucket:
    """The objects of one bucket. Raises botocore's errors: see `may_pass`."""

    client: S3Client
    name: str

    def has(self, key: str) -> bool:
        """Return whether there is an object of this key now, other than a marker of a folder (`a/`)."""
        if key.endswith("/"):
            return False
        try:
            self.client.head_object(Bucket=self.name, Key=key)
        except ClientError as error:
            if _status(error) == HTTPStatus.NOT_FOUND:
                return False
            raise
        return True

    def delete(self, key: str) -> None:
        """Delete the present version; with versioning, S3 keeps it as an old one."""
        self.client.delete_object(Bucket=self.name, Key=key)


@dataclass(frozen=True)
class LinkedBucket(Bucket):
    """A bucket whose objects get links to look at them."""

    signing: S3Client
    link_expiry_s: int

    def link(self, key: str, version_id: str | None, content_type: str, *, attachment: bool) -> str:
        """Return a link to one version that S3 answers with this content type, whatever the object says of itself.

        Without a version, which a bucket without versioning has none of, the link shows whatever is there when it is
        followed.
        """
        params: dict[str, Any] = {"Bucket": self.name, "Key": key, "ResponseContentType": content_type}
        if version_id is not None:
            params["VersionId"] = version_id
        if attachment:
            params["ResponseContentDisposition"] = "attachment"
        return self.signing.generate_presigned_url("get_object", Params=params, ExpiresIn=self.link_expiry_s)


def may_pass(error: Exception) -> bool:
    """Return whether an error of a service may be gone a moment later."""
    status = _status(error) if isinstance(error, ClientError) else 0
    return isinstance(error, BotoCoreError) or status >= 500 or status == HTTPStatus.TOO_MANY_REQUESTS


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
