"""The page's settings for its service, and the addresses that it may call."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Required, TypedDict

import pulumi

from . import references
from .arguments import derive
from .component import Component
from .guest_access import GuestAccess
from .label_api import MAX_UPLOAD_BYTES, LabelApi

# Of AWS's services that the page speaks to by itself, the names in their addresses.
GUEST_SERVICES = ("cognito-identity", "dynamodb", "s3")


class AddressReference(TypedDict, total=False):
    """A LabelApi by its outputs."""

    url: Required[pulumi.Input[str]]
    """The API's address."""
    can_delete: bool
    """True if a visitor with a key may delete. Default: false."""


class GuestsReference(TypedDict, total=False):
    """A GuestAccess by its outputs."""

    identity_pool_id: Required[pulumi.Input[str]]
    """The identity pool's id."""


@dataclass(frozen=True)
class PageService:
    """`config` is the page's `config.json`; `connect` and `pictures` are sources of its content security policy."""

    config: Mapping[str, Any] = field(default_factory=dict)
    connect: Sequence[pulumi.Input[str]] = ()
    pictures: Sequence[pulumi.Input[str]] = ()


def service_of(component: Component, args: Mapping[str, Any]) -> PageService:
    """Describe the service that the page works with: the API, or S3 and the table as a guest; none for other pages."""
    if args["guests"] is not None:
        return _as_guest(component, args, args["guests"])
    return PageService() if args["api"] is None else _through_api(component, args, args["api"])


def _through_api(component: Component, args: Mapping[str, Any], api: LabelApi | AddressReference) -> PageService:
    """Configure a page that asks the API, and sends pictures to S3 with the API's upload URLs."""
    url = api.url if isinstance(api, LabelApi) else api["url"]
    deletes = api.arguments["access"] == "api_key" if isinstance(api, LabelApi) else api.get("can_delete", False)
    config = {"mode": "api", "apiUrl": url, "canDelete": deletes, **_limits(args)}
    storage = _storage(component, args)
    return PageService(config, [derive(origin_of, url), *storage], storage)


def _as_guest(component: Component, args: Mapping[str, Any], guests: GuestAccess | GuestsReference) -> PageService:
    """Configure a page that works with S3 and DynamoDB itself, as a guest of the identity pool."""
    region, suffix, endpoint = component._region(), component._dns_suffix(), args["public_endpoint"]
    config: dict[str, Any] = {
        "mode": "guest",
        "region": region,
        "dnsSuffix": suffix,
        "identityPoolId": (guests.identity_pool_id if isinstance(guests, GuestAccess) else guests["identity_pool_id"]),
        "uploadBucket": references.bucket(args["bucket"]).name,
        "resultsTable": references.read(args["table"], references.TableReference)["name"],
        "uploadPrefix": args["upload_prefix"],
        **_limits(args),
    }
    if args["previews"] is not None:
        config["previewsBucket"] = references.bucket(args["previews"]).name
    storage = _storage(component, args)
    if endpoint is not None:
        config["endpoints"] = dict.fromkeys(GUEST_SERVICES, endpoint)
        return PageService(config, storage, storage)
    services = [pulumi.Output.concat(f"https://{name}.", region, ".", suffix) for name in GUEST_SERVICES[:2]]
    return PageService(config, [*services, *storage], storage)


def _limits(args: Mapping[str, Any]) -> dict[str, Any]:
    return {"minConfidence": args["min_confidence"], "maxSizeBytes": MAX_UPLOAD_BYTES}


def _storage(component: Component, args: Mapping[str, Any]) -> list[pulumi.Input[str]]:
    """Return the origins of the buckets: AWS has one with the region in it and one without for each."""
    if args["public_endpoint"] is not None:
        return [origin_of(args["public_endpoint"])]
    names = [references.bucket(args[name]).name for name in ("bucket", "previews") if args[name] is not None]
    hosts = (".s3.", component._dns_suffix()), (".s3.", component._region(), ".", component._dns_suffix())
    return [pulumi.Output.concat("https://", name, *host) for name in names for host in reversed(hosts)]


def origin_of(url: str) -> str:
    """Return the origin of an address: scheme, host and port."""
    return "/".join(url.split("/")[:3])
