"""The options' choice of a lane, and its reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from integration_tests import lanes
from integration_tests.running import external_localstack
from integration_tests.stack import reachable
from labelstack.clouds import LocalStackCloud
from labelstack.engines import InProcessEngine
from labelstack.errors import CloudSettingsError, InputError, ProgramError

PROJECT = Path(__file__).parents[2]


def never() -> str | None:
    raise AssertionError("Docker is asked although a cloud was named")


def answer(problem: str | None) -> Callable[[], str | None]:
    return lambda: problem


def test_without_options_it_is_localstack_where_docker_has_it() -> None:
    lane = lanes.choose(PROJECT, None, None, None, answer(None))

    assert (lane.cloud, lane.stack, lane.engine) == ("localstack", "local", "in-process")


def test_without_docker_it_is_the_embedded_cloud_and_says_why() -> None:
    lane = lanes.choose(PROJECT, None, None, None, answer("no Docker answers"))

    assert lane.cloud == "embedded"
    assert str(lane) == "cloud embedded (no LocalStack: no Docker answers), stack local, engine in-process"


def test_named_cloud_does_not_ask_docker() -> None:
    assert lanes.choose(PROJECT, "localstack", "prod", "pulumi", never) == lanes.Lane(
        "localstack", "prod", "pulumi", "as asked for"
    )


def test_aws_takes_a_stack_that_is_deployed_already() -> None:
    lane = lanes.choose(PROJECT, "aws", None, None, never)

    assert (lane.stack, lane.engine) == ("dev", "")
    assert "deployed already" in str(lane)


def test_in_process_engine_is_refused_on_aws() -> None:
    with pytest.raises(InputError, match="--engine pulumi"):
        lanes.choose(PROJECT, "aws", None, "in-process", never)


@pytest.mark.parametrize("cloud", [None, "localstack", "aws"])
def test_stack_that_does_not_exist_is_told_before_anything_starts(cloud: str | None) -> None:
    with pytest.raises(ProgramError, match=r"there is no stack nope: .* \(stacks: .*dev, local, .*prod\)") as caught:
        lanes.choose(PROJECT, cloud, "nope", None, answer(None))

    assert "\n" not in str(caught.value)


def test_in_process_engine_is_the_project_s(tmp_path: Path) -> None:
    engine = lanes.engine_for("in-process", tmp_path, LocalStackCloud("http://localhost:4566"), tmp_path)

    assert isinstance(engine, InProcessEngine)


def test_external_localstack_needs_to_know_where_rekognition_is() -> None:
    with pytest.raises(CloudSettingsError, match="AWS_ENDPOINT_URL_REKOGNITION"):
        external_localstack({"AWS_ENDPOINT_URL": "http://localhost:4566"})


def test_localstack_s_names_are_asked_for_on_this_machine() -> None:
    url, headers = reachable("http://site.s3-website.localhost.localstack.cloud:4566/js/main.js")

    assert (url, headers) == (
        "http://localhost:4566/js/main.js",
        {"Host": "site.s3-website.localhost.localstack.cloud:4566"},
    )


def test_other_names_stay_as_they_are() -> None:
    assert reachable("https://d111.cloudfront.net/") == ("https://d111.cloudfront.net/", {})
