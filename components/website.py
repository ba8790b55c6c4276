"""Website: where the page is served from; WebsiteFiles: the page's files, and the settings it reads."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pulumi
import pulumi_aws as aws

from components.errors import InvalidArgumentError, SourceMissingError
from components.policies import Statement, deny_insecure_transport, document
from components.tagging import tags

Kind = Literal["s3", "cloudfront"]
INDEX, CONFIG = "index.html", "config.json"
BUCKET_PLACE = "{bucket}"
HSTS_S = 2 * 365 * 24 * 60 * 60
CACHING_OPTIMIZED = "658327ea-f89d-4fab-a63d-7e88639e58f6"  # AWS's managed cache policy of that name
# Said here, as what a machine's own table of types says differs.
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
# A file keeps its name when it changes, so a browser asks each time whether it has (and is told no by its ETag).
ALWAYS_ASK, A_DAY, NEVER_KEEP = "no-cache", "public, max-age=86400", "no-store"
CACHED_FOR_A_DAY = {".ico", ".png", ".svg", ".woff2"}
_CSP_TAG = re.compile(r'(<meta http-equiv="Content-Security-Policy" content=")[^"]*(">)')


@dataclass(frozen=True)
class WebsiteArgs:
    """Arguments of Website.

    `kind` is `s3` (S3's website hosting: HTTP only, and no headers of one's own) or `cloudfront` (HTTPS, headers).
    `endpoint` is where an emulator serves a bucket's site, an URL with `{bucket}` in it; None: AWS's own names.
    `sources` are where the page may send requests to beside HTTPS addresses, which are always let through by the
    headers: the page's own policy (WebsiteFiles) is the narrow one, as it is written when all addresses are known.
    """

    kind: Kind
    endpoint: str | None = None
    sources: Sequence[str] = ()


class Website(pulumi.ComponentResource):
    """A bucket for a site, and what serves it.

    Kind `cloudfront`: the bucket is private and answers this distribution alone (origin access control).
    Kind `s3`: S3's website hosting is for the public by nature, so everybody may read the objects of this bucket, which
    holds the site's own files and nothing else. That, and no other bucket, is what is public.

    `url` is the page's address; `origin` is what a browser calls the page's origin, for CORS.
    """

    bucket: aws.s3.Bucket
    bucket_name: pulumi.Output[str]
    distribution: aws.cloudfront.Distribution | None
    url: pulumi.Output[str]
    origin: pulumi.Output[str]

    def __init__(self, name: str, args: WebsiteArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("labelstack:components:Website", name, None, opts)
        if args.endpoint is not None and BUCKET_PLACE not in args.endpoint:
            raise InvalidArgumentError(f"endpoint is {args.endpoint!r}: expected an URL with {BUCKET_PLACE} in it.")
        self._name, self._args, self._child = name, args, pulumi.ResourceOptions(parent=self)
        # A site can be deployed again at any time: nothing in it is worth more than the stack.
        self.bucket = aws.s3.Bucket(name, force_destroy=True, tags=tags(name), opts=self._child)
        self.bucket_name = self.bucket.bucket
        self._closed = self._access_block()
        aws.s3.BucketOwnershipControls(
            f"{name}-ownership",
            bucket=self.bucket_name,
            rule={"object_ownership": "BucketOwnerEnforced"},
            opts=self._after_access(),
        )
        self.distribution = None
        self.origin = self._hosting() if args.kind == "s3" else self._distribution()
        self.url = pulumi.Output.concat(self.origin, "/")
        if args.endpoint is not None:
            self.url = self.bucket_name.apply(lambda bucket: _at(args.endpoint, bucket))
            self.origin = self.url.apply(_origin)
        self.register_outputs({"url": self.url, "bucket": self.bucket_name})

    def _access_block(self) -> aws.s3.BucketPublicAccessBlock:
        private = self._args.kind == "cloudfront"
        return aws.s3.BucketPublicAccessBlock(
            f"{self._name}-access",
            bucket=self.bucket_name,
            block_public_acls=True,
            ignore_public_acls=True,
            block_public_policy=private,
            restrict_public_buckets=private,
            opts=self._child,
        )

    def _after_access(self) -> pulumi.ResourceOptions:
        """S3 refuses a public policy while it is blocked, and concurrent changes of a bucket's access settings."""
        return pulumi.ResourceOptions(parent=self, depends_on=[self._closed])

    def _objects(self) -> pulumi.Output[str]:
        return pulumi.Output.concat(self.bucket.arn, "/*")

    def _policy(self, statements: Sequence[Statement]) -> None:
        aws.s3.BucketPolicy(
            f"{self._name}-policy",
            bucket=self.bucket_name,
            policy=document(statements),
            opts=self._after_access(),
        )

    def _hosting(self) -> pulumi.Output[str]:
        """The origin of S3's website hosting."""
        # Not over TLS only, as the website endpoint knows no TLS.
        self._policy([Statement(principal="*", actions=["s3:GetObject"], resources=[self._objects()])])
        website = aws.s3.BucketWebsiteConfiguration(
            f"{self._name}-hosting",
            bucket=self.bucket_name,
            index_document={"suffix": INDEX},
            opts=self._child,
        )
        return pulumi.Output.concat("http://", website.website_endpoint)

    def _distribution(self) -> pulumi.Output[str]:
        """The origin of a CloudFront distribution."""
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
            tags=tags(self._name),
            opts=self._child,
        )
        for_distribution = Statement(
            principal={"Service": "cloudfront.amazonaws.com"},
            actions=["s3:GetObject"],
            resources=[self._objects()],
            condition={"StringEquals": {"AWS:SourceArn": distribution.arn}},
        )
        secure = deny_insecure_transport("s3", [self.bucket.arn, self._objects()])
        self._policy([for_distribution, secure])
        return pulumi.Output.concat("https://", distribution.domain_name)

    def _headers(self) -> aws.cloudfront.ResponseHeadersPolicy:
        sources = ["https:", *self._args.sources]
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


@dataclass(frozen=True)
class WebsiteFilesArgs:
    """Arguments of WebsiteFiles.

    `folder` holds the page. `config` is written beside it as `config.json`, so that nobody pastes addresses into it.
    `connect` are the origins that the page may send requests to, and `pictures` those it may show pictures of, both as
    sources of a content security policy; any other the browser refuses.
    """

    bucket_name: pulumi.Input[str]
    folder: Path
    config: Mapping[str, Any]
    connect: Sequence[pulumi.Input[str]] = ()
    pictures: Sequence[pulumi.Input[str]] = ()


class WebsiteFiles(pulumi.ComponentResource):
    """The files of a site in its bucket, with their content types and for how long they may be kept.

    In `index.html` the content security policy is replaced by one for the addresses of this deployment: website hosting
    has no headers of one's own. It is apart from Website because the page needs the API's address, and the API the
    page's origin.
    """

    def __init__(self, name: str, args: WebsiteFilesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("labelstack:components:WebsiteFiles", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        files = [path for path in sorted(args.folder.rglob("*")) if path.is_file() and not path.name.startswith(".")]
        if args.folder / INDEX not in files:
            raise SourceMissingError(f"The page {INDEX} is not in {args.folder}: correct `folder`.")
        for path in files:
            key = path.relative_to(args.folder).as_posix()
            if path.suffix not in CONTENT_TYPES:
                raise InvalidArgumentError(f"{key} is of no type that a site has: {', '.join(CONTENT_TYPES)}.")
            if key == CONFIG:
                raise InvalidArgumentError(f"{path} is in the way: the deployment writes {CONFIG}.")
            page = key == INDEX
            aws.s3.BucketObjectv2(
                f"{name}/{key}",
                bucket=args.bucket_name,
                key=key,
                source=None if page else pulumi.FileAsset(str(path)),
                source_hash=None if page else hashlib.sha256(path.read_bytes()).hexdigest(),
                content=with_policy(path.read_text(encoding="utf-8"), args) if page else None,
                content_type=CONTENT_TYPES[path.suffix],
                cache_control=A_DAY if path.suffix in CACHED_FOR_A_DAY else ALWAYS_ASK,
                opts=child,
            )
        aws.s3.BucketObjectv2(
            f"{name}/{CONFIG}",
            bucket=args.bucket_name,
            key=CONFIG,
            content=pulumi.Output.json_dumps(args.config, separators=(",", ":")),
            content_type=CONTENT_TYPES[".json"],
            cache_control=NEVER_KEEP,
            opts=child,
        )
        self.register_outputs({})


def with_policy(page: str, args: WebsiteFilesArgs) -> pulumi.Output[str]:
    """The page with the policy of its deployment. Raises InvalidArgumentError when there is no place for it."""
    if len(_CSP_TAG.findall(page)) != 1:
        raise InvalidArgumentError(f'{INDEX} has no place for a policy: <meta http-equiv="Content-Security-Policy" …>.')

    def write(sources: Sequence[Sequence[str]]) -> str:
        policy = content_security_policy(*sources)
        return _CSP_TAG.sub(lambda tag: f"{tag[1]}{policy}{tag[2]}", page)

    return pulumi.Output.all(pulumi.Output.all(*args.connect), pulumi.Output.all(*args.pictures)).apply(write)


def content_security_policy(connect: Sequence[str], pictures: Sequence[str]) -> str:
    """The site's own scripts, styles and pictures, the addresses given, and nothing else; nothing inline.

    `blob:` is for pictures that the visitor has just chosen.
    """
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            " ".join(["img-src 'self' blob:", *dict.fromkeys(pictures)]),
            " ".join(["connect-src 'self'", *dict.fromkeys(connect)]),
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def _at(endpoint: str | None, bucket: str) -> str:
    assert endpoint is not None
    return f"{endpoint.replace(BUCKET_PLACE, bucket).rstrip('/')}/"


def _origin(url: str) -> str:
    return "/".join(url.split("/")[:3])
