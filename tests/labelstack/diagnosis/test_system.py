"""The real system, as far as a test can read it, and the reading of a setting."""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from labelstack.diagnosis import setting
from labelstack.diagnosis.system import System
from labelstack.errors import CloudNotRunningError
from tests.labelstack.diagnosis.conftest import World
from tests.recording import PROJECT
from tests.serving import served


@pytest.fixture
def server() -> Iterator[str]:
    routes = [Route("/json", lambda _: JSONResponse({"a": 1})), Route("/text", lambda _: Response("hello"))]
    with served(Starlette(routes=routes)) as url:
        yield url


@pytest.fixture
def system(tmp_path: Path) -> System:
    return System(tmp_path)


def test_who_listens_on_a_port(system: System) -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        assert system.listener(port) is None
        listening.listen()
        who = system.listener(port)
    assert who is not None
    if Path("/proc/net/tcp").exists():
        assert who.endswith(f"(process {os.getpid()})")


def test_what_is_answered(system: System, server: str) -> None:
    assert system.get_json(f"{server}/json") == {"a": 1}
    assert system.get_json(f"{server}/text") is None
    assert system.get_json(f"{server}/nothing") is None
    with socket.socket() as taken:  # bound, but not listening
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(OSError, match="refused"):
            system.get_json(f"http://127.0.0.1:{taken.getsockname()[1]}/")


def test_what_speaks_no_http_is_no_answer(system: System) -> None:
    def greet() -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(b"220 mail.example.org ESMTP\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=greet)
        thread.start()
        assert system.get_json(f"http://127.0.0.1:{listening.getsockname()[1]}/") is None
        thread.join()


def test_a_command_s_end(system: System) -> None:
    ran = system.run(sys.executable, "-c", "import sys; print('out'); sys.exit('err')")
    assert (ran.status, ran.output, ran.error) == (1, "out", "err")
    assert system.run("/nowhere/command").status is None


def test_the_environment_wins_over_the_env_file(
    system: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("# mine\nLOCALSTACK_PORT=4570\nexport LOCALSTACK_VERSION='latest'\n")
    monkeypatch.setenv("LOCALSTACK_PORT", "4571")
    monkeypatch.delenv("LOCALSTACK_VERSION", raising=False)
    variables = system.variables()
    assert (variables["LOCALSTACK_PORT"], variables["LOCALSTACK_VERSION"]) == ("4571", "latest")


def test_the_back_end_that_pulumi_is_logged_in_to(
    system: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path))
    assert system.pulumi_backend() == ""
    (tmp_path / "credentials.json").write_text(json.dumps({"current": "file://~"}))
    assert system.pulumi_backend() == "file://~"
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://state")
    assert system.pulumi_backend() == "s3://state"


def test_where_no_embedded_cloud_was_ever_started(system: System, tmp_path: Path) -> None:
    with pytest.raises(CloudNotRunningError):
        system.embedded_endpoint(tmp_path / "embedded")
    assert not (tmp_path / "embedded").exists()


def test_rekognition_is_offered_in_some_regions(system: System) -> None:
    assert {"us-east-1", "eu-central-1"} <= set(system.regions_of("rekognition"))


def test_a_setting_has_the_stack_s_own_region_and_settings(world: World) -> None:
    stack_setting = setting.read("aws", "dev", PROJECT, world, Path("embedded"))
    assert stack_setting.mistake == ""
    assert stack_setting.settings is not None
    assert stack_setting.settings["name"] == "labelstack"
    assert stack_setting.account is not None
    assert stack_setting.account.region == "us-east-1"
    elsewhere = setting.read("aws", "dev", PROJECT, world, Path("embedded"), region="eu-west-1").account
    assert elsewhere is not None
    assert elsewhere.region == "eu-west-1"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "there is no stack wrong"),
        ("config: [", "is not valid YAML"),
        ("config: {labelstack:nome: a}", "labelstack:nome is no setting"),
    ],
)
def test_a_stack_that_cannot_be_read_is_a_mistake_to_be_told(
    world: World, tmp_path: Path, content: str | None, said: str
) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: labelstack\nruntime: python\n")
    if content is not None:
        (tmp_path / "Pulumi.wrong.yaml").write_text(content)
    stack_setting = setting.read("localstack", "wrong", tmp_path, world, Path("embedded"))
    assert stack_setting.settings is None
    assert said in stack_setting.mistake
