"""A world in which all is well, for tests to break."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from labelstack.diagnosis.finding import Setting
from labelstack.diagnosis.system import Account, Ran, System
from labelstack.errors import CloudNotRunningError
from settings import Settings, parse

INFO = "http://localhost:4566/_localstack/info"
HEALTH = "http://localhost:4566/_localstack/health"
FREE = {"version": "4.14.0", "edition": "community", "is_license_activated": False}


@dataclass
class World(System):
    """A machine: nothing runs on it yet, all that is needed is installed."""

    environment: dict[str, str] = field(default_factory=dict)
    python: tuple[int, int, int] = (3, 12, 4)
    day: datetime.date = datetime.date(2026, 11, 29)
    packages: dict[str, str] = field(default_factory=lambda: {"pulumi": "3.272.0", "rapidocr": "3.10.0"})
    commands: set[str] = field(default_factory=lambda: {"docker", "pulumi", "chromium"})
    files: set[str] = field(default_factory=lambda: {"/var/run/docker.sock"})
    answers: dict[str, Any] = field(default_factory=dict)
    listeners: dict[int, str] = field(default_factory=dict)
    backend: str = "https://api.pulumi.com"
    embedded: str | CloudNotRunningError = field(default_factory=lambda: CloudNotRunningError("none runs"))
    ran: dict[str, Ran] = field(
        default_factory=lambda: {
            "docker version": Ran(0, "28.2.2", ""),
            "docker compose": Ran(0, "2.40.0", ""),
            "docker ps": Ran(0, "", ""),
            "pulumi version": Ran(0, "v3.272.0", ""),
        }
    )

    def container(self, **about: str) -> None:
        """Add a container, running or not."""
        lines = [*self.ran["docker ps"].output.splitlines(), json.dumps(about)]
        self.ran["docker ps"] = Ran(0, "\n".join(lines), "")

    # --- the checks' calls -------------------------------------------------------------------------------------------

    def variables(self) -> Mapping[str, str]:
        return self.environment

    def python_version(self) -> tuple[int, int, int]:
        return self.python

    def today(self) -> datetime.date:
        return self.day

    def package_version(self, name: str) -> str | None:
        return self.packages.get(name)

    def which(self, command: str) -> str | None:
        return f"/usr/bin/{command}" if command in self.commands else None

    def run(self, *command: str) -> Ran:
        return self.ran[" ".join(command[:2])]

    def exists(self, path: str) -> bool:
        return path in self.files

    def get_json(self, url: str) -> Any:
        if url not in self.answers:
            raise ConnectionRefusedError("refused")
        return self.answers[url]

    def listener(self, port: int) -> str | None:
        return self.listeners.get(port)

    def embedded_endpoint(self, folder: Path) -> str:
        if isinstance(self.embedded, CloudNotRunningError):
            raise self.embedded
        return self.embedded

    def pulumi_backend(self) -> str:
        return self.backend

    def regions_of(self, service: str) -> list[str]:
        assert service == "rekognition"
        return ["eu-central-1", "us-east-1"]


@dataclass
class FakeAccount(Account):
    """An AWS account; it raises each answer that is an OSError."""

    region: str = "us-east-1"
    who: str | OSError = "arn:aws:iam::123456789012:user/me"
    concurrency: int | OSError = 1000

    def identity(self) -> str:
        """Return the test's identity, or raise its error."""
        if isinstance(self.who, OSError):
            raise self.who
        return self.who

    def unreserved_concurrency(self) -> int:
        """Return the test's concurrency, or raise its error."""
        if isinstance(self.concurrency, OSError):
            raise self.concurrency
        return self.concurrency


MakeSetting = Callable[..., Setting]


@pytest.fixture
def world() -> World:
    """Return a machine without problems."""
    return World()


@pytest.fixture
def setting(world: World) -> MakeSetting:
    """Return a function that makes settings in that world: by default stack `local` on LocalStack."""

    def make(cloud: str = "localstack", *, config: Mapping[str, str] | None = None, **changes: Any) -> Setting:
        settings: Settings = parse({"name": "labelstack", "protectData": "false"})
        values: dict[str, Any] = {
            "cloud": cloud,
            "stack": "dev" if cloud == "aws" else "local",
            "system": world,
            "config": config or {},
            "settings": settings,
            "mistake": "",
            "endpoint_url": "http://localhost:4566",
            "embedded_folder": Path("embedded"),
            "account": FakeAccount() if cloud == "aws" else None,
        }
        return Setting(**{**values, **changes})

    return make
