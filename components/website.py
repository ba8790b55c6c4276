"""Website: where the page is served from; WebsiteFiles: the page's files, and the settings it reads."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Required, TypedDict

import pulumi
import pulumi_aws as aws
from pydantic import Field

from . import page_service
from .arguments import Configured
from .component import Component, TaggedArgs
from .errors import Problem
from .guest_access import UPLOADS, GuestAccess
from .label_api import LabelApi
from .page_service import AddressReference, GuestsReference, origin_of
from .policies import Statement, deny_insecure_transport, document
from .previews import Previews
from .private_bucket import PrivateBucket, restrict_access
from .python_function import SOURCES
from .references import BucketLike, BucketReference, TableLike

SiteKind = Literal["s3", "cloudfront"]
PAGE = "web"  # the folder of Labelstack's own page
INDEX, CONFIG = "index.html", "config.json"
BUCKET_PLACE = "{bucket}"
HSTS_S = 2 * 365 * 24 * 60 * 60
CACHING_OPTIMIZED = "658327ea-f89d-4fab-a63d-7e88639e58f6"  # AWS's managed cache policy of that name
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


class WebsiteArgs(TaggedArgs, total=False):
    """Arguments of Website."""

    kind: Annotated[SiteKind, Field("cloudfront")]
    """The site's server. `s3` is S3's website hosting: HTTP only, without security headers. `cloudfront` serves a
    private bucket over HTTPS with security headers."""
    endpoint: Annotated[
        str | None,
        Field(
            None,
            pattern=r"^https?://\S*\{bucket\}\S*$",
            description="an http or https URL with {bucket} in it",
        ),
        Configured("websiteEndpoint"),
    ]
    """The address at which an emulator serves a bucket's site."""
    sources: Sequence[str | None]
    """Addresses for the page's requests, beside HTTPS addresses, which the site's headers always let through. The
    page's own policy (`WebsiteFiles`) is the narrow one, as it is written when all addresses are known.
    """


class Website(Component):
    """A bucket for a site, and the site's server.

    Kind `cloudfront`: the bucket is private and answers this distribution alone (origin access control).
    Kind `s3`: S3's website hosting is public, so everybody may read this bucket, which holds only the site's own files.
    No other bucket is public.

    `url` is the page's address; `origin` is the page's web origin, for CORS.
    """

    name_pattern, name_expected = PrivateBucket.name_pattern, PrivateBucket.name_expected

    bucket: aws.s3.Bucket
    distribution: aws.cloudfront.Distribution | None
    bucket_name: pulumi.Output[str]
    """The bucket of the site's files."""
    url: pulumi.Output[str]
    """The page's address."""
    origin: pulumi.Output[str]
    """The page's origin, for CORS."""

    def __init__(self, name: str, args: WebsiteArgs | None = None, opts: pulumi.ResourceOptions | None = None) -> None:
        self._args = self._start(name, args, opts)
        # A site can be deployed again at any time: nothing in it is worth more than the stack.
        self.bucket = aws.s3.Bucket(name, force_destroy=True, opts=self._child)
        self.bucket_name = self.bucket.bucket
        private = self._args["kind"] == "cloudfront"
        self._after_access = restrict_access(self, self.bucket, "access", private=private)
        self.distribution = None
        self.origin = self._hosting() if self._args["kind"] == "s3" else self._distribution()
        self.url = pulumi.Output.concat(self.origin, "/")
        if (endpoint := self._args["endpoint"]) is not None:
            self.url = self.bucket_name.apply(lambda bucket: f"{endpoint.replace(BUCKET_PLACE, bucket).rstrip('/')}/")
            self.origin = self.url.apply(origin_of)
        self.register_outputs({"url": self.url, "bucket": self.bucket_name})

    def _objects(self) -> pulumi.Output[str]:
        return pulumi.Output.concat(self.bucket.arn, "/*")

    def _policy(self, statements: Sequence[Statement]) -> None:
        aws.s3.BucketPolicy(
            f"{self._name}-policy", bucket=self.bucket_name, policy=document(statements), opts=self._after_access
        )

    def _hosting(self) -> pulumi.Output[str]:
        """Return the origin of S3's website hosting."""
        # Not over TLS only, as the website endpoint knows no TLS.
        self._policy([Statement(principal="*", actions=["s3:GetObject"], resources=[self._objects()])])
        website = aws.s3.BucketWebsiteConfiguration(
            f"{self._name}-hosting",
            bucket=self.bucket_name,
            index_document={"suffix": INDEX},
            opts=self._with(self.bucket),
        )
        return pulumi.Output.concat("http://", website.website_endpoint)

    def _distribution(self) -> pulumi.Output[str]:
        """Return the origin of a CloudFront distribution."""
        access = aws.cloudfront.OriginAccessControl(
            self._name,
            origin_access_control_origin_type="s3",
            signing_behavior="always",
            signing_protocol="sigv4",
            opts=self._child,
        )
        self.distribution = distribution = aws.cloudfront.Distribution(
            self._name,
            comment=f"The site of {self._name}.",
            enabled=True,
            is_ipv6_enabled=True,
            http_version="http2and3",
            price_class="PriceClass_100",
            default_root_object=INDEX,
            origins=[
                {
                    "origin_id": "site",
                    "domain_name": self.bucket.bucket_regional_domain_name,
                    "origin_access_control_id": access.id,
                }
            ],
            default_cache_behavior={
                "target_origin_id": "site",
                "viewer_protocol_policy": "redirect-to-https",
                "allowed_methods": ["GET", "HEAD"],
                "cached_methods": ["GET", "HEAD"],
                "compress": True,
                "cache_policy_id": CACHING_OPTIMIZED,
                "response_headers_policy_id": self._headers().id,
            },
            restrictions={"geo_restriction": {"restriction_type": "none"}},
            viewer_certificate={"cloudfront_default_certificate": True},
            opts=self._child,
        )
        for_distribution = Statement(
            principal={"Service": "cloudfront.amazonaws.com"},
            actions=["s3:GetObject"],
            resources=[self._objects()],
            condition={"StringEquals": {"AWS:SourceArn": distribution.arn}},
        )
        secure = deny_insecure_transport("s3:*", [self.bucket.arn, self._objects()])
        self._policy([for_distribution, secure])
        return pulumi.Output.concat("https://", distribution.domain_name)

    def _headers(self) -> aws.cloudfront.ResponseHeadersPolicy:
        sources = ["https:", *filter(None, self._args["sources"] or ())]
        return aws.cloudfront.ResponseHeadersPolicy(
            self._name,
            comment=f"Security headers of {self._name}.",
            security_headers_config={
                "content_security_policy": {
                    "override": True,
                    "content_security_policy": f"{content_security_policy(sources, sources)}; frame-ancestors 'none'",
                },
                "content_type_options": {"override": True},
                "frame_options": {"override": True, "frame_option": "DENY"},
                "referrer_policy": {"override": True, "referrer_policy": "no-referrer"},
                "strict_transport_security": {"override": True, "access_control_max_age_sec": HSTS_S},
            },
            custom_headers_config={
                "items": [
                    {
                        "header": "Permissions-Policy",
                        "override": True,
                        "value": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
                    }
                ]
            },
            opts=self._child,
        )


class SiteReference(TypedDict, total=False):
    """A Website by its outputs."""

    bucket_name: Required[pulumi.Input[str]]
    """The bucket of the site's files."""


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
        checked = self._start(name, args, opts)
        site, folder = checked["site"], Path(checked["folder"] or SOURCES / PAGE)
        bucket_name = site.bucket_name if isinstance(site, Website) else site["bucket_name"]
        # A Website's bucket is emptied when it is deleted.
        child = self._with(site.bucket) if isinstance(site, Website) else self._child
        service = page_service.service_of(self, checked)
        connect = [*service.connect, *(checked["connect"] or ())]
        pictures = [*service.pictures, *(checked["pictures"] or ())]
        for path in _files(folder):
            key = path.relative_to(folder).as_posix()
            page = key == INDEX
            aws.s3.BucketObjectv2(
                f"{name}/{key}",
                bucket=bucket_name,
                key=key,
                source=None if page else pulumi.FileAsset(str(path)),
                source_hash=None if page else hashlib.sha256(path.read_bytes()).hexdigest(),
                content=with_policy(path.read_text(encoding="utf-8"), connect, pictures) if page else None,
                content_type=CONTENT_TYPES[path.suffix],
                cache_control=A_DAY if path.suffix in CACHED_FOR_A_DAY else ALWAYS_ASK,
                opts=child,
            )
        aws.s3.BucketObjectv2(
            f"{name}/{CONFIG}",
            bucket=bucket_name,
            key=CONFIG,
            content=pulumi.Output.json_dumps({**service.config, **(checked["config"] or {})}, separators=(",", ":")),
            content_type=CONTENT_TYPES[".json"],
            cache_control=NEVER_KEEP,
            opts=child,
        )
        self.register_outputs({})


def _files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith(".")]


def with_policy(
    page: str, connect: Sequence[pulumi.Input[str]], pictures: Sequence[pulumi.Input[str]]
) -> pulumi.Output[str]:
    """Return the page with the policy of its deployment."""

    def write(sources: Sequence[Sequence[str]]) -> str:
        policy = content_security_policy(*sources)
        return _CSP_TAG.sub(lambda tag: f"{tag[1]}{policy}{tag[2]}", page)

    return pulumi.Output.all(pulumi.Output.all(*connect), pulumi.Output.all(*pictures)).apply(write)


def content_security_policy(connect: Sequence[str], pictures: Sequence[str]) -> str:
    """Return a policy that allows the site's own files and the given addresses, and nothing inline.

    `blob:` is for pictures that the page has already: those that the visitor has just chosen, and a guest's.
    """
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            " ".join(["img-src 'self' blob:", *dict.fromkeys(pictures)]),
            " ".join(["connect-src 'self' blob:", *dict.fromkeys(connect)]),
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        ]
    )
