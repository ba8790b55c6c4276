"""WebsiteFiles: the page's files, the settings it reads, and the addresses that it may call."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Required, TypedDict

import pulumi
import pulumi_aws as aws
from pydantic import Field

from . import references
from .arguments import Configured, derive
from .component import Component, TaggedArgs
from .errors import Problem
from .guest_access import UPLOADS, GuestAccess
from .label_api import MAX_UPLOAD_BYTES, LabelApi
from .policies import compact_json
from .previews import Previews
from .python_function import SOURCES
from .references import BucketLike, BucketReference, TableLike, TableReference
from .website import INDEX, Website, content_security_policy, origin_of

PAGE = "web"  # the folder of Labelstack's own page
CONFIG = "config.json"
# Of AWS's services that the page speaks to by itself, the names in their addresses.
GUEST_SERVICES = ("cognito-identity", "dynamodb", "s3")
# Listed here, because the types of different machines differ.
CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
# A file keeps its name when it changes, so a browser asks each time whether the ETag has changed.
ALWAYS_ASK, A_DAY, NEVER_KEEP = "no-cache", "public, max-age=86400", "no-store"
CACHED_FOR_A_DAY = {".ico", ".png", ".svg", ".woff2"}
_CSP_TAG = re.compile(r'(<meta http-equiv="Content-Security-Policy" content=")[^"]*(">)')


class SiteReference(TypedDict, total=False):
    """A Website by its outputs."""

    bucket_name: Required[pulumi.Input[str]]
    """The bucket of the site's files."""


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


class WebsiteFilesArgs(TaggedArgs, total=False):
    """Arguments of WebsiteFiles.

    With `api`, or with `guests` and `table`, the page is Labelstack's own and works with that service. Otherwise
    `folder` has a page of yours, and `config` its settings.
    """

    site: Required[Website | SiteReference]
    """The `Website` that gets the files, or its bucket's name."""
    folder: str | Path | None
    """The folder of a page of yours, as an absolute path. Without it, Labelstack's own page."""
    bucket: BucketLike | None
    """The bucket of the pictures: an `UploadBucket`, an `aws.s3.Bucket`, or its name and ARN."""
    previews: Previews | BucketReference | None
    """The `Previews` of the pictures, or their bucket's name and ARN: the page may show them."""
    api: LabelApi | AddressReference | None
    """The `LabelApi` that the page works with, or its address."""
    guests: GuestAccess | GuestsReference | None
    """The `GuestAccess` by which the page works with S3 and the table itself, or its identity pool's id."""
    table: TableLike | None
    """The table of the results, for guests: a `ResultsStore`, an `aws.dynamodb.Table`, or its name and ARN."""
    upload_prefix: Annotated[pulumi.Input[str], Field(UPLOADS)]
    """The folder for uploads of guests."""
    min_confidence: Annotated[pulumi.Input[float], Field(70, ge=0, le=100)]
    """The lowest confidence in percent that the page offers to search by."""
    public_endpoint: Annotated[str | None, Field(None), Configured("publicEndpoint")]
    """The address at which a browser reaches an emulator."""
    config: Mapping[str, Any]
    """More members of the `config.json` that the deployment writes beside the page."""
    connect: Sequence[pulumi.Input[str]]
    """More origins that the page may send requests to. Any other the browser refuses."""
    pictures: Sequence[pulumi.Input[str]]
    """More origins that the page may show pictures of."""


class WebsiteFiles(Component):
    """The files of a site in its bucket, with their content types and for how long they may be kept.

    In `index.html` the deployment writes a content security policy for its addresses, because website hosting has no
    custom headers. WebsiteFiles is apart from Website because the page needs the API's address, and the API the page's
    origin.
    """

    @staticmethod
    def rules(args: Mapping[str, Any]) -> Iterator[Problem]:
        if args["guests"] is not None and args["table"] is None:
            yield Problem.missing("table", "the table that guests read, as $guests is given")
        if (args["guests"] is not None or args["api"] is not None) and args["bucket"] is None:
            yield Problem.missing("bucket", "the bucket of the pictures, as the page works with it")
        if args["site"] and args["folder"] is args["guests"] is args["api"] is None:
            yield Problem.missing("api", "the LabelApi that Labelstack's page works with, or $guests, or a $folder")
        folder = Path(args["folder"] or SOURCES / PAGE)
        if not (folder / INDEX).is_file():
            yield Problem("folder", str(folder), f"a folder with {INDEX}")
        elif len(_CSP_TAG.findall((folder / INDEX).read_text(encoding="utf-8"))) != 1:
            tag = '<meta http-equiv="Content-Security-Policy" content="…">'
            yield Problem("folder", str(folder / INDEX), f"a page with one {tag}, which the deployment fills")
        for path in _files(folder):
            if path.suffix not in CONTENT_TYPES:
                yield Problem("folder", str(path), f"files that a site has: {', '.join(CONTENT_TYPES)}")
            if path == folder / CONFIG:
                yield Problem("folder", str(path), f"no {CONFIG}, as the deployment writes it")

    def __init__(self, name: str, args: WebsiteFilesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._args = args = self._start(name, args, opts)
        site, folder = args["site"], Path(args["folder"] or SOURCES / PAGE)
        bucket_name = references.read(site, SiteReference)["bucket_name"]
        # A Website's bucket is emptied when it is deleted.
        child = self._with(site.bucket) if isinstance(site, Website) else self._child
        config, connect, pictures = self._service()
        connect, pictures = [*connect, *(args["connect"] or ())], [*pictures, *(args["pictures"] or ())]
        contents: dict[str, dict[str, Any]] = {
            path.relative_to(folder).as_posix(): {
                "source": pulumi.FileAsset(str(path)),
                "source_hash": hashlib.sha256(path.read_bytes()).hexdigest(),
            }
            for path in _files(folder)
        }
        contents[INDEX] = {"content": with_policy((folder / INDEX).read_text(encoding="utf-8"), connect, pictures)}
        contents[CONFIG] = {"content": compact_json({**config, **(args["config"] or {})})}
        for key, content in contents.items():
            suffix = Path(key).suffix
            aws.s3.BucketObjectv2(
                f"{name}/{key}",
                bucket=bucket_name,
                key=key,
                content_type=CONTENT_TYPES[suffix],
                cache_control=NEVER_KEEP if key == CONFIG else A_DAY if suffix in CACHED_FOR_A_DAY else ALWAYS_ASK,
                opts=child,
                **content,
            )
        self.register_outputs({})

    def _service(self) -> tuple[dict[str, Any], list[pulumi.Input[str]], list[pulumi.Input[str]]]:
        """Return the page's `config.json`, and the origins of its requests and of its pictures: none for other pages.

        The page asks the API, and sends pictures to S3 with the API's upload URLs. Or it works with S3 and DynamoDB
        itself, as a guest of the identity pool.
        """
        args, api, guests = self.arguments, self._args["api"], self._args["guests"]
        limits = {"minConfidence": args["min_confidence"], "maxSizeBytes": MAX_UPLOAD_BYTES}
        if guests is not None:
            region, suffix, endpoint = self._region(), self._dns_suffix(), args["public_endpoint"]
            config = {
                "mode": "guest",
                "region": region,
                "dnsSuffix": suffix,
                "identityPoolId": references.read(guests, GuestsReference)["identity_pool_id"],
                "uploadBucket": references.bucket(args["bucket"]).name,
                "resultsTable": references.read(args["table"], TableReference)["name"],
                "uploadPrefix": args["upload_prefix"],
                **limits,
            }
            if args["previews"] is not None:
                config["previewsBucket"] = references.bucket(args["previews"]).name
            if endpoint is not None:
                config["endpoints"] = dict.fromkeys(GUEST_SERVICES, endpoint)
                return config, self._storage(), self._storage()
            services = [pulumi.Output.concat(f"https://{name}.", region, ".", suffix) for name in GUEST_SERVICES[:2]]
            return config, [*services, *self._storage()], self._storage()
        if api is not None:
            url = references.read(api, AddressReference)["url"]
            deletes = api.arguments["access"] == "api_key" if isinstance(api, LabelApi) else api.get("can_delete")
            config = {"mode": "api", "apiUrl": url, "canDelete": bool(deletes), **limits}
            return config, [derive(origin_of, url), *self._storage()], self._storage()
        return {}, [], []

    def _storage(self) -> list[pulumi.Input[str]]:
        """Return the origins of the buckets: AWS has one with the region in it and one without for each."""
        if self.arguments["public_endpoint"] is not None:
            return [origin_of(self.arguments["public_endpoint"])]
        buckets = [references.bucket(each) for name in ("bucket", "previews") if (each := self.arguments[name])]
        hosts = (".s3.", self._region(), ".", self._dns_suffix()), (".s3.", self._dns_suffix())
        return [pulumi.Output.concat("https://", bucket.name, *host) for bucket in buckets for host in hosts]


def _files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith(".")]


def with_policy(
    page: str, connect: Sequence[pulumi.Input[str]], pictures: Sequence[pulumi.Input[str]]
) -> pulumi.Output[str]:
    """Return the page with the policy of its deployment."""
    sources = pulumi.Output.all(pulumi.Output.all(*connect), pulumi.Output.all(*pictures))
    policy = sources.apply(lambda known: content_security_policy(*known))
    return policy.apply(lambda text: _CSP_TAG.sub(lambda tag: f"{tag[1]}{text}{tag[2]}", page))
