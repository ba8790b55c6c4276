"""LabelApi alone."""

import json
import shutil
from pathlib import Path
from typing import Any

import pulumi
import pytest

from components.errors import InvalidArgumentError
from components.label_api import LabelApi, LabelApiArgs
from tests.recording import ACCOUNT, PROJECT, REGION, Record, record

TABLE = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/results"
BUCKET = "arn:aws:s3:::pictures"
SITE = "https://site.example"
LAMBDA = "aws:lambda/function:Function"


@pytest.fixture
def made(source_dir: Path) -> Any:
    """Makes a component with some arguments and gives the record."""
    (source_dir / "api").mkdir()
    shutil.copy(PROJECT / "api" / "openapi.yaml", source_dir / "api")

    def make(**arguments: Any) -> Record:
        args: dict[str, Any] = {
            "source_dir": source_dir,
            "service": "api-test",
            "kind": "rest",
            "access": "open",
            "bucket_name": "pictures",
            "bucket_arn": BUCKET,
            "table_name": "results",
            "table_arn": TABLE,
            "upload_prefix": "uploads/",
            "stage": "v1",
            "throttle_rate": 50,
            "throttle_burst": 100,
            "runtime": "python3.13",
            "architecture": "arm64",
            "log_retention_days": 14,
            "log_level": "INFO",
        }

        def program() -> None:
            api = LabelApi("api", LabelApiArgs(**(args | arguments)))
            pulumi.export("url", api.url)
            pulumi.export("key", api.api_key_id)

        return record(program)

    return make


def statements(recorded: Record, function: str) -> list[tuple[list[str], Any]]:
    policy = recorded.one("aws:iam/rolePolicy:RolePolicy", f"api-{function}-policy").policy()
    found = [(statement["Action"], statement["Resource"]) for statement in policy["Statement"]]
    return [pair for pair in found if not pair[0][0].startswith("logs:")]


def environment(recorded: Record, function: str) -> dict[str, str]:
    variables = recorded.one(LAMBDA, f"api-{function}").inputs["environment"]["variables"]
    return {name: value for name, value in variables.items() if not name.startswith("POWERTOOLS_")}


def rest_body(recorded: Record) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(recorded.one("aws:apigateway/restApi:RestApi").inputs["body"])
    return body


def test_uploads_function_may_put_below_the_prefix_alone(made: Any) -> None:
    assert statements(made(), "upload-url") == [(["s3:PutObject"], f"{BUCKET}/uploads/*")]


def test_results_function_may_look_and_query(made: Any) -> None:
    assert statements(made(), "results") == [
        (["s3:GetObject"], f"{BUCKET}/uploads/*"),
        (["s3:ListBucket"], BUCKET),
        (["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"], TABLE),
        (["dynamodb:Query"], f"{TABLE}/index/*"),
    ]


def test_delete_function_may_delete_below_the_prefix_alone(made: Any) -> None:
    assert statements(made(), "delete") == [
        (["s3:GetObject"], f"{BUCKET}/uploads/*"),
        (["s3:ListBucket"], BUCKET),
        (["s3:DeleteObject"], f"{BUCKET}/uploads/*"),
    ]


def test_functions_may_use_the_buckets_key(made: Any) -> None:
    recorded = made(bucket_kms_key_arn="arn:key")

    assert (["kms:GenerateDataKey"], "arn:key") in statements(recorded, "upload-url")
    assert (["kms:Decrypt"], "arn:key") in statements(recorded, "results")


def test_tells_functions_what_they_need_and_no_more(made: Any) -> None:
    recorded = made(origins=[SITE, "https://other.example"], public_endpoint="http://127.0.0.1:4566")

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


def test_without_origin_and_emulator_functions_know_of_neither(made: Any) -> None:
    assert environment(made(), "delete") == {"UPLOAD_BUCKET": "pictures", "UPLOAD_PREFIX": "uploads/"}


@pytest.mark.parametrize("kind", ["rest", "http"])
def test_only_this_stage_of_this_api_may_call_the_functions(made: Any, kind: str) -> None:
    permissions = made(kind=kind).of("aws:lambda/permission:Permission")

    assert len(permissions) == 3
    for permission in permissions:
        assert permission.inputs["principal"] == "apigateway.amazonaws.com"
        assert permission.inputs["sourceArn"] == f"arn:aws:execute-api:{REGION}:{ACCOUNT}:api-0a1b2c3/v1/*"


def test_rest_api_is_built_from_the_contract(made: Any) -> None:
    recorded = made(origins=[SITE])

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


def test_another_body_is_another_deployment(made: Any) -> None:
    def digest(**arguments: Any) -> str:
        deployment = made(**arguments).one("aws:apigateway/deployment:Deployment")
        return str(deployment.inputs["triggers"]["body"])

    assert digest() == digest()
    assert digest() != digest(access="iam")


def test_rest_stage_logs_requests_in_json_for_a_time(made: Any) -> None:
    recorded = made(log_retention_days=30)

    stage = recorded.one("aws:apigateway/stage:Stage")
    group = recorded.one("aws:cloudwatch/logGroup:LogGroup", "api-access")
    assert (stage.inputs["stageName"], group.inputs["retentionInDays"]) == ("v1", 30)
    assert stage.inputs["accessLogSettings"]["destinationArn"].endswith(group.inputs["name"])
    assert json.loads(stage.inputs["accessLogSettings"]["format"])["status"] == "$context.status"


def test_rest_stage_waits_for_the_accounts_log_role(made: Any) -> None:
    recorded = made()

    attached = recorded.one("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
    assert attached.inputs["policyArn"].endswith("/AmazonAPIGatewayPushToCloudWatchLogs")
    assert "api-log-role" in recorded.one("aws:apigateway/account:Account").dependencies
    assert "api-account" in recorded.one("aws:apigateway/stage:Stage").dependencies


def test_leaves_the_accounts_log_role_alone_when_told(made: Any) -> None:
    assert not made(set_account_log_role=False).of("aws:apigateway/account:Account")


def test_rest_api_is_throttled(made: Any) -> None:
    settings = made(throttle_rate=7.5, throttle_burst=9).one("aws:apigateway/methodSettings:MethodSettings").inputs

    assert settings["methodPath"] == "*/*"
    assert settings["settings"] == {"throttlingRateLimit": 7.5, "throttlingBurstLimit": 9}


def test_a_key_opens_this_stage_within_its_throttle(made: Any) -> None:
    recorded = made(access="api_key")

    plan = recorded.one("aws:apigateway/usagePlan:UsagePlan").inputs
    assert plan["apiStages"] == [{"apiId": "api-0a1b2c3", "stage": "v1"}]
    assert plan["throttleSettings"] == {"rateLimit": 50, "burstLimit": 100}
    assert recorded.one("aws:apigateway/usagePlanKey:UsagePlanKey").inputs["keyId"] == "api-0a1b2c3"
    assert recorded.outputs["key"] == "api-0a1b2c3"


def test_there_is_no_key_where_none_is_asked_for(made: Any) -> None:
    recorded = made(access="iam")

    assert not recorded.of("aws:apigateway/apiKey:ApiKey")
    assert recorded.outputs["key"] is None


def test_http_api_has_a_route_for_each_operation_and_one_for_the_rest(made: Any) -> None:
    recorded = made(kind="http")

    routes = {r.inputs["routeKey"]: r.inputs["authorizationType"] for r in recorded.of("aws:apigatewayv2/route:Route")}
    assert routes == {
        "POST /generate-upload-url": "NONE",
        "POST /detect-labels": "NONE",
        "GET /result": "NONE",
        "GET /images": "NONE",
        "DELETE /images": "AWS_IAM",
        "GET /labels": "NONE",
        "GET /image-url": "NONE",
        "GET /health": "NONE",
        "$default": "NONE",
    }
    assert len(recorded.of("aws:apigatewayv2/integration:Integration")) == 3


def test_http_api_takes_signed_requests_alone_when_told(made: Any) -> None:
    routes = made(kind="http", access="iam").of("aws:apigatewayv2/route:Route")

    assert {route.inputs["authorizationType"] for route in routes} == {"AWS_IAM"}


def test_http_stage_is_throttled_and_logs(made: Any) -> None:
    stage = made(kind="http").one("aws:apigatewayv2/stage:Stage").inputs

    assert (stage["name"], stage["autoDeploy"]) == ("v1", True)
    assert stage["defaultRouteSettings"] == {"throttlingRateLimit": 50, "throttlingBurstLimit": 100}
    assert json.loads(stage["accessLogSettings"]["format"])["route"] == "$context.routeKey"


def test_http_api_lets_the_given_origins_in(made: Any) -> None:
    cors = made(kind="http", origins=[SITE]).one("aws:apigatewayv2/api:Api").inputs["corsConfiguration"]

    assert cors["allowOrigins"] == [SITE]
    assert set(cors["allowMethods"]) == {"GET", "POST", "DELETE"}
    assert "corsConfiguration" not in made(kind="http").one("aws:apigatewayv2/api:Api").inputs


@pytest.mark.parametrize("kind", ["rest", "http"])
def test_address_is_the_stages_or_an_emulators(made: Any, kind: str) -> None:
    on_aws = made(kind=kind).outputs["url"]
    on_emulator = made(kind=kind, public_endpoint="http://127.0.0.1:4566/").outputs["url"]

    assert on_aws.startswith("https://api.execute-api.")
    assert on_emulator == "http://127.0.0.1:4566/_aws/execute-api/api-0a1b2c3/v1"


def test_refuses_keys_where_aws_takes_none(made: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="access is api_key: expected open or iam"):
        made(kind="http", access="api_key")


def test_refuses_a_contract_with_an_operation_that_nothing_serves(made: Any, source_dir: Path) -> None:
    path = source_dir / "api" / "openapi.yaml"
    path.write_text(path.read_text().replace("operationId: getHealth", "operationId: getWealth"))

    with pytest.raises(InvalidArgumentError, match="disagree about getHealth, getWealth"):
        made()


@pytest.mark.parametrize("kind", ["rest", "http"])
def test_every_part_belongs_to_a_component(made: Any, kind: str) -> None:
    recorded = made(kind=kind)

    parents = {r.name: r.parent for r in recorded.resources if r.type.startswith("labelstack:")}
    assert parents == {
        "api": "labelstack-test",
        "api-upload-url": "api",
        "api-results": "api",
        "api-delete": "api",
    }
    assert {r.parent for r in recorded.resources if r.type.startswith("aws:")} == set(parents)
