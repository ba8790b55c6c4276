"""One sentence reports containers that do not come up, and nothing of them stays."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from labelstack.clouds import localstack_container
from labelstack.errors import CloudStartError


class FakeContainer:
    """A container that has ended."""

    image = "localstack/localstack:latest"

    def __init__(self, exit_code: int, log: bytes = b"") -> None:
        self.status = "exited"
        self.attrs = {"State": {"ExitCode": exit_code}, "NetworkSettings": {"Ports": {}}}
        self._log = log

    def get_wrapped_container(self) -> FakeContainer:
        return self

    def reload(self) -> None:
        """Do nothing: the container does not change."""

    def logs(self, tail: int) -> bytes:
        return b"\n".join(self._log.splitlines()[-tail:])


def wait_for(container: Any) -> None:
    localstack_container._wait_for(container, 4566, "/_localstack/health", deadline=0)


def test_localstack_that_wants_a_licence_says_what_to_set() -> None:
    with pytest.raises(CloudStartError, match=r"needs a licence.*LOCALSTACK_AUTH_TOKEN.*4\.14\.0") as caught:
        wait_for(FakeContainer(55))

    assert "\n" not in str(caught.value)


def test_container_that_ends_shows_the_end_of_its_log() -> None:
    log = b"\n".join(b"line %d" % number for number in range(100))

    with pytest.raises(CloudStartError, match=r"ended with exit code 3") as caught:
        wait_for(FakeContainer(3, log))

    assert str(caught.value).splitlines()[-1] == "  | line 99"
    assert "line 80" not in str(caught.value)


def test_image_is_pinned_unless_another_is_named() -> None:
    pinned = localstack_container.image({})
    assert re.fullmatch(r"localstack/localstack:4\.14\.0@sha256:[0-9a-f]{64}", pinned)
    compose = (Path(__file__).parents[3] / "docker-compose.yml").read_text()
    assert "${LOCALSTACK_VERSION:-" + pinned.partition(":")[2] + "}" in compose
    assert localstack_container.image({"LOCALSTACK_IMAGE": "a/b:1"}) == "a/b:1"


def test_without_docker_the_problem_is_half_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")

    problem = localstack_container.problem({})

    assert problem is not None
    assert problem.startswith("no Docker answers")
    assert "\n" not in problem


def test_project_without_dockerfile_is_told(tmp_path: Path) -> None:
    with pytest.raises(CloudStartError, match="LABELSTACK_REKOGNITION_IMAGE"):
        localstack_container._build_rekognition(None, tmp_path, {}, print)
