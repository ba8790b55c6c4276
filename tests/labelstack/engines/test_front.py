"""Gateways, guests and distributions, made by the in-process engine from small programs."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import pytest

from labelstack.errors import DeployError
from tests.labelstack.engines.conftest import Stack

REST = """
import json
from pathlib import Path
body = json.loads(Path(__file__).with_name("body.json").read_text())
api = aws.apigateway.RestApi("api", body=json.dumps(body), endpoint_configuration={"types": "REGIONAL"})
deployment = aws.apigateway.Deployment("api", rest_api=api.id, triggers={"body": api.body})
stage = aws.apigateway.Stage("api", rest_api=api.id, deployment=deployment.id, stage_name="v1", tags={"a": "b"})
aws.apigateway.MethodSettings("api", rest_api=api.id, stage_name=stage.stage_name, method_path="*/*",
    settings={"throttling_rate_limit": 50, "throttling_burst_limit": 100})
plan = aws.apigateway.UsagePlan("api", api_stages=[{"api_id": api.id, "stage": stage.stage_name}])
key = aws.apigateway.ApiKey("api", value="a-key-of-more-than-twenty-characters")
aws.apigateway.UsagePlanKey("api", key_id=key.id, key_type="API_KEY", usage_plan_id=plan.id)
pulumi.export("url", stage.invoke_url)
pulumi.export("id", api.id)
pulumi.export("plan", plan.id)
"""
FIREWALL = (
    REST
    + """
metric = {"cloudwatch_metrics_enabled": False, "metric_name": "api", "sampled_requests_enabled": False}
acl = aws.wafv2.WebAcl("api", scope="REGIONAL", default_action={"allow": {}}, visibility_config=metric, tags={"a": "b"},
    rules=[{"name": "rate", "priority": 0, "action": {"block": {}}, "visibility_config": metric,
        "statement": {"rate_based_statement": {"limit": LIMIT, "aggregate_key_type": "IP"}}}])
aws.wafv2.WebAclAssociation("api", resource_arn=stage.arn, web_acl_arn=acl.arn)
pulumi.export("acl", acl.arn)
pulumi.export("stage", stage.arn)
"""
)
HTTP = """
api = aws.apigatewayv2.Api("api", protocol_type="HTTP", cors_configuration={
    "allow_origins": ["https://site.example"], "allow_methods": ["GET"], "max_age": MAX_AGE})
trust = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",' \\
    '"Principal":{"Service":"lambda.amazonaws.com"}}]}'
role = aws.iam.Role("health", assume_role_policy=trust)
code = pulumi.AssetArchive({"m.py": pulumi.StringAsset(
    "def handle(event, context): return {'statusCode': 200, 'body': event['routeKey']}")})
function = aws.lambda_.Function("health", role=role.arn, code=code, handler="m.handle",
    runtime=pulumi.Config("labelstack").require("runtime"))
aws.lambda_.Permission("health", action="lambda:InvokeFunction", function=function.name,
    principal="apigateway.amazonaws.com", source_arn=pulumi.Output.concat(api.execution_arn, "/v1/*"))
integration = aws.apigatewayv2.Integration("api", api_id=api.id, integration_type="AWS_PROXY",
    integration_method="POST", integration_uri=function.invoke_arn, payload_format_version="2.0")
aws.apigatewayv2.Route("api", api_id=api.id, route_key="GET /health", authorization_type="NONE",
    target=pulumi.Output.concat("integrations/", integration.id))
stage = aws.apigatewayv2.Stage("api", api_id=api.id, name="v1", auto_deploy=True,
    default_route_settings={"throttling_rate_limit": 50, "throttling_burst_limit": 100})
pulumi.export("url", stage.invoke_url)
pulumi.export("id", api.id)
"""
POOL = """
pool = aws.cognito.IdentityPool("guests", identity_pool_name="guests", allow_unauthenticated_identities=True)
trust = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity",' \\
    '"Principal":{"Federated":"cognito-identity.amazonaws.com"}}]}'
role = aws.iam.Role("guests", assume_role_policy=trust)
aws.cognito.IdentityPoolRoleAttachment("guests", identity_pool_id=pool.id, roles={"unauthenticated": role.arn})
pulumi.export("id", pool.id)
pulumi.export("role", role.arn)
"""
DISTRIBUTION = """
bucket = aws.s3.Bucket("site", force_destroy=True)
access = aws.cloudfront.OriginAccessControl("site", origin_access_control_origin_type="s3",
    signing_behavior="always", signing_protocol="sigv4")
headers = aws.cloudfront.ResponseHeadersPolicy("site", security_headers_config={
    "frame_options": {"override": True, "frame_option": "FRAME"}})
distribution = aws.cloudfront.Distribution("site", enabled=True, default_root_object="index.html",
    origins=[{"origin_id": "s", "domain_name": bucket.bucket_regional_domain_name,
              "origin_access_control_id": access.id}],
    default_cache_behavior={"target_origin_id": "s", "viewer_protocol_policy": "redirect-to-https",
        "allowed_methods": ["GET", "HEAD"], "cached_methods": ["GET", "HEAD"], "compress": True,
        "cache_policy_id": "658327ea-f89d-4fab-a63d-7e88639e58f6", "response_headers_policy_id": headers.id},
    restrictions={"geo_restriction": {"restriction_type": "none"}},
    viewer_certificate={"cloudfront_default_certificate": True})
pulumi.export("id", distribution.id)
pulumi.export("headers", headers.id)
"""


def body(text: str = "first", operation: Mapping[str, Any] = MappingProxyType({})) -> dict[str, Any]:
    """Return a REST API's body: `GET /text` answers a text, `POST /text` wants a name."""
    mock = {
        "type": "mock",
        "requestTemplates": {"application/json": '{"statusCode":200}'},
        "passthroughBehavior": "never",
        "responses": {
            "default": {
                "statusCode": "200",
                "responseParameters": {"method.response.header.X-Text": f"'{text}'"},
                "responseTemplates": {"application/json": json.dumps(text)},
            }
        },
    }
    responses = {"200": {"description": "", "headers": {"X-Text": {"schema": {"type": "string"}}}}}
    shared = {"responses": responses, "x-amazon-apigateway-integration": mock}
    named = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Named"}}}}
    return {
        "openapi": "3.0.1",
        "info": {"title": "small", "version": "1"},
        "paths": {
            "/text": {
                "get": {**shared, "security": [], **operation},
                "post": {**shared, "requestBody": named, "x-amazon-apigateway-request-validator": "all"},
            },
            "/{proxy+}": {"x-amazon-apigateway-any-method": {**shared, "security": [{"key": []}]}},
        },
        "components": {
            "schemas": {
                "Named": {
                    "type": "object",
                    "required": ["name"],
                    "properties": {"name": {"$ref": "#/components/schemas/Name"}},
                },
                "Name": {"type": "string", "minLength": 2},
            },
            "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "x-api-key"}},
        },
        "x-amazon-apigateway-request-validators": {
            "all": {"validateRequestBody": True, "validateRequestParameters": True}
        },
        "x-amazon-apigateway-gateway-responses": {
            "BAD_REQUEST_BODY": {
                "statusCode": "422",
                "responseParameters": {"gatewayresponse.header.X-Kind": "'bad'"},
                "responseTemplates": {"application/json": '{"code":"BAD"}'},
            }
        },
    }


def ask(url: str, path: str, method: str = "GET", content: str | None = None, **headers: str) -> tuple[int, Any, str]:
    """Return status, headers and body of a gateway's answer."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=60)
    try:
        request_headers = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, parts.path + path, content, request_headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()
    finally:
        connection.close()


def write(stack: Stack, document: dict[str, Any]) -> None:
    (stack.folder / "body.json").write_text(json.dumps(document))


def test_rest_api_is_built_from_its_body(stack: Stack) -> None:
    write(stack, body())
    url = stack.up(REST).outputs["url"]

    status, headers, text = ask(url, "/text")
    assert (status, headers["X-Text"], text) == (200, "first", '"first"')


def test_rest_api_validates_by_its_models_and_answers_as_told(stack: Stack) -> None:
    write(stack, body())
    url = stack.up(REST).outputs["url"]

    assert ask(url, "/text", "POST", '{"name":"ab"}')[0] == 200
    status, headers, text = ask(url, "/text", "POST", '{"name":"a"}')
    assert (status, headers["X-Kind"], text) == (422, "bad", '{"code":"BAD"}')


def test_rest_api_is_opened_by_its_key(stack: Stack) -> None:
    write(stack, body())
    url = stack.up(REST).outputs["url"]

    assert ask(url, "/anything/else")[0] == 403
    assert ask(url, "/anything/else", x_api_key="a-key-of-more-than-twenty-characters")[0] == 200


def test_a_changed_body_changes_the_api_and_keeps_its_address(stack: Stack) -> None:
    write(stack, body())
    before = stack.up(REST).outputs
    changed = body("second")
    del changed["paths"]["/{proxy+}"]
    changed["x-amazon-apigateway-gateway-responses"] = {}
    write(stack, changed)

    after = stack.again()

    assert after.outputs == before
    assert (after.updated, after.replaced) == (2, 1)  # the API and its stage; the deployment
    assert ask(before["url"], "/text")[2] == '"second"'
    assert ask(before["url"], "/anything/else", x_api_key="a-key-of-more-than-twenty-characters")[0] == 403
    assert ask(before["url"], "/text", "POST", "{}")[0] == 400


def test_an_unchanged_api_stays_as_it_is(stack: Stack) -> None:
    write(stack, body())
    created = stack.up(REST).created

    again = stack.again()

    assert (again.unchanged, again.updated, again.replaced) == (created, 0, 0)


def test_what_a_body_says_in_vain_is_told(stack: Stack) -> None:
    write(stack, body(operation={"x-amazon-apigateway-auth": {"type": "AWS_IAM"}}))

    with pytest.raises(DeployError, match="GET /text has x-amazon-apigateway-auth, which ministack cannot apply"):
        stack.up(REST)


def test_a_destroyed_api_is_gone(stack: Stack) -> None:
    write(stack, body())
    outputs = stack.up(REST).outputs

    stack.destroy()

    client = stack.cloud.client("apigateway")
    assert outputs["id"] not in [api["id"] for api in client.get_rest_apis()["items"]]
    assert outputs["plan"] not in [plan["id"] for plan in client.get_usage_plans()["items"]]


def test_a_web_acl_protects_a_stage_changes_and_goes(stack: Stack) -> None:
    write(stack, body())
    outputs = stack.up(FIREWALL.replace("LIMIT", "100")).outputs
    client = stack.cloud.client("wafv2")

    assert stack.again().updated == 0
    changed = stack.up(FIREWALL.replace("LIMIT", "200"))

    assert (changed.updated, changed.replaced) == (1, 0)
    protection = client.get_web_acl_for_resource(ResourceArn=outputs["stage"])["WebACL"]
    assert protection["ARN"] == outputs["acl"]
    assert protection["Rules"][0]["Statement"]["RateBasedStatement"]["Limit"] == 200
    stack.destroy()
    assert outputs["acl"] not in [acl["ARN"] for acl in client.list_web_acls(Scope="REGIONAL")["WebACLs"]]


def test_http_api_routes_and_lets_its_origins_in(stack: Stack) -> None:
    url = stack.up(HTTP.replace("MAX_AGE", "60")).outputs["url"]

    assert ask(url, "/health")[::2] == (200, "GET /health")
    assert ask(url, "/nothing")[0] == 404
    allowed = ask(url, "/health", "OPTIONS", Origin="https://site.example", Access_Control_Request_Method="GET")
    assert allowed[1]["Access-Control-Allow-Origin"] == "https://site.example"
    refused = ask(url, "/health", "OPTIONS", Origin="https://evil.example", Access_Control_Request_Method="GET")
    assert refused[1]["Access-Control-Allow-Origin"] is None


def test_http_api_changes_in_place(stack: Stack) -> None:
    before = stack.up(HTTP.replace("MAX_AGE", "60")).outputs

    after = stack.up(HTTP.replace("MAX_AGE", "90"))

    assert (after.outputs, after.updated) == (before, 1)
    preflight = ask(before["url"], "/health", "OPTIONS", Origin="https://site.example")
    assert preflight[1]["Access-Control-Max-Age"] == "90"


def test_identity_pool_gives_guests_its_role(stack: Stack) -> None:
    outputs = stack.up(POOL).outputs

    cognito = stack.cloud.client("cognito-identity")
    assert cognito.get_identity_pool_roles(IdentityPoolId=outputs["id"])["Roles"] == {
        "unauthenticated": outputs["role"]
    }
    assert cognito.describe_identity_pool(IdentityPoolId=outputs["id"])["AllowUnauthenticatedIdentities"] is True


def test_distribution_and_its_headers_change_in_place(stack: Stack) -> None:
    before = stack.up(DISTRIBUTION.replace("FRAME", "DENY")).outputs
    after = stack.up(DISTRIBUTION.replace("FRAME", "SAMEORIGIN").replace("index.html", "page.html"))

    cloudfront = stack.cloud.client("cloudfront")
    assert (after.outputs, after.updated, after.replaced) == (before, 2, 0)
    config = cloudfront.get_distribution_config(Id=before["id"])["DistributionConfig"]
    assert config["DefaultRootObject"] == "page.html"
    policy = cloudfront.get_response_headers_policy(Id=before["headers"])["ResponseHeadersPolicy"]
    security = policy["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
    assert security["FrameOptions"] == {"Override": True, "FrameOption": "SAMEORIGIN"}
