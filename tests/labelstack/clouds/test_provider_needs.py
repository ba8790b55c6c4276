"""Pulumi's AWS provider's needs of the embedded cloud: each gap of ministack, by the request that meets it."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from typing import Any

import botocore.session
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError
from botocore.parsers import QueryParser

from labelstack.clouds import EmbeddedCloud
from tests.labelstack.clouds.conftest import TRUST

FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
DOCUMENT: dict[str, Any] = {
    "openapi": "3.0.1",
    "info": {"title": "pictures", "version": "1"},
    "x-amazon-apigateway-request-validators": {"all": {"validateRequestBody": True, "validateRequestParameters": True}},
    "paths": {
        "/labels/{name}": {
            "get": {
                "x-amazon-apigateway-request-validator": "all",
                "parameters": [{"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}],
                "responses": {"200": {"description": "fine"}},
                "x-amazon-apigateway-integration": {"type": "mock", "responses": {"default": {"statusCode": "200"}}},
            }
        }
    },
}


def query(cloud: EmbeddedCloud, operation: str, **fields: str) -> Any:
    """Ask CloudWatch by its Query protocol, as the provider does, and read the answer as an SDK does."""
    body = urllib.parse.urlencode({"Action": operation, "Version": "2010-08-01", **fields})
    url = f"{cloud.endpoint_url}/"
    request = AWSRequest("POST", url, FORM, body)
    SigV4Auth(cloud.credentials(), "monitoring", cloud.region).add_auth(request)
    with urllib.request.urlopen(urllib.request.Request(url, body.encode(), dict(request.headers))) as answer:
        content = {"status_code": answer.status, "headers": dict(answer.headers), "body": answer.read()}
    model = botocore.session.get_session().get_service_model("cloudwatch").operation_model(operation)
    return QueryParser().parse(content, model.output_shape) if model.output_shape else None


def test_an_alarm_is_described_by_the_query_protocol_as_it_was_put(cloud: EmbeddedCloud) -> None:
    alarm = {
        "AlarmName": "errors",
        "AlarmDescription": "a < b & c",
        "Namespace": "AWS/Lambda",
        "MetricName": "Errors",
        "Dimensions.member.1.Name": "FunctionName",
        "Dimensions.member.1.Value": "process",
        "Statistic": "Sum",
        "Period": "300",
        "EvaluationPeriods": "2",
        "Threshold": "1.5",
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
        "AlarmActions.member.1": "arn:aws:sns:us-east-1:000000000000:alarms",
        "ActionsEnabled": "true",
    }
    query(cloud, "PutMetricAlarm", **alarm)

    (described,) = query(cloud, "DescribeAlarms", **{"AlarmNames.member.1": "errors"})["MetricAlarms"]

    simple = ("AlarmDescription", "Namespace", "MetricName", "Statistic", "Period", "Threshold", "TreatMissingData")
    assert {name: str(described[name]) for name in simple} == {name: alarm[name] for name in simple}
    assert described["Dimensions"] == [{"Name": "FunctionName", "Value": "process"}]
    assert described["AlarmActions"] == ["arn:aws:sns:us-east-1:000000000000:alarms"]
    assert described["ActionsEnabled"] is True
    assert described["StateUpdatedTimestamp"].year > 2000
    assert "Unit" not in described


def test_an_alarm_on_metric_math_keeps_its_metrics(cloud: EmbeddedCloud) -> None:
    metric = {"Namespace": "labelstack", "MetricName": "RekognitionCalls"}
    metrics = [
        {"Id": "calls", "MetricStat": {"Metric": metric, "Period": 86400, "Stat": "Sum"}, "ReturnData": False},
        {"Id": "dollars", "Expression": "calls * 0.001", "Label": "dollars", "ReturnData": True},
    ]
    cloud.client("cloudwatch").put_metric_alarm(
        AlarmName="cost",
        Metrics=metrics,
        EvaluationPeriods=1,
        Threshold=10,
        ComparisonOperator="GreaterThanThreshold",
    )

    (described,) = query(cloud, "DescribeAlarms", **{"AlarmNames.member.1": "cost"})["MetricAlarms"]

    assert described["Metrics"] == metrics
    assert not {"Statistic", "Period", "MetricName", "Namespace"} & set(described)


def test_putting_a_document_replaces_what_an_api_has(cloud: EmbeddedCloud) -> None:
    client = cloud.client("apigateway")
    api = client.create_rest_api(name="pictures")["id"]
    old = {**DOCUMENT, "paths": {"/old": DOCUMENT["paths"]["/labels/{name}"]}}

    for document in (old, DOCUMENT):
        assert client.put_rest_api(restApiId=api, mode="overwrite", body=json.dumps(document))["id"] == api

    resources = {resource["path"]: resource for resource in client.get_resources(restApiId=api)["items"]}
    assert set(resources) == {"/", "/labels", "/labels/{name}"}
    method = client.get_method(restApiId=api, resourceId=resources["/labels/{name}"]["id"], httpMethod="GET")
    assert method["requestParameters"] == {"method.request.path.name": True}
    assert len(client.get_request_validators(restApiId=api)["items"]) == 1


@pytest.mark.parametrize(
    ("document", "mode", "message"),
    [
        ({**DOCUMENT, "x-amazon-apigateway-policy": {}}, "overwrite", "the body has x-amazon-apigateway-policy"),
        (DOCUMENT, "merge", "only mode=overwrite"),
    ],
)
def test_a_document_that_cannot_be_applied_whole_is_refused(
    cloud: EmbeddedCloud, document: dict[str, Any], mode: str, message: str
) -> None:
    client = cloud.client("apigateway")
    api = client.create_rest_api(name="pictures")["id"]
    with pytest.raises(ClientError, match=f"BadRequestException.*{message}"):
        client.put_rest_api(restApiId=api, mode=mode, body=json.dumps(document))


def test_an_api_key_with_an_empty_value_gets_one(cloud: EmbeddedCloud) -> None:
    assert len(cloud.client("apigateway").create_api_key(name="a", value="")["value"]) >= 20


def test_a_changed_usage_plan_has_numbers_stages_and_no_empty_settings(cloud: EmbeddedCloud) -> None:
    client = cloud.client("apigateway")
    plan = client.create_usage_plan(name="plan", throttle={"rateLimit": 5, "burstLimit": 10})
    changes = [
        {"op": "replace", "path": "/throttle/rateLimit", "value": "7.5"},
        {"op": "replace", "path": "/throttle/burstLimit", "value": "20"},
        {"op": "add", "path": "/apiStages", "value": "api:live"},
        {"op": "add", "path": "/apiStages", "value": "api:test"},
        {"op": "remove", "path": "/apiStages", "value": "api:live"},
    ]

    changed = client.update_usage_plan(usagePlanId=plan["id"], patchOperations=changes)

    assert changed["throttle"] == {"rateLimit": 7.5, "burstLimit": 20}
    assert changed["apiStages"] == [{"apiId": "api", "stage": "test"}]
    assert "quota" not in plan
    assert "quota" not in changed


def test_a_stage_without_an_access_log_has_no_setting_of_one(cloud: EmbeddedCloud) -> None:
    client = cloud.client("apigateway")
    api = client.create_rest_api(name="pictures")["id"]
    deployment = client.create_deployment(restApiId=api)["id"]
    assert "accessLogSettings" not in client.create_stage(restApiId=api, stageName="live", deploymentId=deployment)


def test_keys_in_a_list_of_versions_can_be_used_again(cloud: EmbeddedCloud) -> None:
    s3, keys = cloud.client("s3"), ["a%2Fb+c d.jpg", "ä/<&>.png"]
    s3.create_bucket(Bucket="versions")
    s3.put_bucket_versioning(Bucket="versions", VersioningConfiguration={"Status": "Enabled"})
    for key in keys:
        s3.put_object(Bucket="versions", Key=key, Body=b"x")

    for version in s3.list_object_versions(Bucket="versions", EncodingType="url")["Versions"]:
        assert version["Key"] in [urllib.parse.quote(key) for key in keys]
        s3.delete_object(Bucket="versions", Key=urllib.parse.unquote(version["Key"]), VersionId=version["VersionId"])

    s3.delete_bucket(Bucket="versions")


def test_a_headers_policy_has_no_headers_that_nobody_has_set(cloud: EmbeddedCloud) -> None:
    header = {"Header": "x-a", "Value": "b", "Override": True}
    config = {"Name": "policy", "CustomHeadersConfig": {"Quantity": 1, "Items": [header]}}
    policy = cloud.client("cloudfront").create_response_headers_policy(ResponseHeadersPolicyConfig=config)
    written = policy["ResponseHeadersPolicy"]["ResponseHeadersPolicyConfig"]
    assert written["CustomHeadersConfig"]["Items"] == [header]
    assert "RemoveHeadersConfig" not in written


def test_a_state_machine_says_whether_it_is_traced(cloud: EmbeddedCloud) -> None:
    states = cloud.client("stepfunctions")
    definition = json.dumps({"StartAt": "End", "States": {"End": {"Type": "Succeed"}}})
    role = cloud.client("iam").create_role(RoleName="machine", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    arn = states.create_state_machine(name="machine", definition=definition, roleArn=role)["stateMachineArn"]

    described = [states.describe_state_machine(stateMachineArn=arn)["tracingConfiguration"]]
    states.update_state_machine(stateMachineArn=arn, tracingConfiguration={"enabled": True})
    states.update_state_machine(stateMachineArn=arn, definition=definition)
    described.append(states.describe_state_machine(stateMachineArn=arn)["tracingConfiguration"])

    assert described == [{"enabled": False}, {"enabled": True}]
