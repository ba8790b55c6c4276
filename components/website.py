"""Website: the place that serves the page."""

from collections.abc import Sequence
from typing import Annotated, Literal

import pulumi
import pulumi_aws as aws
from pydantic import Field

from .arguments import Configured
from .buckets import PrivateBucket, restrict_access
from .component import Component, TaggedArgs
from .policies import Statement, deny_insecure_transport, document

SiteKind = Literal["s3", "cloudfront"]
INDEX = "index.html"
BUCKET_PLACE = "{bucket}"
HSTS_S = 2 * 365 * 24 * 60 * 60
CACHING_OPTIMIZED = "658327ea-f89d-4fab-a63d-7e88639e58f6"  # AWS's managed cache policy of that name


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
        self.distribution: aws.cloudfront.Distribution | None = None
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


def origin_of(url: str) -> str:
    """Return the origin of an address: scheme, host and port."""
    return "/".join(url.split("/")[:3])
