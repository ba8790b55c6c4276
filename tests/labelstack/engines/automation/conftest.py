"""A project, an emulator without services, and a stand-in for a stack of Pulumi's Automation API."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.credentials import Credentials
from pulumi import automation
from pulumi.automation import CommandError, EngineEvent, StackNotFoundError
from pulumi.automation._cmd import CommandResult

from labelstack.clouds import Capabilities
from labelstack.engines import PulumiEngine
from labelstack.engines.automation import cli
from labelstack.engines.automation.workspace import PASSPHRASE_VARIABLES

ENDPOINT = "http://localhost:4566"
RECORDINGS = Path(__file__).parent / "recordings"


def recording(name: str) -> list[EngineEvent]:
    """Read the events of one operation: its diagnostics, and the resources that were done or failed."""
    return [EngineEvent.from_json(json.loads(line)) for line in (RECORDINGS / f"{name}.jsonl").read_text().splitlines()]


def refused(stderr: str = "", kind: type[CommandError] = CommandError) -> CommandError:
    """Return the Automation API's error when the CLI fails."""
    return kind(CommandResult("Updating (local):", stderr, 255))


class PulumiStack:
    """Plays a stack of the Automation API: replays a recording, or fails as a test says."""

    def __init__(self) -> None:
        self.name = "local"
        self.exists = False
        self.events: list[EngineEvent] = []
        self.failure: CommandError | None = None
        self.protected: list[str] = []
        self.options: Any = None

    def create_or_select(self, stack: str, work_dir: str, opts: Any) -> PulumiStack:
        """Take the place of `automation.create_or_select_stack`."""
        self.exists, self.options = True, opts
        return self

    def select(self, stack: str, work_dir: str, opts: Any) -> PulumiStack:
        """Take the place of `automation.select_stack`."""
        if not self.exists:
            raise refused(f"error: no stack named '{stack}' found", StackNotFoundError)
        return self

    def up(self, on_event: Callable[[EngineEvent], None], color: str) -> Any:
        """Replay the events, then fail or end."""
        self._replay(on_event)
        return SimpleNamespace(outputs={"uploadBucket": SimpleNamespace(value="b")})

    def destroy(self, on_event: Callable[[EngineEvent], None], color: str, remove: bool) -> None:
        """Replay the events, then fail or end."""
        self._replay(on_event)
        self.exists = not remove

    def export_stack(self) -> Any:
        """Return the part of the state that the engine reads."""
        resources = [{"urn": urn, "type": "aws:s3/bucket:Bucket", "protect": True} for urn in self.protected]
        return SimpleNamespace(deployment={"resources": resources})

    def _replay(self, on_event: Callable[[EngineEvent], None]) -> None:
        for event in self.events:
            on_event(event)
        if self.failure is not None:
            raise self.failure


class Emulator:
    """A cloud as far as the engine looks at one."""

    name = "localstack"
    region = "us-east-1"
    capabilities = Capabilities(*[False] * len(fields(Capabilities)))

    def __init__(self) -> None:
        self.endpoint_url: str | None = ENDPOINT
        self.instance = "first"

    def client(self, service: str) -> Any:
        """Fail: Pulumi uses no client of ours."""
        raise AssertionError(service)

    def credentials(self) -> Credentials:
        """Return credentials that the emulator takes."""
        return Credentials("of-the-emulator", "secret")

    def stack_config(self) -> Mapping[str, str]:
        """Return the settings that the cloud dictates."""
        return {"aws:region": "us-east-1", "small:architecture": "x86_64"}


@pytest.fixture
def pulumi(monkeypatch: pytest.MonkeyPatch) -> PulumiStack:
    """Return the stack that the engine gets from the Automation API."""
    stack = PulumiStack()
    monkeypatch.setattr(automation, "create_or_select_stack", stack.create_or_select)
    monkeypatch.setattr(automation, "select_stack", stack.select)
    for name in ("find", "ready"):
        monkeypatch.setattr(cli, name, lambda folder: None)
    for name in (*PASSPHRASE_VARIABLES, "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    return stack


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a checkout with one stack, whose file also has settings for AWS."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text("name: small\nruntime: {name: python, options: {virtualenv: .venv}}\n")
    (folder / "Pulumi.local.yaml").write_text(
        "config:\n  aws:profile: work\n  aws:skipRequestingAccountId: true\n  aws:defaultTags: {tags: {team: a}}\n"
        "  small:detectors: [labels, faces]\n  small:count: 3\n  small:architecture: arm64\n"
    )
    (folder / "__main__.py").write_text("")
    return folder


@pytest.fixture
def cloud() -> Emulator:
    """Return an emulator."""
    return Emulator()


@pytest.fixture
def engine(project: Path, cloud: Emulator, pulumi: PulumiStack, tmp_path: Path) -> PulumiEngine:
    """Return the engine under test."""
    return PulumiEngine(project, cloud, tmp_path / "stacks", tmp_path / "cli")
