"""What the plugin's components make of arguments as Pulumi's engine hands them over."""

import json
from pathlib import Path

import pulumi
import pytest

from component_provider.announcing import Notifications
from component_provider.front import ApiAccess, ApiKind, LabelApi, WebsiteFiles
from component_provider.functions import PythonFunction
from component_provider.pipelines import ImageProcessor, LabelWorkflow, PipelineArgs
from component_provider.storage import ResultsBucket
from component_provider.watching import Monitoring, MonitoringArgs
from components.errors import InvalidArgumentError
from components.packaging import Package
from settings import SettingsError
from tests.recording import PROJECT, REGION, record

PIPELINE: PipelineArgs = {
    "bucket_name": "bucket",
    "bucket_arn": "arn:bucket",
    "table_name": "table",
    "table_arn": "arn:table",
}
WATCHED: MonitoringArgs = {
    "service": "pictures-test",
    "functions": {"process-image": {"name": "labels-1", "timeout_seconds": 60}},
    "processor": "process-image",
    "queue_name": "events",
    "dead_letter_queue_name": "dead-letters",
}
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"


def test_processor_has_the_settings_defaults(packages: list[Package]) -> None:
    made = record(lambda: ImageProcessor("pictures", PIPELINE))

    function = made.one("aws:lambda/function:Function", "pictures-process-image")
    assert function.inputs["environment"]["variables"]["MIN_CONFIDENCE"] == "70"
    assert (function.inputs["runtime"], function.inputs["memorySize"]) == ("python3.13", 1024)
    assert {package.source_dir for package in packages} == {PROJECT}


def test_whole_numbers_that_arrive_as_floats_stay_whole(packages: list[Package]) -> None:
    given: PipelineArgs = {**PIPELINE, "max_labels": 5.0, "cache_days": 7.0}  # type: ignore[typeddict-item]  # so they come

    made = record(lambda: ImageProcessor("pictures", given))

    variables = made.one("aws:lambda/function:Function", "pictures-process-image").inputs["environment"]["variables"]
    assert (variables["MAX_LABELS"], variables["CACHE_DAYS"]) == ("5", "7")


def test_children_are_below_the_component_that_the_schema_names(packages: list[Package]) -> None:
    made = record(lambda: ImageProcessor("pictures", PIPELINE))

    assert made.one("labelstack:components:ImageProcessor").parent == "pictures"
    assert made.one("labelstack:index:ImageProcessor").parent in ("", "labelstack-test")


def test_argument_out_of_range_is_refused(packages: list[Package]) -> None:
    with pytest.raises(SettingsError, match=r"maxLabels is 60: expected a whole number from 1 to 49"):
        record(lambda: ImageProcessor("pictures", {**PIPELINE, "max_labels": 60}))


def test_api_of_kind_http_takes_no_keys(packages: list[Package]) -> None:
    def program() -> None:
        LabelApi(
            "api",
            {
                "kind": ApiKind.HTTP,
                "access": ApiAccess.API_KEY,
                "bucket_name": "bucket",
                "bucket_arn": "arn:bucket",
                "table_name": "table",
                "table_arn": "arn:table",
            },
        )

    with pytest.raises(SettingsError, match="apiAccess is api_key: expected open or iam"):
        record(program)


def test_api_is_throttled_as_asked(packages: list[Package]) -> None:
    def program() -> None:
        LabelApi(
            "api",
            {
                "kind": ApiKind.REST,
                "access": ApiAccess.API_KEY,
                "bucket_name": "bucket",
                "bucket_arn": "arn:bucket",
                "table_name": "table",
                "table_arn": "arn:table",
                "throttle_rate": 3.0,
                "set_account_log_role": False,
            },
        )

    made = record(program)

    assert made.one("aws:apigateway/methodSettings:MethodSettings").inputs["settings"]["throttlingRateLimit"] == 3
    assert made.of("aws:apigateway/account:Account") == []
    assert made.of("aws:apigateway/apiKey:ApiKey")


def test_functions_sources_are_named_by_an_absolute_path() -> None:
    with pytest.raises(InvalidArgumentError, match="sourceDir is 'functions': expected an absolute path"):
        record(lambda: PythonFunction("f", {"source_dir": "functions", "packages": ["f"], "handler": "f.handle"}))


def test_functions_statements_reach_its_role(tmp_path: Path, packages: list[Package]) -> None:
    def program() -> None:
        PythonFunction(
            "f",
            {
                "source_dir": str(tmp_path),
                "packages": ["f"],
                "handler": "f.handle",
                "statements": [
                    {"actions": ["sqs:SendMessage"], "resources": [pulumi.Output.from_input("arn:queue")]},
                    {"actions": ["rekognition:DetectLabels"], "any_resource_reason": "it has no resources"},
                ],
            },
        )

    statements = record(program).one("aws:iam/rolePolicy:RolePolicy").policy()["Statement"]

    assert [(one["Action"], one["Resource"]) for one in statements[1:]] == [
        (["sqs:SendMessage"], "arn:queue"),
        (["rekognition:DetectLabels"], "*"),
    ]


def test_files_are_the_projects_own_page_unless_told_otherwise() -> None:
    made = record(lambda: WebsiteFiles("site", {"bucket_name": "bucket", "config": {"mode": "api"}}))

    keys = {one.inputs["key"] for one in made.of("aws:s3/bucketObjectv2:BucketObjectv2")}
    assert {"index.html", "config.json"} <= keys


def test_processor_announces_to_the_bucket_and_the_topic_it_is_given(packages: list[Package]) -> None:
    def program() -> None:
        documents, told = ResultsBucket("documents", {"protect_data": False}), Notifications("told", {})
        ImageProcessor(
            "pictures",
            {
                **PIPELINE,
                "announcements": {
                    "bucket_name": documents.name,
                    "bucket_arn": documents.arn,
                    "topic_arn": told.topic_arn,
                    "notify_min_confidence": 80.0,
                },
            },
        )

    made = record(program)

    for function in ("pictures-process-image", "pictures-record-failure"):
        variables = made.one("aws:lambda/function:Function", function).inputs["environment"]["variables"]
        assert variables["RESULTS_BUCKET"] == "documents-0a1b2c3"
        assert variables["TOPIC_ARN"].endswith(":told-0a1b2c3")
        assert variables["NOTIFY_MIN_CONFIDENCE"] == "80"
        statements = made.one("aws:iam/rolePolicy:RolePolicy", f"{function}-policy").policy()["Statement"]
        may = {action: one["Resource"] for one in statements for action in one["Action"]}
        assert may["s3:PutObject"] == "arn:aws:s3:::documents-0a1b2c3/*"
        assert may["sns:Publish"] == variables["TOPIC_ARN"]


def test_processor_announces_nothing_unless_told_to(packages: list[Package]) -> None:
    made = record(lambda: ImageProcessor("pictures", PIPELINE))

    variables = made.one("aws:lambda/function:Function", "pictures-process-image").inputs["environment"]["variables"]
    assert not {"RESULTS_BUCKET", "TOPIC_ARN"} & set(variables)


def test_certainty_of_announced_labels_has_the_settings_limits(packages: list[Package]) -> None:
    with pytest.raises(SettingsError, match=r"notifyMinConfidence is 101: expected a number from 0 to 100"):
        record(lambda: ImageProcessor("pictures", {**PIPELINE, "announcements": {"notify_min_confidence": 101}}))


def test_documents_expire_after_the_days_asked_for() -> None:
    made = record(lambda: ResultsBucket("documents", {"protect_data": True, "expiration_days": 7.0}))  # type: ignore[typeddict-item]  # so they come

    rules = made.one("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration").inputs["rules"]
    assert [rule["expiration"]["days"] for rule in rules if rule["id"] == "expire-documents"] == [7]
    assert made.one("aws:s3/bucket:Bucket").protect


def test_those_who_are_told_get_what_they_filter_for() -> None:
    queue = f"arn:aws:sqs:{REGION}:123456789012:mine"

    def program() -> None:
        told = Notifications(
            "told",
            {
                "emails": ["zoo@example.org"],
                "queue_arns": [queue],
                "filter_policy": {"status": ["FAILED"]},
            },
        )
        pulumi.export("undelivered", told.undelivered_queue_url)

    made = record(program)

    subscriptions = made.of("aws:sns/topicSubscription:TopicSubscription")
    assert {one.inputs["endpoint"] for one in subscriptions} == {"zoo@example.org", queue}
    assert {one.inputs["filterPolicy"] for one in subscriptions} == {'{"status":["FAILED"]}'}
    assert made.outputs["undelivered"].endswith("/told-undelivered-0a1b2c3")


def test_without_subscribed_queues_there_is_none_for_undelivered_messages() -> None:
    made = record(lambda: Notifications("told", {"emails": ["zoo@example.org"]}))

    assert made.of("aws:sqs/queue:Queue") == []


def test_alarms_tell_seconds_as_whole_numbers_and_the_command_for_the_log() -> None:
    functions = {"process-image": {"name": "labels-1", "timeout_seconds": 60.0}}
    given: MonitoringArgs = {**WATCHED, "functions": functions}  # type: ignore[typeddict-item]  # so they come

    made = record(lambda: Monitoring("pictures", given))

    slow = made.one(ALARM, "pictures-process-image-slow").inputs
    assert (slow["threshold"], slow["dimensions"]) == (54_000, {"FunctionName": "labels-1"})
    assert "90% or more of its 60 s" in slow["alarmDescription"]
    assert "aws logs tail --since 1h /aws/lambda/labels-1." in slow["alarmDescription"]


def test_alarms_are_about_the_api_that_a_label_api_made(packages: list[Package]) -> None:
    def program() -> None:
        api = LabelApi(
            "api",
            {
                "kind": ApiKind.HTTP,
                "access": ApiAccess.OPEN,
                "bucket_name": "bucket",
                "bucket_arn": "arn:bucket",
                "table_name": "table",
                "table_arn": "arn:table",
            },
        )
        Monitoring("pictures", {**WATCHED, "api": {"kind": ApiKind.HTTP, "dimensions": api.metric_dimensions}})
        pulumi.export("functions", api.function_names)

    made = record(program)

    assert made.one(ALARM, "pictures-api-errors").inputs["dimensions"] == {"ApiId": "api-0a1b2c3", "Stage": "v1"}
    assert set(made.outputs["functions"]) == {"upload_url", "results", "delete"}


def test_monitoring_counts_the_price_of_its_detectors() -> None:
    given: MonitoringArgs = {**WATCHED, "image_properties": True, "daily_cost_bound_usd": 5}

    made = record(lambda: Monitoring("pictures", given))

    cost = made.one(ALARM, "pictures-daily-cost").inputs
    assert cost["threshold"] == 5
    assert "0.00175" in cost["metricQueries"][0]["expression"]


def test_workflow_takes_what_the_processor_takes() -> None:
    made = record(lambda: LabelWorkflow("pictures", {**PIPELINE, "detectors": ["labels", "faces"]}))

    machine = made.one("aws:sfn/stateMachine:StateMachine")
    branches = json.loads(machine.inputs["definition"])["States"]["Recognise"]["Branches"]
    assert len(branches) == 2
    assert made.one("labelstack:components:LabelWorkflow").parent == "pictures"
