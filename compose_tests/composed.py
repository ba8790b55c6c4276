"""One run of docker-compose.yml: its own project on its own ports, with a copy of the clone."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import urllib.request
import uuid
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
# The files of docker-compose.yml and its mounts, and of the command, which runs in the copy.
COPIED = (
    *("docker-compose.yml", "Dockerfile", ".dockerignore", "Pulumi.yaml", "Pulumi.local.yaml", "__main__.py"),
    *("settings.py", "api", "components", "handlers", "labelstack", "rekognition_local", "requirements", "web"),
)
BUILT = ("deploy", "rekognition")
# With a build and every image to pull.
UP_TIMEOUT_S = 900
COMMAND_TIMEOUT_S = 180
CONTROL_SEQUENCE = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")  # Compose erases a line even where there is no terminal


@dataclass
class Composed:
    """A Compose project in a folder.

    Attributes:
        folder: The copy of the clone; change it as a user would.
        name: The project's name, first in the names of its containers.
        port: LocalStack's port on this machine.
        variables: Variables beside this process's own environment.
    """

    folder: Path
    name: str = field(default_factory=lambda: f"labelstack-test-{uuid.uuid4().hex[:8]}")
    port: int = 0
    variables: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.port, rekognition = free_ports(2)
        self.variables |= {"LOCALSTACK_PORT": str(self.port), "REKOGNITION_PORT": str(rekognition)}
        self.variables |= {"COMPOSE_PROJECT_NAME": self.name, "COMPOSE_ANSI": "never"}

    @property
    def endpoint_url(self) -> str:
        """Return where LocalStack answers."""
        return f"http://localhost:{self.port}"

    def compose(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run `docker compose`; its exit status, and both streams as one text."""
        return subprocess.run(
            ["docker", "compose", *arguments],
            cwd=self.folder,
            env={**os.environ, **self.variables, **variables},
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=UP_TIMEOUT_S,
        )

    def up(self) -> None:
        """Start the stack as README says. Raises AssertionError with the output of Compose and of the deployment."""
        done = self.compose("up", "--wait")
        if done.returncode:
            raise AssertionError(f"docker compose up --wait: {done.stdout[-2000:]}\n{self.log('deploy')[-4000:]}")

    def log(self, service: str) -> str:
        """Return the log of a service."""
        printed = self.compose("logs", "--no-log-prefix", "--no-color", service).stdout
        return CONTROL_SEQUENCE.sub("", printed)

    def containers(self) -> dict[str, dict[str, Any]]:
        """Return every container of the project by name, with stopped ones and those of functions."""
        listed = docker("ps", "--all", "--quiet", "--filter", f"name={self.name}").split()
        described = json.loads(docker("inspect", *listed)) if listed else []
        return {str(container["Name"]).removeprefix("/"): container for container in described}

    def networks(self) -> list[str]:
        """Return every network of the project by name."""
        return docker("network", "ls", "--filter", f"name={self.name}", "--format", "{{.Name}}").split()

    def labelstack(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command as a user on this machine does, in the copy of the clone."""
        return subprocess.run(
            [sys.executable, "-m", "labelstack", *arguments],
            cwd=self.folder,
            env={**os.environ, "LABELSTACK_CLOUD": "localstack", "AWS_ENDPOINT_URL": self.endpoint_url},
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_S,
        )

    def outputs(self) -> dict[str, Any]:
        """Return the stack's outputs, as the command reads them."""
        done = self.labelstack("outputs", "--json")
        assert done.returncode == 0, done.stderr
        stack_outputs: dict[str, Any] = json.loads(done.stdout)
        return stack_outputs

    def get(self, url: str) -> bytes:
        """Return the answer that a browser gets; names below localhost need not resolve here."""
        host = url.split("/")[2]
        request = urllib.request.Request(url.replace(host, f"127.0.0.1:{self.port}", 1), headers={"Host": host})
        with urllib.request.urlopen(request, timeout=60) as answer:
            body: bytes = answer.read()
        return body

    def remove(self) -> None:
        """Remove the project with its volumes and images."""
        self.compose("down", "--volumes")
        for service in BUILT:
            subprocess.run(["docker", "image", "rm", f"{self.name}-{service}"], capture_output=True)


def compose_problem() -> str | None:
    """Return why Compose cannot run here, and what to do, or None if it can."""
    if shutil.which("docker") is None:
        return "install Docker (there is no docker command)"
    for arguments, todo in ((("compose", "version"), "install the Compose plugin"), (("info",), "start Docker")):
        done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S)
        if done.returncode:
            return f"{todo} ({(done.stderr.strip().splitlines() or ['docker does not say why'])[-1]})"
    return None


def copy_clone(folder: Path) -> Path:
    """Copy the files that Compose needs."""
    for name in COPIED:
        source = PROJECT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, folder / name)
    return folder


def docker(*arguments: str) -> str:
    """Return the output of a docker command."""
    return subprocess.run(
        ["docker", *arguments], check=True, capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S
    ).stdout


def published(containers: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """Return the addresses of this machine on which containers answer."""
    bindings = [container["NetworkSettings"]["Ports"] or {} for container in containers.values()]
    return {str(bound["HostIp"]) for ports in bindings for bound_to in ports.values() for bound in bound_to or []}


def free_ports(count: int) -> list[int]:
    """Return ports on which nothing listens."""
    with ExitStack() as open_sockets:
        sockets = [open_sockets.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [int(bound.getsockname()[1]) for bound in sockets]
