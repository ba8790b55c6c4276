"""Each check: its finding, and its fix."""

from __future__ import annotations

import datetime
import json
import re

import pytest

from labelstack.cli.backend import PROJECT
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
        findings = checks.diagnose(setting(cloud))
        assert {finding.status for finding in findings} == {OK, NOT_APPLICABLE}
        assert not any(finding.fix for finding in findings)
        assert len({finding.name for finding in findings}) == len(checks.CHECKS)


def test_every_problem_and_warning_has_a_fix(world: World, setting: MakeSetting) -> None:
    world.commands, world.files, world.backend, world.python = set(), set(), "", (3, 9, 0)
    for cloud in ("embedded", "localstack", "aws"):
        broken = setting(cloud, settings=None, mistake="wrong", account=None, account_mistake="no such profile")
        findings = [finding for finding in checks.diagnose(broken) if finding.status in (WARNING, PROBLEM)]
        assert len(findings) > 2
        assert all(finding.fix and finding.detail for finding in findings)


def test_an_old_python(world: World, setting: MakeSetting) -> None:
    world.python = (3, 10, 12)
    assert machine.python(setting()) == Finding(
        "Python", PROBLEM, "3.10.12, older than 3.11", "Install Python 3.11 or newer, then: make PYTHON=…"
    )


def test_what_ends_soon(world: World, setting: MakeSetting) -> None:
    world.day = datetime.date(2027, 4, 1)
    finding = machine.dates(setting())
    assert finding.status is PROBLEM
    assert "python3.11: 2027-06-30" in finding.detail
    assert "set labelstack:runtime" in finding.fix


def test_wrong_settings_of_the_stack(setting: MakeSetting) -> None:
    finding = machine.stack_file(setting(settings=None, mistake="labelstack:name is missing"))
    assert (finding.status, finding.detail) == (PROBLEM, "labelstack:name is missing")
    assert "Pulumi.local.yaml" in finding.fix


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
    finding = machine.embedded_cloud(setting("embedded"))
    assert finding.status is status
    assert said in finding.detail


def test_an_embedded_cloud_that_answers(world: World, setting: MakeSetting) -> None:
    world.embedded = "http://127.0.0.1:4600"
    world.answers["http://127.0.0.1:4600/_localstack/health"] = {}
    assert machine.embedded_cloud(setting("embedded")).detail == "runs at http://127.0.0.1:4600"


def test_helpers_that_are_missing_are_warnings(world: World, setting: MakeSetting) -> None:
    world.commands, world.packages = set(), {}
    assert machine.text_reader(setting("embedded")).fix == ".venv/bin/pip install -e '.[ocr]'"
    assert machine.text_reader(setting("embedded")).status is WARNING
    assert machine.chromium(setting("embedded")).status is WARNING


def test_what_make_browser_installs_is_a_chromium(world: World, setting: MakeSetting) -> None:
    installed = re.findall(r"apt-get install -y -qq --no-install-recommends (\S+)", (PROJECT / "Makefile").read_text())
    for name in installed:
        world.commands = {name}
        assert machine.chromium(setting()).status is OK


def test_a_named_chromium_that_is_not_there(world: World, setting: MakeSetting) -> None:
    world.environment["LABELSTACK_CHROMIUM"] = "/opt/chromium"
    assert "/opt/chromium, which is not there" in machine.chromium(setting()).detail
    world.files.add("/opt/chromium")
    assert machine.chromium(setting()).status is OK


# --- Docker ---------------------------------------------------------------------------------------------------


def test_no_docker(world: World, setting: MakeSetting) -> None:
    world.commands.discard("docker")
    finding = docker.engine(setting())
    assert (finding.status, finding.detail) == (PROBLEM, "not installed")
    assert docker.INSTALL in finding.fix
    assert docker.compose(setting()).status is NOT_APPLICABLE


@pytest.mark.parametrize(
    ("said", "detail", "fix"),
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
    world: World, setting: MakeSetting, said: str, detail: str, fix: str
) -> None:
    world.ran["docker version"] = Ran(1, "", said)
    finding = docker.engine(setting())
    assert finding.status is PROBLEM
    assert detail in finding.detail
    assert fix in finding.fix


def test_a_docker_daemon_that_hangs(world: World, setting: MakeSetting) -> None:
    world.ran["docker version"] = Ran(None, "", "no answer within 15 s")
    assert "no answer within 15 s" in docker.engine(setting()).detail


def test_a_missing_docker_socket_names_the_one_in_use(world: World, setting: MakeSetting) -> None:
    world.files.clear()
    world.environment["DOCKER_HOST"] = "unix:///run/user/1000/docker.sock"
    finding = docker.socket(setting())
    assert finding.status is PROBLEM
    assert finding.fix == "export DOCKER_SOCKET=/run/user/1000/docker.sock"
    world.environment["DOCKER_SOCKET"] = "/run/user/1000/docker.sock"
    world.files.add("/run/user/1000/docker.sock")
    assert docker.socket(setting()).status is OK


def test_no_compose_plugin(world: World, setting: MakeSetting) -> None:
    world.ran["docker compose"] = Ran(1, "", "docker: 'compose' is not a docker command.")
    assert docker.compose(setting()).status is PROBLEM


def test_containers_of_a_killed_localstack_are_named_with_what_removes_them(world: World, setting: MakeSetting) -> None:
    compose = "com.docker.compose.project={0},com.docker.compose.service=localstack"
    listed = [
        {"Names": "one-localstack-1", "Status": "Exited (137)", "Labels": compose.format("one")},
        {"Names": "f", "Status": "Up 2 hours", "Labels": "a=b,labelstack=one"},
        {"Names": "g", "Status": "Exited (1)", "Labels": "labelstack=one"},
        {"Names": "two-localstack-1", "Status": "Up 5 minutes", "Labels": compose.format("two")},
        {"Names": "h", "Status": "Up 5 minutes", "Labels": "labelstack=two"},
        {"Names": "other", "Status": "Up 1 hour", "Labels": ""},
    ]
    world.ran["docker ps"] = Ran(0, "\n".join(map(json.dumps, listed)), "")

    finding = docker.leftovers(setting())

    assert (finding.status, finding.detail.rpartition(": ")[2]) == (WARNING, "2 of the Compose project one")
    assert finding.fix == "docker rm -f $(docker ps -aq --filter label=labelstack=one); docker compose -p one down"


def test_the_functions_label_is_compose_s(world: World) -> None:
    compose = (PROJECT / "docker-compose.yml").read_text()
    assert f"LAMBDA_DOCKER_FLAGS: --label {docker.FUNCTIONS_LABEL}=${{COMPOSE_PROJECT_NAME}}" in compose


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
    finding = localstack.image(setting())
    assert finding.status is PROBLEM
    assert "needs an auth token, and none is set" in finding.detail
    assert "localstack/localstack:4.14.0" in finding.fix
    world.environment["LOCALSTACK_AUTH_TOKEN"] = "ls-x"
    assert localstack.image(setting()).status is OK


def test_a_localstack_that_ended_for_want_of_a_license(world: World, setting: MakeSetting) -> None:
    world.container(Image="localstack/localstack:latest", Status="Exited (55) 2 minutes ago", Names="ls")
    finding = localstack.image(setting())
    assert (finding.status, finding.fix.split(",")[0]) == (PROBLEM, "docker rm ls")


def test_another_version_that_answers_is_a_warning(world: World, setting: MakeSetting) -> None:
    world.answers[INFO] = {"version": "2026.3.0", "edition": "pro"}
    finding = localstack.running(setting())
    assert finding.status is WARNING
    assert "2026.3.0 (pro edition)" in finding.detail


def test_no_localstack_is_a_warning_with_the_command_that_starts_it(setting: MakeSetting) -> None:
    finding = localstack.running(setting())
    assert finding.status is WARNING
    assert finding.fix.startswith("docker compose up --wait")


def test_a_localstack_that_starts(world: World, setting: MakeSetting) -> None:
    about = {"Image": "localstack/localstack:4.14.0", "Names": "ls", "Status": "Up 1 second"}
    world.container(**about, Ports="127.0.0.1:4566->4566/tcp")
    world.listeners[4566] = "docker-proxy (process 7)"
    assert "container ls does not answer yet (Up 1 second)" in localstack.running(setting()).detail
    assert localstack.port(setting()).status is OK


def test_the_port_is_taken_by_a_process(world: World, setting: MakeSetting) -> None:
    world.listeners[4566] = "python3 (process 42)"
    finding = localstack.port(setting())
    assert (finding.status, finding.detail) == (PROBLEM, "4566 is taken by python3 (process 42)")
    assert "LOCALSTACK_PORT=4567" in finding.fix
    world.answers[INFO] = FREE
    assert localstack.port(setting()).status is OK


def test_the_port_is_taken_by_a_container(world: World, setting: MakeSetting) -> None:
    world.listeners[4566] = "docker-proxy (process 7)"
    world.container(Image="moto", Names="moto", Status="Up", Ports="0.0.0.0:4566->5000/tcp")
    assert localstack.port(setting()).detail == "4566 is taken by container moto"


def test_endpoints_without_s3control(setting: MakeSetting) -> None:
    finding = localstack.services(setting(config={"aws:endpoints": json.dumps([{"s3": "http://localhost:4566"}])}))
    assert finding.status is PROBLEM
    assert "aws:endpoints without s3control" in finding.detail
    assert "s3control: http://localhost:4566" in finding.fix


def test_skip_requesting_account_id(setting: MakeSetting) -> None:
    finding = localstack.services(setting(config={"aws:skipRequestingAccountId": "true"}))
    assert (finding.status, finding.fix) == (PROBLEM, "Remove aws:skipRequestingAccountId")


def test_services_without_s3control(world: World, setting: MakeSetting) -> None:
    world.environment["SERVICES"] = "s3, sqs"
    assert localstack.services(setting()).detail == "SERVICES lists services without s3control"
    world.environment["SERVICES"] = "s3,s3control"
    assert localstack.services(setting()).status is OK


@pytest.mark.parametrize("services", [{"s3": "running", "s3control": "disabled"}, {"s3": "running"}])
def test_a_running_localstack_without_s3control(world: World, setting: MakeSetting, services: dict[str, str]) -> None:
    world.answers[HEALTH] = {"services": services}
    finding = localstack.services(setting())
    assert (finding.status, finding.detail) == (PROBLEM, "the LocalStack that runs does not serve it")


# --- Pulumi ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("cloud", "status"), [("aws", PROBLEM), ("localstack", WARNING), ("embedded", NOT_APPLICABLE)])
def test_no_pulumi_is_a_problem_on_aws_alone(world: World, setting: MakeSetting, cloud: str, status: Status) -> None:
    world.commands.discard("pulumi")
    world.backend = ""
    assert pulumi.cli(setting(cloud)).status is status
    assert pulumi.backend(setting(cloud)).status is status


def test_a_pulumi_older_than_the_sdk(world: World, setting: MakeSetting) -> None:
    world.ran["pulumi version"] = Ran(0, "v3.99.1", "")
    finding = pulumi.cli(setting("aws"))
    assert (finding.status, finding.detail) == (PROBLEM, "3.99.1 is older than the SDK, 3.272.0")
    world.ran["pulumi version"] = Ran(0, "v3.280.0", "")
    assert pulumi.cli(setting("aws")).status is OK


@pytest.mark.parametrize("url", ["file:///state", "s3://state"])
def test_a_back_end_of_one_s_own_needs_a_passphrase(world: World, setting: MakeSetting, url: str) -> None:
    world.backend = url
    assert "needs a passphrase" in pulumi.backend(setting("aws")).detail
    world.environment["PULUMI_CONFIG_PASSPHRASE_FILE"] = "/secret"
    assert "/secret, which is not there" in pulumi.backend(setting("aws")).detail
    world.files.add("/secret")
    assert pulumi.backend(setting("aws")).status is OK
    world.environment = {"PULUMI_CONFIG_PASSPHRASE": ""}  # set, though to nothing
    assert pulumi.backend(setting("aws")).status is OK


# --- AWS ------------------------------------------------------------------------------------------------------


def test_credentials_that_aws_refuses(setting: MakeSetting) -> None:
    account = FakeAccount(who=OSError("ExpiredToken"))
    finding = aws.credentials(setting("aws", account=account))
    assert (finding.status, finding.detail) == (PROBLEM, "ExpiredToken")
    assert "aws sso login" in finding.fix
    assert aws.concurrency(setting("aws", account=account)).status is NOT_APPLICABLE


def test_a_profile_that_is_not_there(setting: MakeSetting) -> None:
    broken = setting("aws", account=None, account_mistake="The config profile (x) could not be found")
    assert aws.credentials(broken).detail == "The config profile (x) could not be found"
    assert aws.region(broken).status is NOT_APPLICABLE


def test_a_region_without_rekognition(setting: MakeSetting) -> None:
    finding = aws.region(setting("aws", account=FakeAccount(region="eu-north-1")))
    assert (finding.status, finding.detail) == (PROBLEM, "Rekognition is not offered in eu-north-1")
    assert "eu-central-1, us-east-1" in finding.fix


def test_a_quota_of_functions_that_is_too_small(setting: MakeSetting) -> None:
    settings = parse({"name": "labelstack", "protectData": "false", "rekognitionTps": "500", "batchSize": "10"})
    finding = aws.concurrency(setting("aws", settings=settings, account=FakeAccount(concurrency=10)))
    assert finding.status is PROBLEM
    assert "allows 10 functions at once, and labelstack:rekognitionTps asks for 20" in finding.detail


def test_a_quota_that_may_not_be_asked_for(setting: MakeSetting) -> None:
    finding = aws.concurrency(setting("aws", account=FakeAccount(concurrency=OSError("AccessDenied"))))
    assert (finding.status, finding.detail) == (WARNING, "cannot be asked: AccessDenied")
