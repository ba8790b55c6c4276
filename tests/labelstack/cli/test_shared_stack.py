"""A stack on LocalStack that was deployed from another place, by Docker Compose for one."""

from __future__ import annotations

import json

import pytest

from labelstack import outputs
from labelstack.errors import DeployError
from tests.labelstack.cli.conftest import Run
from tests.labelstack.cli.fakes import OUTPUTS, FakeBackend

HERE = {**OUTPUTS, "websiteUrl": "http://the-site.s3-website.localhost.localstack.cloud:4566/"}


@pytest.fixture
def elsewhere(backend: FakeBackend) -> FakeBackend:
    """Return a backend with stack `local` on LocalStack, and no record of it here."""
    backend.deployer.deployed.clear()
    outputs.publish(backend.cloud.ssm, "local", HERE)
    return backend


def test_up_publishes_the_outputs_where_another_place_finds_them(run: Run, backend: FakeBackend) -> None:
    assert run("up", "--cloud", "localstack").exit_code == 0
    backend.deployer.deployed.clear()  # as in another place
    assert json.loads(run("outputs", "--cloud", "localstack", "--json").stdout) == OUTPUTS


def test_the_embedded_cloud_keeps_outputs_in_its_record_alone(run: Run, backend: FakeBackend) -> None:
    assert run("up").exit_code == 0
    assert backend.cloud.ssm.values == {}


def test_down_withdraws_the_outputs(run: Run, backend: FakeBackend) -> None:
    run("up", "--cloud", "localstack")
    assert run("down", "--cloud", "localstack").exit_code == 0
    assert backend.cloud.ssm.values == {}


@pytest.mark.usefixtures("elsewhere")
def test_commands_use_a_stack_deployed_elsewhere(run: Run) -> None:
    done = run("open", "--cloud", "localstack", "--print")
    assert done.stdout == f"{HERE['websiteUrl']}\n"


@pytest.mark.parametrize("command", ["up", "down"])
def test_a_stack_deployed_elsewhere_is_left_alone(run: Run, elsewhere: FakeBackend, command: str) -> None:
    done = run(command, "--cloud", "localstack")
    assert done.exit_code == 1
    assert "docker compose up deploy" in done.stderr
    assert elsewhere.deployer.deployed == {}
    assert outputs.published(elsewhere.cloud.ssm, "local") == HERE


def test_another_stack_is_not_that_stack(run: Run, elsewhere: FakeBackend) -> None:
    assert run("up", "--cloud", "localstack", "--stack", "mine").exit_code == 0
    assert set(elsewhere.deployer.deployed) == {"mine"}


def test_up_says_where_the_page_is_and_how_the_command_gets_there(run: Run, backend: FakeBackend) -> None:
    said = run("up", "--cloud", "localstack").stdout
    assert "LABELSTACK_CLOUD=localstack" in said
    assert f"AWS_ENDPOINT_URL={backend.cloud.endpoint_url}" in said


def test_up_says_when_no_rekognition_is_named(run: Run, backend: FakeBackend) -> None:
    without = run("up", "--cloud", "localstack")
    backend.cloud.config["labelstack:rekognitionEndpoint"] = "http://rekognition:4570"
    with_it = run("up", "--cloud", "localstack")

    assert "set AWS_ENDPOINT_URL_REKOGNITION to the address of one" in " ".join(without.stderr.split())
    assert "AWS_ENDPOINT_URL_REKOGNITION" not in with_it.stderr


def test_a_stack_that_is_not_on_localstack_is_told_with_what_deploys_it(run: Run, elsewhere: FakeBackend) -> None:
    done = run("labels", "--cloud", "localstack", "--stack", "other")

    assert done.exit_code == 1
    assert "no stack 'other' is known on the LocalStack at http://127.0.0.1:1: deploy it with" in done.stderr


def test_localstack_without_docker_is_told_in_a_sentence(run: Run, backend: FakeBackend) -> None:
    backend.deployer.failure = DeployError(
        "f (aws:lambda/function:Function): the function f cannot be made ready: Error while creating lambda: Docker "
        "not available\nand 5 resources could not be removed again:\n  g"
    )
    done = run("up", "--cloud", "localstack")
    assert done.exit_code == 1
    assert len(done.stderr.splitlines()) == 1
    assert "/var/run/docker.sock" in done.stderr


def test_other_failures_stay_as_they_are(run: Run, backend: FakeBackend) -> None:
    backend.deployer.failure = DeployError("f (aws:lambda/function:Function): no such runtime")
    assert "no such runtime" in run("up", "--cloud", "localstack").stderr
