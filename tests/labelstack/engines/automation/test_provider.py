"""The AWS provider's settings for emulators, the engine's own and those in Pulumi.local.yaml."""

from __future__ import annotations

import inspect
from typing import Any

import pulumi_aws as aws
import yaml

from labelstack.engines.automation import provider
from tests.recording import PROJECT

LOCAL: dict[str, Any] = yaml.safe_load((PROJECT / "Pulumi.local.yaml").read_text())["config"]


def test_each_service_has_one_endpoint() -> None:
    names = provider.endpoint_names()
    assert len(names) == len(set(names)) > 250
    assert {"s3", "s3control", "sts", "lambda", "events", "sfn", "logs", "cognitoidp"} <= set(names)
    assert not {"lambda_", "eventbridge", "stepfunctions", "cloudwatchlogs", "s3api", "self"} & set(names)


def test_second_names_are_the_sdk_s() -> None:
    assert set(provider.SECOND_NAMES.split()) <= set(inspect.signature(aws.ProviderEndpointArgs).parameters)


def test_pulumi_local_says_what_the_engine_says() -> None:
    ours = provider.emulator_settings("http://localhost:4566")
    [endpoints] = LOCAL["aws:endpoints"]
    assert endpoints.items() <= ours["aws:endpoints"][0].items()
    simple = {key: value for key, value in LOCAL.items() if key.startswith("aws:") and key != "aws:endpoints"}
    by_hand = {"aws:region": "us-east-1", "aws:accessKey": "test", "aws:secretKey": "test"}
    assert simple == {key: value for key, value in ours.items() if key != "aws:endpoints"} | by_hand


def test_each_setting_is_one_of_the_provider_s() -> None:
    ours = {key.removeprefix("aws:") for key in provider.emulator_settings("http://localhost:4566")}
    names = {_camel(name) for name in inspect.signature(aws.Provider._internal_init).parameters}
    assert ours <= names


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
