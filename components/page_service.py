"""PageService: what the page is told of the service that it works with, and which addresses it needs for that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from components.label_api import MAX_UPLOAD_BYTES
from components.upload_bucket import UploadBucket

# Of AWS's services that the page speaks to by itself, the names in their addresses.
GUEST_SERVICES = ("cognito-identity", "dynamodb", "s3")


@dataclass(frozen=True)
class PageService:
    """`config` is the page's `config.json`; `connect` and `pictures` are sources of its content security policy."""

    config: Mapping[str, Any]
    connect: Sequence[pulumi.Input[str]]
    pictures: Sequence[pulumi.Input[str]]


def through_api(
    uploads: UploadBucket,
    api_url: pulumi.Input[str],
    *,
    can_delete: bool,
    min_confidence: float,
    public_endpoint: str | None = None,
) -> PageService:
    """The page asks the API, and sends pictures to S3 with the forms that the API gives.

    `can_delete` is whether a visitor who has a key may delete.
    `public_endpoint` is where a browser reaches an emulator.
    """
    config = {"mode": "api", "apiUrl": api_url, "canDelete": can_delete, **_limits(min_confidence)}
    storage = _storage(uploads, public_endpoint)
    return PageService(config, [pulumi.Output.from_input(api_url).apply(_origin), *storage], storage)


def as_guest(
    uploads: UploadBucket,
    *,
    region: pulumi.Input[str],
    identity_pool_id: pulumi.Input[str],
    table_name: pulumi.Input[str],
    upload_prefix: str,
    min_confidence: float,
    public_endpoint: str | None = None,
) -> PageService:
    """The page works with S3 and DynamoDB itself, as a guest of the identity pool."""
    config: dict[str, Any] = {
        "mode": "guest",
        "region": region,
        "identityPoolId": identity_pool_id,
        "uploadBucket": uploads.name,
        "resultsTable": table_name,
        "uploadPrefix": upload_prefix,
        **_limits(min_confidence),
    }
    if public_endpoint is not None:
        config["endpoints"] = dict.fromkeys(GUEST_SERVICES, public_endpoint)
        return PageService(config, [_origin(public_endpoint)], [_origin(public_endpoint)])
    storage = _storage(uploads, None)
    services = [pulumi.Output.concat(f"https://{name}.", region, ".amazonaws.com") for name in GUEST_SERVICES[:2]]
    return PageService(config, [*services, *storage], storage)


def _limits(min_confidence: float) -> dict[str, Any]:
    return {"minConfidence": min_confidence, "maxSizeBytes": MAX_UPLOAD_BYTES}


def _storage(uploads: UploadBucket, public_endpoint: str | None) -> list[pulumi.Input[str]]:
    """The bucket's origins: AWS has one with the region in it and one without."""
    if public_endpoint is not None:
        return [_origin(public_endpoint)]
    names = (uploads.bucket.bucket_regional_domain_name, uploads.bucket.bucket_domain_name)
    return [pulumi.Output.concat("https://", name) for name in names]


def _origin(url: str) -> str:
    return "/".join(url.split("/")[:3])
