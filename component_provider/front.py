"""LabelApi, Website, WebsiteFiles and GuestAccess for other languages."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import pulumi

from component_provider.tokens import SOURCE_DIR, settings_of, token
from components import guest_access, label_api, website


class ApiKind(StrEnum):
    """What the API is built on."""

    REST = "rest"
    """A REST API: API keys, and problem documents from the gateway too."""
    HTTP = "http"
    """An HTTP API, which is cheaper."""


class ApiAccess(StrEnum):
    """Who may call the API. Deleting is never open: where the access is, it has to be signed."""

    OPEN = "open"
    """Everybody."""
    API_KEY = "api_key"
    """Who has the key; of a REST API only."""
    IAM = "iam"
    """Who signs with SigV4 and may."""


class LabelApiArgs(TypedDict):
    """Arguments of LabelApi; what is not given is as in the settings of Labelstack's own stacks."""

    kind: ApiKind
    """What the API is built on."""
    access: ApiAccess
    """Who may call it."""
    bucket_name: pulumi.Input[str]
    """The bucket of the pictures."""
    bucket_arn: pulumi.Input[str]
    """Its ARN."""
    table_name: pulumi.Input[str]
    """The table of the results."""
    table_arn: pulumi.Input[str]
    """Its ARN."""
    service: NotRequired[str]
    """The name of this deployment in logs and metrics; the component's own name."""
    upload_prefix: NotRequired[str]
    """The folder of uploads, and the only part of the bucket that the API shows; `uploads/`."""
    origins: NotRequired[Sequence[pulumi.Input[str]]]
    """Web origins whose pages may call the API."""
    stage: NotRequired[str]
    """The stage's name; v1."""
    throttle_rate: NotRequired[float]
    """Requests per second; 50."""
    throttle_burst: NotRequired[int]
    """Requests at once; 100."""
    set_account_log_role: NotRequired[bool]
    """Set API Gateway's log role, of which an account and region has one; true. A REST API's only."""
    public_endpoint: NotRequired[str]
    """Where a browser reaches an emulator."""
    runtime: NotRequired[str]
    """python3.11 to python3.14; python3.13."""
    architecture: NotRequired[str]
    """arm64 or x86_64; arm64."""
    log_retention_days: NotRequired[int]
    """Days for which logs are kept; 14."""
    log_level: NotRequired[str]
    """DEBUG, INFO, WARNING, ERROR or CRITICAL; INFO."""
    bucket_kms_key_arn: NotRequired[pulumi.Input[str]]
    """The key of the bucket's objects, where they have one."""


class LabelApi(pulumi.ComponentResource):
    """A REST or HTTP API from one contract, with a function of its own role for each duty."""

    url: pulumi.Output[str]
    """The API's address, without a slash at its end."""
    api_key_id: pulumi.Output[str] | None
    """The id of the API's key, where the access is `api_key`."""
    metric_dimensions: pulumi.Output[Mapping[str, str]]
    """What tells the API's metrics in CloudWatch from other APIs'."""
    function_names: pulumi.Output[Mapping[str, str]]
    """The functions' names, by duty: upload_url, results and delete, each within 15 seconds."""

    def __init__(self, name: str, args: LabelApiArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(token("LabelApi"), name, {}, opts)
        chosen = settings_of(
            name,
            {**args, "kind": args["kind"].value, "access": args["access"].value},
            kind="api",
            access="api_access",
            stage="api_stage",
            throttle_rate="api_throttle_rate",
            throttle_burst="api_throttle_burst",
            set_account_log_role="api_log_role",
        )
        assert chosen.api != "none"  # ApiKind has no such member
        made = label_api.LabelApi(
            name,
            label_api.LabelApiArgs(
                source_dir=SOURCE_DIR,
                service=args.get("service") or name,
                kind=chosen.api,
                access=chosen.api_access,
                bucket_name=args["bucket_name"],
                bucket_arn=args["bucket_arn"],
                table_name=args["table_name"],
                table_arn=args["table_arn"],
                bucket_kms_key_arn=args.get("bucket_kms_key_arn"),
                upload_prefix=chosen.upload_prefix,
                origins=args.get("origins") or (),
                stage=chosen.api_stage,
                throttle_rate=chosen.api_throttle_rate,
                throttle_burst=chosen.api_throttle_burst,
                set_account_log_role=chosen.api_log_role,
                public_endpoint=chosen.public_endpoint,
                runtime=chosen.runtime,
                architecture=chosen.architecture,
                log_retention_days=chosen.log_retention_days,
                log_level=chosen.log_level,
            ),
            pulumi.ResourceOptions(parent=self),
        )
        self.url, self.api_key_id = made.url, made.api_key_id
        self.metric_dimensions = pulumi.Output.all(**made.metric_dimensions)
        self.function_names = pulumi.Output.all(**{duty: function.name for duty, function in made.functions.items()})
        self.register_outputs({"url": self.url})


class SiteKind(StrEnum):
    """What serves the site."""

    S3 = "s3"
    """S3's website hosting: HTTP only."""
    CLOUDFRONT = "cloudfront"
    """CloudFront over a private bucket: HTTPS and security headers."""


class WebsiteArgs(TypedDict):
    """Arguments of Website."""

    kind: SiteKind
    """What serves the site."""
    endpoint: NotRequired[str]
    """Where an emulator serves a bucket's site, an URL with `{bucket}` in it."""
    sources: NotRequired[Sequence[str]]
    """Where the page may send requests to beside HTTPS addresses."""


class Website(pulumi.ComponentResource):
    """A bucket for a site, and what serves it."""

    url: pulumi.Output[str]
    """The page's address."""
    origin: pulumi.Output[str]
    """The page's origin, for CORS."""
    bucket_name: pulumi.Output[str]
    """The bucket of the site's files."""

    def __init__(self, name: str, args: WebsiteArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(token("Website"), name, {}, opts)
        kind: website.Kind = "s3" if args["kind"] is SiteKind.S3 else "cloudfront"
        made = website.Website(
            name,
            website.WebsiteArgs(kind=kind, endpoint=args.get("endpoint"), sources=args.get("sources") or ()),
            pulumi.ResourceOptions(parent=self),
        )
        self.url, self.origin, self.bucket_name = made.url, made.origin, made.bucket_name
        self.register_outputs({"url": self.url})


class WebsiteFilesArgs(TypedDict):
    """Arguments of WebsiteFiles."""

    bucket_name: pulumi.Input[str]
    """The bucket of a Website."""
    folder: NotRequired[str]
    """The folder of the page, as an absolute path; Labelstack's own page."""
    config: Mapping[str, Any]
    """What is written beside the page as `config.json`."""
    connect: NotRequired[Sequence[pulumi.Input[str]]]
    """Origins that the page may send requests to."""
    pictures: NotRequired[Sequence[pulumi.Input[str]]]
    """Origins that the page may show pictures of."""


class WebsiteFiles(pulumi.ComponentResource):
    """The files of a site in its bucket, with their content types and for how long they may be kept."""

    def __init__(self, name: str, args: WebsiteFilesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(token("WebsiteFiles"), name, {}, opts)
        website.WebsiteFiles(
            name,
            website.WebsiteFilesArgs(
                bucket_name=args["bucket_name"],
                folder=Path(args["folder"]) if "folder" in args else SOURCE_DIR / "web",
                config=args["config"],
                connect=args.get("connect") or (),
                pictures=args.get("pictures") or (),
            ),
            pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})


class GuestAccessArgs(TypedDict):
    """Arguments of GuestAccess."""

    bucket_arn: pulumi.Input[str]
    """The ARN of the bucket of the pictures."""
    table_arn: pulumi.Input[str]
    """The ARN of the table of the results."""
    upload_prefix: str
    """The folder that guests work below, with a slash at its end; each has a part of it by his id."""
    bucket_kms_key_arn: NotRequired[pulumi.Input[str]]
    """The key of the bucket's objects, where they have one."""


class GuestAccess(pulumi.ComponentResource):
    """An identity pool whose guests put and read their own pictures, and nothing else."""

    identity_pool_id: pulumi.Output[str]
    """The identity pool's id."""
    role_name: pulumi.Output[str]
    """The name of the guests' role."""

    def __init__(self, name: str, args: GuestAccessArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(token("GuestAccess"), name, {}, opts)
        made = guest_access.GuestAccess(name, guest_access.GuestAccessArgs(**args), pulumi.ResourceOptions(parent=self))
        self.identity_pool_id, self.role_name = made.identity_pool_id, made.role.name
        self.register_outputs({"identityPoolId": self.identity_pool_id})
