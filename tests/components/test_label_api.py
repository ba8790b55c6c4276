"""LabelApi alone."""

import json
from pathlib import Path
from typing import Any, cast

import pulumi
import pytest

from components.arguments import members
from components.errors import InvalidArgumentError
from components.label_api import LabelApi, LabelApiArgs
from handlers.results import keys
from tests.recording import ACCOUNT, REGION, Record, once, record

TABLE = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/results"
BUCKET = "arn:aws:s3:::pictures"
SITE = "https://site.example"
LAMBDA = "aws:lambda/function:Function"


@pytest.fixture(scope="module")
def record_api(sources: Path) -> Any:
    """Return a function that makes a component with some arguments and returns the record."""

    def make(**arguments: Any) -> Record:
        args: dict[str, Any] = {
            "source_dir": sources,
            "service": "api-test",
            "kind": "rest",
            "access": "open",
            "bucket": {"name": "pictures", "arn": BUCKET},
            "table": {"name": "results", "arn": TABLE},
            "log_role": "own",
        }

        def program() -> None:
            api = LabelApi("api", cast(LabelApiArgs, (args | arguments)))
            pulumi.export("url", api.url)
            pulumi.export("key", api.api_key_id)

        return record(program)

    return once(make)


def statements(recorded: Record, function: str) -> list[tuple[list[str], Any]]:
    policy = recorded.single("aws:iam/rolePolicy:RolePolicy", f"api-{function}-policy").policy()
    pairs = [(statement["Action"], statement["Resource"]) for statement in policy["Statement"]]
    return [pair for pair in pairs if not pair[0][0].startswith("logs:")]


def environment(recorded: Record, function: str) -> dict[str, str]:
    variables = recorded.single(LAMBDA, f"api-{function}").inputs["environment"]["variables"]
    return {name: value for name, value in variables.items() if not name.startswith("POWERTOOLS_")}


def rest_body(recorded: Record) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(recorded.single("aws:apigateway/restApi:RestApi").inputs["body"])
    return body


def test_uploads_function_may_put_below_the_prefix_alone(record_api: Any) -> None:
    assert statements(record_api(), "upload-url") == [(["s3:PutObject"], f"{BUCKET}/uploads/*")]


def test_results_function_may_look_and_query(record_api: Any) -> None:
    assert statements(record_api(), "results") == [
        (["s3:GetObject", "s3:GetObjectVersion"], f"{BUCKET}/uploads/*"),
        (["s3:ListBucket"], BUCKET),
        (["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"], TABLE),
        (["dynamodb:Query"], f"{TABLE}/index/*"),
        (["dynamodb:PutItem"], TABLE),
    ]


def test_results_function_may_write_nothing_but_the_keys_of_cursors(record_api: Any) -> None:
    (put,) = (
        statement
        for statement in record_api()
        .single("aws:iam/rolePolicy:RolePolicy", "api-results-policy")
        .policy()["Statement"]
        if statement["Action"] == ["dynamodb:PutItem"]
    )

    assert put["Condition"] == {
        "ForAllValues:StringLike": {"dynamodb:LeadingKeys": keys.CURSOR_KEYS_PK},
        "Null": {"dynamodb:LeadingKeys": "false"},
    }


def test_delete_function_may_delete_below_the_prefix_alone(record_api: Any) -> None:
    assert statements(record_api(), "delete") == [
        (["s3:GetObject"], f"{BUCKET}/uploads/*"),
        (["s3:ListBucket"], BUCKET),
        (["s3:DeleteObject"], f"{BUCKET}/uploads/*"),
    ]


def test_delete_function_may_purge_below_the_prefix_where_it_is_told_to(record_api: Any) -> None:
    documents, previews = ({"name": name, "arn": f"arn:aws:s3:::{name}"} for name in ("documents", "previews"))
    recorded = record_api(purge=True, results_bucket=documents, previews=previews)

    purging = statements(recorded, "delete")[len(statements(record_api(), "delete")) :]

    assert purging == [
        (["s3:ListBucketVersions"], BUCKET),
        (["s3:DeleteObjectVersion"], f"{BUCKET}/uploads/*"),
        (["dynamodb:GetItem"], TABLE),
        (["dynamodb:Query", "dynamodb:DeleteItem"], TABLE),
        (["dynamodb:Query", "dynamodb:DeleteItem"], TABLE),
        *(
            statement
            for bucket, folders in (("documents", "results"), ("previews", "previews"))
            for folder in (f"{folders}/uploads", f"{folders}-of-long-keys")
            for statement in (
                (["s3:ListBucketVersions"], f"arn:aws:s3:::{bucket}"),
                (["s3:DeleteObjectVersion"], f"arn:aws:s3:::{bucket}/{folder}/*"),
            )
        ),
    ]
    assert environment(recorded, "delete")["RESULTS_BUCKET"] == "documents"
    assert "RESULTS_TABLE" not in environment(record_api(), "delete")


def test_delete_function_may_send_to_the_pipelines_queue(record_api: Any) -> None:
    queue = {"url": "https://sqs.example/events", "arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:events"}
    recorded = record_api(queue=queue)

    assert (["sqs:SendMessage"], queue["arn"]) in statements(recorded, "delete")
    assert environment(recorded, "delete")["QUEUE_URL"] == queue["url"]
    assert "QUEUE_URL" not in environment(recorded, "results")


def test_functions_may_use_the_buckets_key(record_api: Any) -> None:
    recorded = record_api(bucket={"name": "pictures", "arn": BUCKET, "kms_key_arn": "arn:key"})

    assert (["kms:GenerateDataKey"], "arn:key") in statements(recorded, "upload-url")
    assert (["kms:Decrypt"], "arn:key") in statements(recorded, "results")


def test_tells_functions_what_they_need_and_no_more(record_api: Any) -> None:
    recorded = record_api(origins=[SITE, "https://other.example"], public_endpoint="http://127.0.0.1:4566")

    origins = f"{SITE},https://other.example"
    place = {"UPLOAD_BUCKET": "pictures", "UPLOAD_PREFIX": "uploads/", "ALLOWED_ORIGIN": origins}
    public = {"PUBLIC_S3_ENDPOINT_URL": "http://127.0.0.1:4566"}
    assert environment(recorded, "upload-url") == {
        **place,
        **public,
        "MAX_UPLOAD_BYTES": "104857600",
        "UPLOAD_EXPIRY_S": "300",
    }
    assert environment(recorded, "results") == {
        **place,
        **public,
        "RESULTS_TABLE": "results",
        "IMAGE_URL_EXPIRY_S": "300",
    }
    assert environment(recorded, "delete") == place


def test_without_origin_and_emulator_functions_know_of_neither(record_api: Any) -> None:
    assert environment(record_api(), "delete") == {"UPLOAD_BUCKET": "pictures", "UPLOAD_PREFIX": "uploads/"}


@pytest.mark.parametrize("kind", ["rest", "http"])
def test_only_this_stage_of_this_api_may_call_the_functions(record_api: Any, kind: str) -> None:
    permissions = record_api(kind=kind).of("aws:lambda/permission:Permission")

    assert len(permissions) == 3
    for permission in permissions:
        assert permission.inputs["principal"] == "apigateway.amazonaws.com"
        assert permission.inputs["sourceArn"] == f"arn:aws:execute-api:{REGION}:{ACCOUNT}:api-0a1b2c3/v1/*"


def test_rest_api_is_built_from_the_contract(record_api: Any) -> None:
    recorded = record_api(origins=[SITE])

    paths = rest_body(recorded)["paths"]
    assert {"/generate-upload-url", "/detect-labels", "/result", "/images", "/labels", "/image-url", "/health"} < set(
        paths
    )
    for path, method, function in (
        ("/generate-upload-url", "post", "upload-url"),
        ("/images", "get", "results"),
        ("/images", "delete", "delete"),
    ):
        uri = paths[path][method]["x-amazon-apigateway-integration"]["uri"]
        assert uri == f"arn:aws:apigateway:{REGION}:lambda:path/functions/api-{function}-0a1b2c3/invocations"


def test_another_body_is_another_deployment(record_api: Any) -> None:
    def digest(**arguments: Any) -> str:
        deployment = record_api(**arguments).single("aws:apigateway/deployment:Deployment")
        return str(deployment.inputs["triggers"]["body"])

    assert digest() == digest(access="open")
    assert digest() != digest(access="iam")


def test_rest_stage_logs_requests_in_json_for_a_time(record_api: Any) -> None:
    recorded = record_api(log_retention_days=30)

    stage = recorded.single("aws:apigateway/stage:Stage")
    group = recorded.single("aws:cloudwatch/logGroup:LogGroup", "api-access")
    assert (stage.inputs["stageName"], group.inputs["retentionInDays"]) == ("v1", 30)
    assert stage.inputs["accessLogSettings"]["destinationArn"].endswith(group.inputs["name"])
    assert json.loads(stage.inputs["accessLogSettings"]["format"])["status"] == "$context.status"


def test_rest_stage_waits_for_the_accounts_log_role(record_api: Any) -> None:
    recorded = record_api()

    attached = recorded.single("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
    assert attached.inputs["policyArn"].endswith("/AmazonAPIGatewayPushToCloudWatchLogs")
    assert "api-log-role" in recorded.single("aws:apigateway/account:Account").dependencies
    assert "api-account" in recorded.single("aws:apigateway/stage:Stage").dependencies


@pytest.mark.parametrize(("log_role", "logs"), [("none", False), ("account", True)])
def test_leaves_the_accounts_log_role_alone_unless_told(record_api: Any, log_role: str, logs: bool) -> None:
    recorded = record_api(log_role=log_role)

    assert not recorded.of("aws:apigateway/account:Account")
    assert ("accessLogSettings" in recorded.single("aws:apigateway/stage:Stage").inputs) is logs


def test_api_takes_no_log_role_over_by_default() -> None:
    assert LabelApi.__init__.__annotations__["args"] is LabelApiArgs
    assert members(LabelApiArgs)["log_role"].default == "none"


def test_rest_api_is_throttled(record_api: Any) -> None:
    settings = (
        record_api(throttle_rate=7.5, throttle_burst=9).single("aws:apigateway/methodSettings:MethodSettings").inputs
    )

    assert settings["methodPath"] == "*/*"
    assert settings["settings"] == {"throttlingRateLimit": 7.5, "throttlingBurstLimit": 9}


def test_a_key_opens_this_stage_within_its_throttle(record_api: Any) -> None:
    recorded = record_api(access="api_key")

    plan = recorded.single("aws:apigateway/usagePlan:UsagePlan").inputs
    assert plan["apiStages"] == [{"apiId": "api-0a1b2c3", "stage": "v1"}]
    assert plan["throttleSettings"] == {"rateLimit": 50, "burstLimit": 100}
    assert "quotaSettings" not in plan
    assert recorded.single("aws:apigateway/usagePlanKey:UsagePlanKey").inputs["keyId"] == "api-0a1b2c3"
    assert recorded.outputs["key"] == "api-0a1b2c3"


def test_a_key_can_have_a_daily_quota(record_api: Any) -> None:
    recorded = record_api(access="api_key", daily_quota=1000)

    plan = recorded.single("aws:apigateway/usagePlan:UsagePlan").inputs
    assert plan["quotaSettings"] == {"limit": 1000, "period": "DAY"}
    answer = rest_body(recorded)["x-amazon-apigateway-gateway-responses"]["QUOTA_EXCEEDED"]
    assert (answer["statusCode"], json.loads(answer["responseTemplates"]["application/json"])["code"]) == (
        "429",
        "QUOTA_EXCEEDED",
    )


def test_an_address_can_have_a_limit(record_api: Any) -> None:
    recorded = record_api(requests_per_address=300)

    (rule,) = recorded.single("aws:wafv2/webAcl:WebAcl").inputs["rules"]
    assert rule["action"] == {"block": {}}
    assert rule["statement"] == {"rateBasedStatement": {"limit": 300, "aggregateKeyType": "IP"}}
    association = recorded.single("aws:wafv2/webAclAssociation:WebAclAssociation").inputs
    assert association["resourceArn"].startswith("arn:aws:apigateway:eu-central-1::/restapis/api/stages/")
    assert rest_body(recorded)["x-amazon-apigateway-gateway-responses"]["WAF_FILTERED"]["statusCode"] == "429"


def test_there_is_no_key_where_none_is_asked_for(record_api: Any) -> None:
    recorded = record_api(access="iam")

    assert not recorded.of("aws:apigateway/apiKey:ApiKey")
    assert recorded.outputs["key"] is None


def test_http_api_has_a_route_for_each_operation_and_one_for_the_rest(record_api: Any) -> None:
    recorded = record_api(kind="http")

    routes = {r.inputs["routeKey"]: r.inputs["authorizationType"] for r in recorded.of("aws:apigatewayv2/route:Route")}
    assert routes == {
        "POST /generate-upload-url": "NONE",
        "POST /detect-labels": "NONE",
        "GET /result": "NONE",
        "GET /images": "NONE",
        "DELETE /images": "AWS_IAM",
        "POST /relabel": "AWS_IAM",
        "GET /labels": "NONE",
        "GET /image-url": "NONE",
        "GET /health": "NONE",
        "$default": "NONE",
    }
    assert len(recorded.of("aws:apigatewayv2/integration:Integration")) == 3


def test_http_api_takes_signed_requests_alone_when_told(record_api: Any) -> None:
    routes = record_api(kind="http", access="iam").of("aws:apigatewayv2/route:Route")

    assert {route.inputs["authorizationType"] for route in routes} == {"AWS_IAM"}


def test_http_stage_is_throttled_and_logs(record_api: Any) -> None:
    stage = record_api(kind="http").single("aws:apigatewayv2/stage:Stage").inputs

    assert (stage["name"], stage["autoDeploy"]) == ("v1", True)
    assert stage["defaultRouteSettings"] == {"throttlingRateLimit": 50, "throttlingBurstLimit": 100}
    assert json.loads(stage["accessLogSettings"]["format"])["route"] == "$context.routeKey"


def test_http_api_lets_the_given_origins_in(record_api: Any) -> None:
    cors = record_api(kind="http", origins=[SITE]).single("aws:apigatewayv2/api:Api").inputs["corsConfiguration"]

    assert cors["allowOrigins"] == [SITE]
    assert set(cors["allowMethods"]) == {"GET", "POST", "DELETE"}
    assert "corsConfiguration" not in record_api(kind="http").single("aws:apigatewayv2/api:Api").inputs


@pytest.mark.parametrize("kind", ["rest", "http"])
def test_address_is_the_stages_or_an_emulators(record_api: Any, kind: str) -> None:
    on_aws = record_api(kind=kind).outputs["url"]
    on_emulator = record_api(kind=kind, public_endpoint="http://127.0.0.1:4566").outputs["url"]

    assert on_aws.startswith("https://api.execute-api.")
    assert on_emulator == "http://127.0.0.1:4566/_aws/execute-api/api-0a1b2c3/v1"


def test_refuses_keys_where_aws_takes_none(record_api: Any) -> None:
    with pytest.raises(InvalidArgumentError, match='LabelApi api: access is "api_key": expected open or iam'):
        record_api(kind="http", access="api_key")


def test_refuses_a_contract_with_an_operation_that_nothing_serves(record_api: Any, source_dir: Path) -> None:
    path = source_dir / "api" / "openapi.yaml"
    path.write_text(path.read_text().replace("operationId: getHealth", "operationId: getWealth"))

    with pytest.raises(InvalidArgumentError, match="disagree about getHealth, getWealth"):
        record_api(source_dir=source_dir)
