"""The tests of docker-compose.yml on a machine that cannot run them."""

from __future__ import annotations

from pathlib import Path

import pytest

from compose_tests import composed


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a docker command that is a script, the only command on the path."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path / "docker"


def says(docker: Path, script: str) -> None:
    docker.write_text(f"#!/bin/sh\n{script}\n")
    docker.chmod(0o700)


def test_docker_with_compose_is_no_problem(docker: Path) -> None:
    says(docker, "exit 0")

    assert composed.compose_problem() is None


def test_machine_without_docker_is_told(docker: Path) -> None:
    assert composed.compose_problem() == "install Docker (there is no docker command)"


def test_docker_without_compose_is_told(docker: Path) -> None:
    says(docker, """[ "$1" = info ] || { echo "docker: 'compose' is not a docker command." >&2; exit 1; }""")

    assert composed.compose_problem() == "install the Compose plugin (docker: 'compose' is not a docker command.)"


def test_daemon_that_does_not_answer_is_told(docker: Path) -> None:
    says(docker, """[ "$1" = compose ] || { echo "Cannot connect to the Docker daemon." >&2; exit 1; }""")

    assert composed.compose_problem() == "start Docker (Cannot connect to the Docker daemon.)"
