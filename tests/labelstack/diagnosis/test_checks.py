"""Each check: what it finds, and the fix it tells."""

from __future__ import annotations

import json

import pytest

from labelstack.diagnosis import aws, checks, docker, localstack, machine, pulumi
from labelstack.diagnosis.finding import Finding, Status
from labelstack.diagnosis.system import Ran
from labelstack.errors import CloudNotRunningError
from settings import parse
from tests.labelstack.diagnosis.conftest import FREE, HEALTH, INFO, FakeAccount, MakeSetting, World

OK, WARNING, PROBLEM, NOT_APPLICABLE = Status.OK, Status.WARNING, Status.PROBLEM, Status.NOT_APPLICABLE


def test_nothing_is_wrong_where_all_is_well(world: World, setting: MakeSetting) -> None:
    world.answers = {INFO: FREE, HEALTH: {"services": {"s3control": "available"}}}
    for cloud in ("embedded", "localstack", "aws"):
        found = checks.diagnose(setting(cloud))
        assert {finding.status for finding in found} == {OK, NOT_APPLICABLE}
        assert not any(finding.fix for finding in found)
        assert len({finding.name for finding in found}) == len(checks.CHECKS)


def test_every_problem_and_warning_has_a_fix(world: World, setting: MakeSetting) -> None:
    world.commands, world.files, world.backend, world.python = set(), set(), "", (3, 9, 0)
    for cloud in ("embedded", "localstack", "aws"):
        broken = setting(cloud, settings=None, mistake="wrong", account=None, account_mistake="no such profile")
        found = [one for one in checks.diagnose(broken) if one.status in (WARNING, PROBLEM)]
        assert len(found) > 2
        assert all(one.fix and one.found for one in found)


def test_an_old_python(world: World, setting: MakeSetting) -> None:
    world.python = (3, 10, 12)
    assert machine.python(setting()) == Finding(
        "Python", PROBLEM, "3.10.12, older than 3.11", "Install Python 3.11 or newer, then: make PYTHON=…"
    )


def test_wrong_settings_of_the_stack(setting: MakeSetting) -> None:
    found = machine.stack_file(setting(settings=None, mistake="labelstack:name is missing"))
    assert (found.status, found.found) == (PROBLEM, "labelstack:name is missing")
    assert "Pulumi.local.yaml" in found.fix


@pytest.mark.parametrize(
    ("which", "status", "said"),
    [
        (CloudNotRunningError("no embedded cloud runs"), OK, "does not run"),
        (CloudNotRunningError("the embedded cloud in x has died (ministack); gone"), WARNING, "has died"),
        ("http://127.0.0.1:1", PROBLEM, "does not answer"),
    ],
)
def test_the_embedded_cloud(
    world: World, setting: MakeSetting, which: str | CloudNotRunningError, status: Status, said: str
) -> None:
    world.embedded = which
    found = machine.embedded_cloud(setting("embedded"))
    assert found.status is status
    assert said in found.found


def test_an_embedded_cloud_that_answers(world: World, setting: MakeSetting) -> None:
    world.embedded = "http://127.0.0.1:4600"
    world.answers["http://127.0.0.1:4600/_localstack/health"] = {}
    assert machine.embedded_cloud(setting("embedded")).found == "runs at http://127.0.0.1:4600"


def test_helpers_that_are_missing_are_warnings(world: World, setting: MakeSetting) -> None:
    world.commands = set()
    assert machine.tesseract(setting("embedded")).fix == "apt-get install tesseract-ocr"
    assert machine.tesseract(setting("embedded")).status is WARNING
    assert machine.chromium(setting("embedded")).status is WARNING


def test_a_named_chromium_that_is_not_there(world: World, setting: MakeSetting) -> None:
    world.environment["LABELSTACK_CHROMIUM"] = "/opt/chromium"
    assert "/opt/chromium, which is not there" in machine.chromium(setting()).found
    world.files.add("/opt/chromium")
    assert machine.chromium(setting()).status is OK


# --- Docker ---------------------------------------------------------------------------------------------------


def test_no_docker(world: World, setting: MakeSetting) -> None:
    world.commands.discard("docker")
    found = docker.engine(setting())
    assert (found.status, found.found) == (PROBLEM, "not installed")
    assert docker.INSTALL in found.fix
    assert docker.compose(setting()).status is NOT_APPLICABLE


@pytest.mark.parametrize(
    ("said", "found", "fix"),
    [
        (
            "Got permission denied while trying to connect to the Docker daemon",
            "this user may not",
            "usermod -aG docker",
        ),
        (
            "Cannot connect to the Docker daemon at unix:///x. Is it running?",
            "Is it running?",
            "systemctl start docker",
        ),
    ],
)
def test_a_docker_daemon_that_cannot_be_reached(
    world: World, setting: MakeSetting, said: str, found: str, fix: str
) -> None:
    world.ran["docker version"] = Ran(1, "", said)
    one = docker.engine(setting())
    assert one.status is PROBLEM
    assert found in one.found
    assert fix in one.fix


def test_a_docker_daemon_that_hangs(world: World, setting: MakeSetting) -> None:
    world.ran["docker version"] = Ran(None, "", "no answer within 15 s")
    assert "no answer within 15 s" in docker.engine(setting()).found


def test_a_missing_docker_socket_names_the_one_in_use(world: World, setting: MakeSetting) -> None:
    world.files.clear()
    world.environment["DOCKER_HOST"] = "unix:///run/user/1000/docker.sock"
    found = docker.socket(setting())
    assert found.status is PROBLEM
    assert found.fix == "export DOCKER_SOCKET=/run/user/1000/docker.sock"
    world.environment["DOCKER_SOCKET"] = "/run/user/1000/docker.sock"
    world.files.add("/run/user/1000/docker.sock")
    assert docker.socket(setting()).status is OK


def test_no_compose_plugin(world: World, setting: MakeSetting) -> None:
    world.ran["docker compose"] = Ran(1, "", "docker: 'compose' is not a docker command.")
    assert docker.compose(setting()).status is PROBLEM


def test_what_docker_lacks_is_a_warning_where_localstack_answers(world: World, setting: MakeSetting) -> None:
    world.answers[INFO] = FREE
    world.commands.discard("docker")
    world.files.clear()
    assert docker.engine(setting()).status is WARNING
    assert docker.socket(setting()).status is WARNING


# --- LocalStack -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "variables",
    [
        {"LOCALSTACK_VERSION": "latest"},
        {"LOCALSTACK_VERSION": "2026.3.0"},
        {"LOCALSTACK_IMAGE": "localstack/localstack-pro"},
    ],
)
def test_a_licensed_image_wants_a_token(world: World, setting: MakeSetting, variables: dict[str, str]) -> None:
    world.environment |= variables
    found = localstack.image(setting())
    assert found.status is PROBLEM
    assert "needs an auth token, and none is set" in found.found
    assert "localstack/localstack:4.14.0" in found.fix
    world.environment["LOCALSTACK_AUTH_TOKEN"] = "ls-x"
    assert localstack.image(setting()).status is OK


def test_a_localstack_that_ended_for_want_of_a_license(world: World, setting: MakeSetting) -> None:
    world.container(Image="localstack/localstack:latest", Status="Exited (55) 2 minutes ago", Names="ls")
    found = localstack.image(setting())
    assert (found.status, found.fix.split(",")[0]) == (PROBLEM, "docker rm ls")


def test_another_version_that_answers_is_a_warning(world: World, setting: MakeSetting) -> None:
    world.answers[INFO] = {"version": "2026.3.0", "edition": "pro"}
    found = localstack.running(setting())
    assert found.status is WARNING
    assert "2026.3.0 (pro edition)" in found.found


def test_no_localstack_is_a_warning_with_the_command_that_starts_it(setting: MakeSetting) -> None:
    found = localstack.running(setting())
    assert found.status is WARNING
    assert found.fix.startswith("docker compose up --wait")


def test_a_localstack_that_starts(world: World, setting: MakeSetting) -> None:
    about = {"Image": "localstack/localstack:4.14.0", "Names": "ls", "Status": "Up 1 second"}
    world.container(**about, Ports="127.0.0.1:4566->4566/tcp")
    world.listeners[4566] = "docker-proxy (process 7)"
    assert "container ls does not answer yet (Up 1 second)" in localstack.running(setting()).found
    assert localstack.port(setting()).status is OK


def test_the_port_is_taken_by_a_process(world: World, setting: MakeSetting) -> None:
    world.listeners[4566] = "python3 (process 42)"
    found = localstack.port(setting())
    assert (found.status, found.found) == (PROBLEM, "taken by python3 (process 42)")
    assert "LOCALSTACK_PORT=4567" in found.fix
    world.answers[INFO] = FREE
    assert localstack.port(setting()).status is OK


def test_the_port_is_taken_by_a_container(world: World, setting: MakeSetting) -> None:
    world.listeners[4566] = "docker-proxy (process 7)"
    world.container(Image="moto", Names="moto", Status="Up", Ports="0.0.0.0:4566->5000/tcp")
    assert localstack.port(setting()).found == "taken by container moto"


def test_endpoints_without_s3control(setting: MakeSetting) -> None:
    found = localstack.services(setting(config={"aws:endpoints": json.dumps([{"s3": "http://localhost:4566"}])}))
    assert found.status is PROBLEM
    assert "aws:endpoints without s3control" in found.found
    assert "s3control: http://localhost:4566" in found.fix


def test_skip_requesting_account_id(setting: MakeSetting) -> None:
    found = localstack.services(setting(config={"aws:skipRequestingAccountId": "true"}))
    assert (found.status, found.fix) == (PROBLEM, "Remove aws:skipRequestingAccountId")


def test_services_without_s3control(world: World, setting: MakeSetting) -> None:
    world.environment["SERVICES"] = "s3, sqs"
    assert localstack.services(setting()).found == "SERVICES lists services without s3control"
    world.environment["SERVICES"] = "s3,s3control"
    assert localstack.services(setting()).status is OK


@pytest.mark.parametrize("services", [{"s3": "running", "s3control": "disabled"}, {"s3": "running"}])
def test_a_running_localstack_without_s3control(world: World, setting: MakeSetting, services: dict[str, str]) -> None:
    world.answers[HEALTH] = {"services": services}
    found = localstack.services(setting())
    assert (found.status, found.found) == (PROBLEM, "the LocalStack that runs does not serve it")


# --- Pulumi ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("cloud", "status"), [("aws", PROBLEM), ("localstack", WARNING), ("embedded", NOT_APPLICABLE)])
def test_no_pulumi_is_a_problem_on_aws_alone(world: World, setting: MakeSetting, cloud: str, status: Status) -> None:
    world.commands.discard("pulumi")
    world.backend = ""
    assert pulumi.cli(setting(cloud)).status is status
    assert pulumi.backend(setting(cloud)).status is status


def test_a_pulumi_older_than_the_sdk(world: World, setting: MakeSetting) -> None:
    world.ran["pulumi version"] = Ran(0, "v3.99.1", "")
    found = pulumi.cli(setting("aws"))
    assert (found.status, found.found) == (PROBLEM, "3.99.1 is older than the SDK, 3.272.0")
    world.ran["pulumi version"] = Ran(0, "v3.280.0", "")
    assert pulumi.cli(setting("aws")).status is OK


@pytest.mark.parametrize("url", ["file:///state", "s3://state"])
def test_a_back_end_of_one_s_own_needs_a_passphrase(world: World, setting: MakeSetting, url: str) -> None:
    world.backend = url
    assert "needs a passphrase" in pulumi.backend(setting("aws")).found
    world.environment["PULUMI_CONFIG_PASSPHRASE_FILE"] = "/secret"
    assert "/secret, which is not there" in pulumi.backend(setting("aws")).found
    world.files.add("/secret")
    assert pulumi.backend(setting("aws")).status is OK
    world.environment = {"PULUMI_CONFIG_PASSPHRASE": ""}  # set, though to nothing
    assert pulumi.backend(setting("aws")).status is OK


# --- AWS ------------------------------------------------------------------------------------------------------


def test_credentials_that_aws_refuses(setting: MakeSetting) -> None:
    account = FakeAccount(who=OSError("ExpiredToken"))
    found = aws.credentials(setting("aws", account=account))
    assert (found.status, found.found) == (PROBLEM, "ExpiredToken")
    assert "aws sso login" in found.fix
    assert aws.concurrency(setting("aws", account=account)).status is NOT_APPLICABLE


def test_a_profile_that_is_not_there(setting: MakeSetting) -> None:
    broken = setting("aws", account=None, account_mistake="The config profile (x) could not be found")
    assert aws.credentials(broken).found == "The config profile (x) could not be found"
    assert aws.region(broken).status is NOT_APPLICABLE


def test_a_region_without_rekognition(setting: MakeSetting) -> None:
    found = aws.region(setting("aws", account=FakeAccount(region="eu-north-1")))
    assert (found.status, found.found) == (PROBLEM, "Rekognition is not offered in eu-north-1")
    assert "eu-central-1, us-east-1" in found.fix


def test_a_quota_of_functions_that_is_too_small(setting: MakeSetting) -> None:
    settings = parse({"name": "labelstack", "protectData": "false", "rekognitionTps": "500", "batchSize": "10"})
    found = aws.concurrency(setting("aws", settings=settings, account=FakeAccount(concurrency=10)))
    assert found.status is PROBLEM
    assert "allows 10 functions at once, and labelstack:rekognitionTps asks for 30" in found.found


def test_a_quota_that_may_not_be_asked_for(setting: MakeSetting) -> None:
    found = aws.concurrency(setting("aws", account=FakeAccount(concurrency=OSError("AccessDenied"))))
    assert (found.status, found.found) == (WARNING, "cannot be asked: AccessDenied")
