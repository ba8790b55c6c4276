"""LabelApi: the HTTP API of uploads, results, search and deletion, built from the contract in `api/openapi.yaml`."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pulumi
import pulumi_aws as aws

from components import access as allow
from components import openapi
from components.errors import InvalidArgumentError
from components.openapi import Access
from components.policies import Statement, trust
from components.python_function import PythonFunction, PythonFunctionArgs
from components.tagging import tags

Kind = Literal["rest", "http"]
METRICS_NAMESPACE = "Labelstack"
MAX_UPLOAD_BYTES = 100 * 1024 * 1024  # the largest file that process_image converts
LINK_EXPIRY_S = 300
FUNCTION_TIMEOUT_S, FUNCTION_MEMORY_MB = 15, 512  # the gateway waits for 29 s
CONTRACT = "api/openapi.yaml"
# The part of the contract that each function serves; its folder is `handlers/api_<duty>`.
DUTIES: Mapping[str, Sequence[str]] = {
    "upload_url": ["generateUploadUrl"],
    "results": ["detectLabels", "getResult", "listImages", "listLabels", "getImageUrl", "getHealth"],
    "delete": ["deleteImage"],
}
PACKAGES: Mapping[str, Sequence[str]] = {
    "upload_url": ["handlers/api"],
    "results": ["handlers/api", "handlers/results"],
    "delete": ["handlers/api"],
}
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
ACCESS_LOG_ROUTE = {"rest": {"route": "$context.resourcePath"}, "http": {"route": "$context.routeKey"}}


@dataclass(frozen=True)
class LabelApiArgs:
    """Arguments of LabelApi.

    `kind` is `rest` or `http` (cheaper, but without API keys, and the gateway's own answers to throttled, unsigned and
    failed requests are not problem documents there: AWS lets nobody shape them).
    `access` is `open`, `api_key` (REST only) or `iam` (requests signed with SigV4). Deleting is never open: where the
    access is `open`, it has to be signed.
    `source_dir` holds the `handlers` package and the contract. `service` names this deployment in logs and metrics.
    `upload_prefix` is where uploads go, and the only part of the bucket that the API shows.
    `origins` are the web origins whose pages may call the API; the gateway's own refusals name the first one only.
    `public_endpoint` is where a browser reaches an emulator; None: AWS's own names.
    `set_account_log_role` gives API Gateway of this account and region its role for access logs, of which there is one:
    True in one stack, False where the account has it already. An API of kind `http` needs none.
    """

    source_dir: Path
    service: str
    kind: Kind
    access: Access
    bucket_name: pulumi.Input[str]
    bucket_arn: pulumi.Input[str]
    table_name: pulumi.Input[str]
    table_arn: pulumi.Input[str]
    upload_prefix: str
    stage: str
    throttle_rate: float
    throttle_burst: int
    runtime: str
    architecture: str
    log_retention_days: int
    log_level: str
    origins: Sequence[pulumi.Input[str]] = ()
    bucket_kms_key_arn: pulumi.Input[str] | None = None
    public_endpoint: str | None = None
    set_account_log_role: bool = True
    build_dir: Path | None = None


class LabelApi(pulumi.ComponentResource):
    """A REST or HTTP API from one contract, with a function of its own role for each duty.

    Throttled, with access logs in JSON. `url` has no slash at its end. `metric_dimensions` tell its metrics in
    CloudWatch from other APIs'; a REST API's are by name, an HTTP API's by id.
    """

    url: pulumi.Output[str]
    metric_dimensions: Mapping[str, pulumi.Input[str]]
    api_key_id: pulumi.Output[str] | None
    functions: Mapping[str, PythonFunction]

    def __init__(self, name: str, args: LabelApiArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("labelstack:components:LabelApi", name, None, opts)
        self._name, self._args, self._child = name, args, pulumi.ResourceOptions(parent=self)
        if args.kind == "http" and args.access == "api_key":
            raise InvalidArgumentError("access is api_key: expected open or iam, as an API of kind http takes no keys.")
        self._contract = openapi.load(args.source_dir / CONTRACT)
        self._duty_of = self._duties()
        self.functions = {duty: self._function(duty) for duty in DUTIES}
        self.api_key_id = None
        api_id, endpoint = self._rest() if args.kind == "rest" else self._http()
        self.url = endpoint
        if args.public_endpoint is not None:
            # The path under which LocalStack, and what is compatible with it, serves every API.
            base = f"{args.public_endpoint.rstrip('/')}/_aws/execute-api/"
            self.url = pulumi.Output.concat(base, api_id, f"/{args.stage}")
        self.register_outputs({"url": self.url})

    def _duties(self) -> dict[str, str]:
        """The function of each operation. Raises InvalidArgumentError for an operation that none serves."""
        found = {operation: duty for duty, operations in DUTIES.items() for operation in operations}
        if unserved := sorted({operation.id for operation in self._contract.operations} ^ set(found)):
            raise InvalidArgumentError(f"The contract and the API's functions disagree about {', '.join(unserved)}.")
        return found

    # --- the functions -------------------------------------------------------------------------------------------

    def _function(self, duty: str) -> PythonFunction:
        args = self._args
        return PythonFunction(
            f"{self._name}-{duty.replace('_', '-')}",
            PythonFunctionArgs(
                source_dir=args.source_dir,
                packages=[f"handlers/api_{duty}", *PACKAGES[duty]],
                handler=f"handlers.api_{duty}.handler.handle",
                requirements=f"handlers/api_{duty}/requirements.txt",
                environment=self._environment(duty),
                statements=self._statements(duty),
                description=f"The API's {duty.replace('_', ' ')}.",
                runtime=args.runtime,
                architecture=args.architecture,
                memory_mb=FUNCTION_MEMORY_MB,
                timeout_s=FUNCTION_TIMEOUT_S,
                log_retention_days=args.log_retention_days,
                build_dir=args.build_dir,
            ),
            self._child,
        )

    def _environment(self, duty: str) -> dict[str, pulumi.Input[str]]:
        args = self._args
        variables: dict[str, pulumi.Input[str]] = {
            "UPLOAD_BUCKET": args.bucket_name,
            "UPLOAD_PREFIX": args.upload_prefix,
            "POWERTOOLS_SERVICE_NAME": args.service,
            "POWERTOOLS_METRICS_NAMESPACE": METRICS_NAMESPACE,
            "POWERTOOLS_LOG_LEVEL": args.log_level,
        }
        if duty == "upload_url":
            variables |= {"MAX_UPLOAD_BYTES": str(MAX_UPLOAD_BYTES), "UPLOAD_EXPIRY_S": str(LINK_EXPIRY_S)}
        if duty == "results":
            variables |= {"RESULTS_TABLE": args.table_name, "IMAGE_URL_EXPIRY_S": str(LINK_EXPIRY_S)}
        if args.origins:
            variables["ALLOWED_ORIGIN"] = pulumi.Output.all(*args.origins).apply(",".join)
        if args.public_endpoint is not None and duty != "delete":
            variables["PUBLIC_S3_ENDPOINT_URL"] = args.public_endpoint
        return variables

    def _statements(self, duty: str) -> list[Statement]:
        args = self._args
        if duty == "upload_url":
            return allow.put_objects(args.bucket_arn, args.upload_prefix, args.bucket_kms_key_arn)
        looking = allow.look_at_objects(args.bucket_arn, args.upload_prefix, args.bucket_kms_key_arn)
        if duty == "results":
            return [*looking, *allow.query_results(args.table_arn)]
        return [*looking, *allow.delete_objects(args.bucket_arn, args.upload_prefix)]

    def _allow_calls(self, execution_arn: pulumi.Input[str]) -> list[pulumi.Resource]:
        """Let the gateway call the functions, for this API's stage alone."""
        return [
            aws.lambda_.Permission(
                f"{self._name}-{duty.replace('_', '-')}",
                action="lambda:InvokeFunction",
                function=function.name,
                principal="apigateway.amazonaws.com",
                source_arn=pulumi.Output.concat(execution_arn, f"/{self._args.stage}/*"),
                opts=self._child,
            )
            for duty, function in self.functions.items()
        ]

    def _access_log(self, api_id: pulumi.Output[str]) -> aws.cloudwatch.LogGroup:
        return aws.cloudwatch.LogGroup(
            f"{self._name}-access",
            # AWS: groups below this prefix do not use up the account's policy of log delivery.
            name=pulumi.Output.concat("/aws/vendedlogs/apigateway/", self._name, "-", api_id),
            retention_in_days=self._args.log_retention_days,
            tags=tags(self._name),
            opts=self._child,
        )

    def _log_format(self) -> str:
        return json.dumps(ACCESS_LOG_FORMAT | ACCESS_LOG_ROUTE[self._args.kind], separators=(",", ":"))

    # --- kind rest -----------------------------------------------------------------------------------------------

    def _rest(self) -> tuple[pulumi.Output[str], pulumi.Output[str]]:
        """The REST API's id and URL."""
        name, args = self._name, self._args
        body = openapi.rest_body(
            self._contract,
            title=name,
            invoke_arns={id: self.functions[duty].function.invoke_arn for id, duty in self._duty_of.items()},
            access=args.access,
            origins=args.origins,
        )
        text = pulumi.Output.json_dumps(body, separators=(",", ":"))
        api = aws.apigateway.RestApi(
            name,
            body=text,
            endpoint_configuration={"types": "REGIONAL"},
            tags=tags(name),
            opts=self._child,
        )
        permissions = self._allow_calls(api.execution_arn)
        # A stage serves a deployment, which is what the API was when it was made: another body, another deployment.
        deployment = aws.apigateway.Deployment(
            name,
            rest_api=api.id,
            triggers={"body": text.apply(lambda given: hashlib.sha256(given.encode()).hexdigest())},
            opts=pulumi.ResourceOptions(parent=self, depends_on=permissions),
        )
        stage = aws.apigateway.Stage(
            name,
            rest_api=api.id,
            deployment=deployment.id,
            stage_name=args.stage,
            access_log_settings={"destination_arn": self._access_log(api.id).arn, "format": self._log_format()},
            tags=tags(name),
            opts=pulumi.ResourceOptions(parent=self, depends_on=self._account_log_role()),
        )
        aws.apigateway.MethodSettings(
            name,
            rest_api=api.id,
            stage_name=stage.stage_name,
            method_path="*/*",
            settings={"throttling_rate_limit": args.throttle_rate, "throttling_burst_limit": args.throttle_burst},
            opts=self._child,
        )
        if args.access == "api_key":
            self.api_key_id = self._api_key(api.id, stage.stage_name)
        self.metric_dimensions = {"ApiName": api.name, "Stage": args.stage}
        return api.id, stage.invoke_url

    def _account_log_role(self) -> list[pulumi.Resource]:
        """The account's role for API Gateway's logs, where this stack is the one to set it."""
        if not self._args.set_account_log_role:
            return []
        role = aws.iam.Role(
            f"{self._name}-log-role",
            assume_role_policy=trust("apigateway.amazonaws.com"),
            tags=tags(self._name),
            opts=self._child,
        )
        may_log = aws.iam.RolePolicyAttachment(
            f"{self._name}-log-role", role=role.name, policy_arn=_LOG_POLICY_ARN, opts=self._child
        )
        # API Gateway tests the role when it is set.
        tested = pulumi.ResourceOptions(parent=self, depends_on=[may_log])
        return [aws.apigateway.Account(f"{self._name}-account", cloudwatch_role_arn=role.arn, opts=tested)]

    def _api_key(self, api_id: pulumi.Output[str], stage: pulumi.Output[str]) -> pulumi.Output[str]:
        """The id of a key whose usage plan has the API's throttle for itself."""
        name, args = self._name, self._args
        plan = aws.apigateway.UsagePlan(
            name,
            api_stages=[{"api_id": api_id, "stage": stage}],
            throttle_settings={"rate_limit": args.throttle_rate, "burst_limit": args.throttle_burst},
            tags=tags(name),
            opts=self._child,
        )
        key = aws.apigateway.ApiKey(name, description=f"Opens {name}.", tags=tags(name), opts=self._child)
        aws.apigateway.UsagePlanKey(name, key_id=key.id, key_type="API_KEY", usage_plan_id=plan.id, opts=self._child)
        return key.id

    # --- kind http -----------------------------------------------------------------------------------------------

    def _http(self) -> tuple[pulumi.Output[str], pulumi.Output[str]]:
        """The HTTP API's id and URL. Route by route: a preview shows then what changes, as it cannot in a body."""
        name, args = self._name, self._args
        cors: aws.apigatewayv2.ApiCorsConfigurationArgsDict = {
            "allow_origins": list(args.origins),
            "allow_methods": self._contract.methods(),
            "allow_headers": list(openapi.CORS_HEADERS),
            "max_age": openapi.CORS_MAX_AGE_S,
        }
        api = aws.apigatewayv2.Api(
            name,
            protocol_type="HTTP",
            cors_configuration=cors if args.origins else None,
            tags=tags(name),
            opts=self._child,
        )
        permissions = self._allow_calls(api.execution_arn)
        targets = {duty: self._integration(api.id, duty) for duty in DUTIES}
        for operation in self._contract.operations:
            signed = operation.access(args.access) == "iam"
            aws.apigatewayv2.Route(
                f"{name}-{operation.id}",
                api_id=api.id,
                route_key=f"{operation.method.upper()} {operation.path}",
                authorization_type="AWS_IAM" if signed else "NONE",
                target=targets[self._duty_of[operation.id]],
                opts=self._child,
            )
        # What no route takes gets a problem document too.
        aws.apigatewayv2.Route(
            f"{name}-default",
            api_id=api.id,
            route_key="$default",
            authorization_type="AWS_IAM" if args.access == "iam" else "NONE",
            target=targets["results"],
            opts=self._child,
        )
        stage = aws.apigatewayv2.Stage(
            name,
            api_id=api.id,
            name=args.stage,
            auto_deploy=True,
            default_route_settings={
                "throttling_rate_limit": args.throttle_rate,
                "throttling_burst_limit": args.throttle_burst,
            },
            access_log_settings={"destination_arn": self._access_log(api.id).arn, "format": self._log_format()},
            tags=tags(name),
            opts=pulumi.ResourceOptions(parent=self, depends_on=permissions),
        )
        self.metric_dimensions = {"ApiId": api.id, "Stage": args.stage}
        return api.id, stage.invoke_url

    def _integration(self, api_id: pulumi.Output[str], duty: str) -> pulumi.Output[str]:
        integration = aws.apigatewayv2.Integration(
            f"{self._name}-{duty.replace('_', '-')}",
            api_id=api_id,
            integration_type="AWS_PROXY",
            integration_method="POST",
            integration_uri=self.functions[duty].function.invoke_arn,
            payload_format_version="2.0",
            opts=self._child,
        )
        return pulumi.Output.concat("integrations/", integration.id)


# AWS's own policy for this role: API Gateway writes to the groups of all APIs of the account, so nobody can scope it.
_LOG_POLICY_ARN = "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
