"""What the plugin's components make of arguments as Pulumi's engine hands them over."""

from pathlib import Path

import pulumi
import pytest

from component_provider.front import ApiAccess, ApiKind, LabelApi, WebsiteFiles
from component_provider.functions import ImageProcessor, ImageProcessorArgs, PythonFunction
from components.errors import InvalidArgumentError
from components.packaging import Package
from settings import SettingsError
from tests.recording import PROJECT, record

PIPELINE: ImageProcessorArgs = {
    "bucket_name": "bucket",
    "bucket_arn": "arn:bucket",
    "table_name": "table",
    "table_arn": "arn:table",
}


def test_processor_has_the_settings_defaults(packages: list[Package]) -> None:
    made = record(lambda: ImageProcessor("pictures", PIPELINE))

    function = made.one("aws:lambda/function:Function", "pictures-process-image")
    assert function.inputs["environment"]["variables"]["MIN_CONFIDENCE"] == "70"
    assert (function.inputs["runtime"], function.inputs["memorySize"]) == ("python3.13", 512)
    assert {package.source_dir for package in packages} == {PROJECT}


def test_whole_numbers_that_arrive_as_floats_stay_whole(packages: list[Package]) -> None:
    given: ImageProcessorArgs = {**PIPELINE, "max_labels": 5.0, "cache_days": 7.0}  # type: ignore[typeddict-item]  # so they come

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
