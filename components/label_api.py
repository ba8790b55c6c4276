"""LabelApi: the HTTP API of uploads, results, search and deletion, built from the contract in `api/openapi.yaml`."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import pulumi
import pulumi_aws as aws
from pydantic import Field

from . import access as allow
from . import arguments, openapi, references
from .buckets import Origin
from .component import RANDOM_SUFFIX, Component
from .errors import InvalidArgumentError, Problem
from .guest_access import PrefixArgs
from .openapi import ApiAccess
from .policies import Statement, compact_json, trust
from .previews import Previews
from .python_function import SOURCES, PythonFunction, ServiceArgs, missing_sources, service_function
from .references import BucketLike, BucketReference, DataArgs, QueueLike, QueueReference, TableReference

ApiKind = Literal["rest", "http"]
LOG_POLICY = "AmazonAPIGatewayPushToCloudWatchLogs"
MAX_UPLOAD_BYTES = 100 * 1024 * 1024  # the largest file that process_image converts
LINK_EXPIRY_S = 300
FUNCTION_TIMEOUT_S, FUNCTION_MEMORY_MB = 15, 512  # the gateway waits for 29 s
CONTRACT = "api/openapi.yaml"
# The part of the contract that each function serves; its folder is `handlers/api_<duty>`.
DUTIES: Mapping[str, Sequence[str]] = {
    "upload_url": ["generateUploadUrl"],
    "results": ["detectLabels", "getResult", "listImages", "listLabels", "getImageUrl", "getHealth"],
    "delete": ["deleteImage", "relabelImage"],
}
DUTY_OF = {operation: duty for duty, operations in DUTIES.items() for operation in operations}
PACKAGES = ("api", "results", "environment")
# One JSON object a request; nothing in it is the caller's own text, which could break it.
ACCESS_LOG_FORMAT = {
    "requestId": "$context.requestId",
    "time": "$context.requestTime",
    "sourceIp": "$context.identity.sourceIp",
    "method": "$context.httpMethod",
    "status": "$context.status",
    "latencyMs": "$context.responseLatency",
    "responseBytes": "$context.responseLength",
}


class LabelApiArgs(ServiceArgs, PrefixArgs, DataArgs, total=False):
    """Arguments of LabelApi."""

    kind: Annotated[ApiKind, Field("rest")]
    """The kind of API. `http` is cheaper, but has no API keys. Its gateway answers throttled, unsigned and failed
    requests without problem documents."""
    access: Annotated[ApiAccess, Field("api_key")]
    """Access to upload and read: `api_key` by key (REST only), `iam` by SigV4, `open` for everybody, at your expense.
    Deleting then needs a signature."""
    queue: QueueLike | None
    """The pipeline's queue of events: an `aws.sqs.Queue`, or its URL and ARN. Without it, the API cannot relabel."""
    purge: Annotated[bool, Field(False)]
    """Let callers who may delete erase pictures for good (`docs/security.md`)."""
    results_bucket: BucketLike | None
    """The bucket of the result documents, if any: a purge erases those of the picture."""
    previews: Previews | BucketReference | None
    """The `Previews` of the pictures, or their bucket's name and ARN. Without it, links are to originals."""
    stage: Annotated[
        pulumi.Input[str],
        Field("v1", pattern=r"^[A-Za-z0-9_-]{1,128}$", description="letters, digits, hyphens and underscores, as v1"),
    ]
    """The API's stage, the last part of its address."""
    throttle_rate: Annotated[pulumi.Input[float], Field(50, gt=0, le=10000)]
    """Requests per second."""
    throttle_burst: Annotated[pulumi.Input[int], Field(100, ge=1, le=5000)]
    """Requests at once."""
    daily_quota: Annotated[int | None, Field(None, ge=1, le=2_000_000_000)]
    """Requests a day (UTC) by the API's key."""
    requests_per_address: Annotated[int | None, Field(None, ge=10, le=2_000_000_000)]
    """Requests from one IP address in five minutes; AWS WAF, at its own price, refuses more with 429 (REST only)."""
    origins: Sequence[pulumi.Input[Origin]]
    """Web origins whose pages may call the API. The gateway's own refusals name the first one only."""
    log_role: Annotated[Literal["none", "account", "own"], Field("none")]
    """The REST API's access log: `account` by the account's role of the region; `own` replaces that role."""
    public_endpoint: Annotated[
        str | None,
        Field(
            None,
            pattern=r"^https?://\S+[^/\s]$",
            description="the http or https URL by which a browser reaches an emulator",
        ),
        arguments.Configured("publicEndpoint"),
    ]
    """An emulator's address, for browsers."""


class LabelApi(Component):
    """A REST or HTTP API from one contract, with a function of its own role for each duty.

    Throttled, with access logs in JSON. `url` has no slash at its end. `metric_dimensions` select its metrics in
    CloudWatch: a REST API's by name, an HTTP API's by id.
    """

    name_limit = 64 - RANDOM_SUFFIX - len("-upload-url")

    url: pulumi.Output[str]
    """The API's address, without a slash at its end."""
    kind: pulumi.Output[str]
    """The kind of API: `rest` or `http`."""
    api_key_id: pulumi.Output[str] | None
    """The id of the API's key, where the access is `api_key`."""
    metric_dimensions: pulumi.Output[Mapping[str, str]]
    """The dimensions of the API's metrics in CloudWatch."""
    function_names: pulumi.Output[Mapping[str, str]]
    """The functions' names, by duty: upload_url, results and delete."""

    @staticmethod
    def rules(args: Mapping[str, Any]) -> Iterator[Problem]:
        if args["kind"] == "http" and args["access"] == "api_key":
            yield Problem("access", "api_key", "open or iam, because an API of kind http has no keys")
        if args["daily_quota"] is not None and args["access"] != "api_key":
            yield Problem("daily_quota", args["daily_quota"], "none, or $access api_key, as a quota is a key's")
        if args["requests_per_address"] is not None and args["kind"] == "http":
            number = args["requests_per_address"]
            yield Problem("requests_per_address", number, "none, or $kind rest, as AWS WAF takes no API of kind http")
        folders = [f"api_{duty}" for duty in DUTIES]
        yield from missing_sources(args, CONTRACT, "handlers/api/requirements.txt", packages=[*PACKAGES, *folders])

    def __init__(self, name: str, args: LabelApiArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._args = self._start(name, args, opts)
        self._bucket = references.bucket(self._args["bucket"])
        self._table = references.read(self._args["table"], TableReference)
        self._queue = references.read(self._args["queue"], QueueReference) if self._args["queue"] else None
        documents = self._args["results_bucket"]
        self._documents = None if documents is None else references.bucket(documents)
        previews = self._args["previews"]
        self._previews = None if previews is None else references.bucket(previews)
        self._origins = list(self._args["origins"] or ())
        self._sources = Path(self._args["source_dir"] or SOURCES)
        self._contract = openapi.load(self._sources / CONTRACT)
        if unserved := sorted({operation.id for operation in self._contract.operations} ^ set(DUTY_OF)):
            raise InvalidArgumentError(
                f"The contract and the API's functions disagree about {', '.join(unserved)}: add each to both."
            )
        self.functions = {duty: self._function(duty) for duty in DUTIES}
        self.api_key_id = None
        api_id, endpoint = self._rest() if self._args["kind"] == "rest" else self._http()
        self.url = endpoint
        if (public := self._args["public_endpoint"]) is not None:
            # The path under which LocalStack and compatible emulators serve every API.
            base = f"{public.rstrip('/')}/_aws/execute-api/"
            self.url = pulumi.Output.concat(base, api_id, "/", self._args["stage"])
        self.kind = pulumi.Output.from_input(self._args["kind"])
        self.function_names = pulumi.Output.all(**{duty: function.name for duty, function in self.functions.items()})
        self.register_outputs({"url": self.url})

    # --- the functions -----------------------------------------------------------------------------------------------

    def _function(self, duty: str) -> PythonFunction:
        return service_function(
            self,
            duty.replace("_", "-"),
            f"api_{duty}",
            f"The API's {duty.replace('_', ' ')}.",
            self._environment(duty),
            self._statements(duty),
            packages=("api", "environment") if duty == "upload_url" else PACKAGES,
            lock="api",
            size=(FUNCTION_MEMORY_MB, FUNCTION_TIMEOUT_S),
        )

    def _environment(self, duty: str) -> dict[str, pulumi.Input[str]]:
        args, queue = self._args, self._queue
        public = {} if args["public_endpoint"] is None else {"PUBLIC_S3_ENDPOINT_URL": args["public_endpoint"]}
        items = {"RESULTS_TABLE": self._table["name"]}
        previews = {"PREVIEWS_BUCKET": self._previews.name} if self._previews else {}
        documents = {"RESULTS_BUCKET": self._documents.name} if self._documents else {}
        by_duty: Mapping[str, Mapping[str, pulumi.Input[str]]] = {
            "upload_url": {"MAX_UPLOAD_BYTES": str(MAX_UPLOAD_BYTES), "UPLOAD_EXPIRY_S": str(LINK_EXPIRY_S), **public},
            "results": {"IMAGE_URL_EXPIRY_S": str(LINK_EXPIRY_S), **items, **previews, **public},
            "delete": {
                **({"QUEUE_URL": queue["url"]} if queue else {}),
                **({**items, **previews, **documents} if args["purge"] else {}),
            },
        }
        origins = {"ALLOWED_ORIGIN": pulumi.Output.all(*self._origins).apply(",".join)} if self._origins else {}
        place = {"UPLOAD_BUCKET": self._bucket.name, "UPLOAD_PREFIX": args["upload_prefix"]}
        return {**place, **by_duty[duty], **origins}

    def _statements(self, duty: str) -> list[Statement]:
        bucket, prefix, table_arn = self._bucket, self._args["upload_prefix"], self._table["arn"]
        if duty == "upload_url":
            return allow.put_objects(bucket, prefix)
        if duty == "results":
            statements = allow.read_objects(bucket, prefix)
            if self._previews is not None:
                statements += allow.read_objects(
                    self._previews, *_folders("previews", prefix), operations=["GetObject"]
                )
            return [*statements, *allow.query_results(table_arn), *allow.keep_cursor_keys(table_arn)]
        statements = allow.read_objects(bucket, prefix, operations=["GetObject"])
        statements += allow.delete_objects(bucket, prefix)
        if self._queue is not None:
            statements += allow.send_messages(self._queue["arn"])
        if self._args["purge"]:
            statements += [*allow.purge_objects(bucket, prefix), *allow.purge_items(table_arn, prefix)]
            for other, kind in ((self._documents, "results"), (self._previews, "previews")):
                if other is not None:
                    for folder in _folders(kind, prefix):
                        statements += allow.purge_objects(other, folder)
        return statements

    def _allow_calls(self, execution_arn: pulumi.Input[str]) -> list[pulumi.Resource]:
        """Allow the gateway to call the functions, for this API's stage alone."""
        return [
            aws.lambda_.Permission(
                f"{self._name}-{duty.replace('_', '-')}",
                action="lambda:InvokeFunction",
                function=function.name,
                principal="apigateway.amazonaws.com",
                source_arn=pulumi.Output.concat(execution_arn, "/", self._args["stage"], "/*"),
                opts=self._with(function.function),
            )
            for duty, function in self.functions.items()
        ]

    def _access_log(self, api_id: pulumi.Output[str]) -> Any:
        """Return a stage's access log settings."""
        group = aws.cloudwatch.LogGroup(
            f"{self._name}-access",
            # AWS: groups below this prefix do not use up the account's policy of log delivery.
            name=pulumi.Output.concat("/aws/vendedlogs/apigateway/", self._name, "-", api_id),
            retention_in_days=self._args["log_retention_days"],
            opts=self._child,
        )
        route = "$context.resourcePath" if self._args["kind"] == "rest" else "$context.routeKey"
        line = json.dumps({**ACCESS_LOG_FORMAT, "route": route}, separators=(",", ":"))
        return {"destination_arn": group.arn, "format": line}

    # --- kind rest ---------------------------------------------------------------------------------------------------

    def _rest(self) -> tuple[pulumi.Output[str], pulumi.Output[str]]:
        """Return the REST API's id and URL."""
        name, args = self._name, self._args
        body = openapi.rest_body(
            self._contract,
            title=name,
            invoke_arns={id: self.functions[duty].function.invoke_arn for id, duty in DUTY_OF.items()},
            access=args["access"],
            origins=self._origins,
        )
        text = compact_json(body)
        api = aws.apigateway.RestApi(name, body=text, endpoint_configuration={"types": "REGIONAL"}, opts=self._child)
        permissions = self._allow_calls(api.execution_arn)
        # A stage serves a deployment, a copy of the API at its creation: another body needs another deployment.
        deployment = aws.apigateway.Deployment(
            name,
            rest_api=api.id,
            triggers={"body": text.apply(lambda rendered: hashlib.sha256(rendered.encode()).hexdigest())},
            opts=self._with(api, *permissions),
        )
        stage = aws.apigateway.Stage(
            name,
            rest_api=api.id,
            deployment=deployment.id,
            stage_name=args["stage"],
            access_log_settings=self._access_log(api.id) if args["log_role"] != "none" else None,
            opts=self._with(api, *self._account_log_role()),
        )
        aws.apigateway.MethodSettings(
            name,
            rest_api=api.id,
            stage_name=stage.stage_name,
            method_path="*/*",
            settings={"throttling_rate_limit": args["throttle_rate"], "throttling_burst_limit": args["throttle_burst"]},
            opts=self._with(api),
        )
        if args["requests_per_address"] is not None:
            self._limit_addresses(stage.arn, args["requests_per_address"])
        if args["access"] == "api_key":
            self.api_key_id = self._api_key(api.id, stage.stage_name)
        self.metric_dimensions = pulumi.Output.all(ApiName=api.name, Stage=args["stage"])
        return api.id, stage.invoke_url

    def _limit_addresses(self, stage_arn: pulumi.Output[str], most_requests: int) -> None:
        """Refuse by AWS WAF the requests of an address that sends too many."""
        name = self._name
        metric: aws.wafv2.WebAclVisibilityConfigArgsDict = {
            "cloudwatch_metrics_enabled": True,
            "metric_name": name,
            "sampled_requests_enabled": False,
        }
        rule: aws.wafv2.WebAclRuleArgsDict = {
            "name": "requests-per-address",
            "priority": 0,
            "action": {"block": {}},
            "statement": {"rate_based_statement": {"limit": most_requests, "aggregate_key_type": "IP"}},
            "visibility_config": {**metric, "metric_name": f"{name}-requests-per-address"},
        }
        acl = aws.wafv2.WebAcl(
            name,
            scope="REGIONAL",
            default_action={"allow": {}},
            rules=[rule],
            visibility_config=metric,
            opts=self._child,
        )
        # Not deleted with the stage: AWS WAF keeps a web ACL as long as it has an association.
        aws.wafv2.WebAclAssociation(name, resource_arn=stage_arn, web_acl_arn=acl.arn, opts=self._child)

    def _account_log_role(self) -> list[pulumi.Resource]:
        """Return the account's role for API Gateway's logs, where this stack is the one to set it."""
        if self._args["log_role"] != "own":
            return []
        role = aws.iam.Role(
            f"{self._name}-log-role", assume_role_policy=trust("apigateway.amazonaws.com"), opts=self._child
        )
        # AWS's own policy for this role: API Gateway writes to the groups of all APIs, so nobody can scope it.
        push = pulumi.Output.concat("arn:", self._partition(), ":iam::aws:policy/service-role/", LOG_POLICY)
        may_log = aws.iam.RolePolicyAttachment(
            f"{self._name}-log-role", role=role.name, policy_arn=push, opts=self._child
        )
        # API Gateway tests the role when it is set.
        tested = pulumi.ResourceOptions(parent=self, depends_on=[may_log])
        return [aws.apigateway.Account(f"{self._name}-account", cloudwatch_role_arn=role.arn, opts=tested)]

    def _api_key(self, api_id: pulumi.Output[str], stage: pulumi.Output[str]) -> pulumi.Output[str]:
        """Return the id of a key whose usage plan has the API's throttle for itself."""
        name, args = self._name, self._args
        plan = aws.apigateway.UsagePlan(
            name,
            api_stages=[{"api_id": api_id, "stage": stage}],
            throttle_settings={"rate_limit": args["throttle_rate"], "burst_limit": args["throttle_burst"]},
            quota_settings={"limit": args["daily_quota"], "period": "DAY"} if args["daily_quota"] else None,
            opts=self._child,
        )
        key = aws.apigateway.ApiKey(name, description=f"Opens {name}.", opts=self._child)
        aws.apigateway.UsagePlanKey(
            name, key_id=key.id, key_type="API_KEY", usage_plan_id=plan.id, opts=self._with(plan)
        )
        return key.id

    # --- kind http ---------------------------------------------------------------------------------------------------

    def _http(self) -> tuple[pulumi.Output[str], pulumi.Output[str]]:
        """Return the HTTP API's id and URL. It is created route by route, so that a preview shows each change."""
        name, args = self._name, self._args
        cors: aws.apigatewayv2.ApiCorsConfigurationArgsDict = {
            "allow_origins": self._origins,
            "allow_methods": sorted({operation.method.upper() for operation in self._contract.operations}),
            "allow_headers": list(openapi.CORS_HEADERS),
            "max_age": openapi.CORS_MAX_AGE_S,
        }
        api = aws.apigatewayv2.Api(
            name, protocol_type="HTTP", cors_configuration=cors if self._origins else None, opts=self._child
        )
        permissions = self._allow_calls(api.execution_arn)
        integrations = {
            duty: aws.apigatewayv2.Integration(
                f"{name}-{duty.replace('_', '-')}",
                api_id=api.id,
                integration_type="AWS_PROXY",
                integration_method="POST",
                integration_uri=function.function.invoke_arn,
                payload_format_version="2.0",
                opts=self._with(api),
            )
            for duty, function in self.functions.items()
        }
        routes = [
            (o.id, f"{o.method.upper()} {o.path}", o.access(args["access"]), DUTY_OF[o.id])
            for o in self._contract.operations
        ]
        # A request without a route gets a problem document too.
        for suffix, route_key, access, duty in [*routes, ("default", "$default", args["access"], "results")]:
            aws.apigatewayv2.Route(
                f"{name}-{suffix}",
                api_id=api.id,
                route_key=route_key,
                authorization_type="AWS_IAM" if access == "iam" else "NONE",
                target=pulumi.Output.concat("integrations/", integrations[duty].id),
                opts=self._with(api),
            )
        stage = aws.apigatewayv2.Stage(
            name,
            api_id=api.id,
            name=args["stage"],
            auto_deploy=True,
            default_route_settings={
                "throttling_rate_limit": args["throttle_rate"],
                "throttling_burst_limit": args["throttle_burst"],
            },
            access_log_settings=self._access_log(api.id),
            opts=self._with(api, *permissions),
        )
        self.metric_dimensions = pulumi.Output.all(ApiId=api.id, Stage=args["stage"])
        return api.id, stage.invoke_url


def _folders(kind: str, prefix: pulumi.Input[str]) -> list[pulumi.Input[str]]:
    """Return the folders of what belongs to pictures below a prefix."""
    return [pulumi.Output.concat(kind, "/", prefix), f"{kind}-of-long-keys/"]
