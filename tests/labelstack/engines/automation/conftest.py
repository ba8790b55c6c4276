"""A project, an emulator that nobody asks anything, and the stand-in for the Pulumi CLI on PATH."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.credentials import Credentials

from labelstack.clouds import Capabilities
from labelstack.engines import PulumiEngine
from labelstack.engines.automation.workspace import PASSPHRASE_VARIABLES
from tests.labelstack.engines.automation import fake_pulumi

ENDPOINT = "http://localhost:4566"


class Cli:
    """The stand-in: what it shall do, and what it was told."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.scenario: dict[str, Any] = {
            "version": "v3.272.0",
            "events": [],
            "outputs": {"uploadBucket": "b"},
            "failure": "",
            "refused": {},
        }
        self.plan()

    def plan(self, **changes: Any) -> None:
        """Change what it does."""
        self.scenario |= changes
        (self.home / "scenario.json").write_text(json.dumps(self.scenario))

    def calls(self) -> list[dict[str, Any]]:
        """What it was told, oldest first; `files` are those in its folder, parsed."""
        file = self.home / "calls.jsonl"
        calls = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        return [
            {**call, "files": {name: yaml.safe_load(text) for name, text in call["files"].items()}} for call in calls
        ]

    def call(self, *first: str) -> dict[str, Any]:
        """The last command that begins with these words."""
        return [call for call in self.calls() if call["arguments"][: len(first)] == list(first)][-1]


class Emulator:
    """A cloud as far as the engine looks at one."""

    name = "localstack"
    region = "us-east-1"
    capabilities = Capabilities(*[False] * len(fields(Capabilities)))

    def __init__(self) -> None:
        self.endpoint_url: str | None = ENDPOINT
        self.instance = "one"

    def client(self, service: str) -> Any:
        """Pulumi uses none of ours."""
        raise AssertionError(service)

    def credentials(self) -> Credentials:
        """Pulumi has its own."""
        raise AssertionError

    def stack_config(self) -> Mapping[str, str]:
        """What it dictates."""
        return {"aws:region": "us-east-1", "small:architecture": "x86_64"}


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The stand-in, first on PATH."""
    home = tmp_path / "fake-pulumi"
    home.mkdir()
    command = home / "pulumi"
    command.write_text(f"#!/bin/sh\nexec '{sys.executable}' -S -E '{fake_pulumi.__file__}' \"$@\"\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{home}:/usr/bin:/bin")
    monkeypatch.setenv("FAKE_PULUMI", str(home))
    for name in (*PASSPHRASE_VARIABLES, "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    return Cli(home)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A checkout with one stack, whose file also says things for AWS."""
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
    """An emulator."""
    return Emulator()


@pytest.fixture
def engine(project: Path, cloud: Emulator, cli: Cli, tmp_path: Path) -> PulumiEngine:
    """The engine under test."""
    return PulumiEngine(project, cloud, tmp_path / "stacks", cli_folder=tmp_path / "cli")


def urn(type_: str, name: str) -> str:
    """A resource's URN."""
    return f"urn:pulumi:local::small::labelstack:components:Bucket${type_}::{name}"


def step(op: str, type_: str = "aws:sqs/queue:Queue", name: str = "jobs", *, custom: bool = True) -> dict[str, Any]:
    """An event: a resource is done."""
    state = {"type": type_, "urn": urn(type_, name), "custom": custom}
    metadata = {"op": op, "urn": urn(type_, name), "type": type_, "new": None if op == "delete" else state}
    return {"resOutputsEvent": {"metadata": {**metadata, "old": state if op == "delete" else None}}}


def diagnostic(message: str, at: str = "", severity: str = "error") -> dict[str, Any]:
    """An event: something is told."""
    told = {"message": f"<{{%reset%}}>{message}<{{%reset%}}>\n", "severity": severity, "color": "never"}
    return {"diagnosticEvent": {**told, "urn": at, "prefix": "<{%fg 1%}>error: <{%reset%}>"}}
