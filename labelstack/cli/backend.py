"""The doors to clouds, engines and tables, apart from the commands so that tests can put others in their place."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from handlers.results import ResultsReader
from labelstack import outputs as stack_outputs
from labelstack.clouds import AwsCloud, Cloud, EmbeddedCloud, LocalStackCloud
from labelstack.service import Results

# The program and its settings: the folder that holds this package, in a clone and in an editable installation.
PROJECT = Path(__file__).resolve().parents[2]


class RunningCloud(Cloud, Protocol):
    """The embedded cloud as far as the command starts and stops it."""

    @property
    def log_folder(self) -> Path:
        """Where its processes log."""

    def environment(self) -> Mapping[str, str]:
        """The variables with which boto3 and the AWS CLI reach it."""

    def stop(self) -> None:
        """End it."""


# Called, from any thread, when a resource is done: `created`, `updated`, `replaced`, `deleted` or `unchanged`; its type
# token; its logical name.
OnStep = Callable[[str, str, str], None]


class Deployment(Protocol):
    """What an engine has deployed."""

    @property
    def outputs(self) -> Mapping[str, Any]:
        """The stack's outputs."""


class Engine(Protocol):
    """Deploys and destroys stacks on one cloud."""

    def up(self, stack: str, config: Mapping[str, str] | None = None, *, on_step: OnStep | None = None) -> Deployment:
        """Deploy the program as this stack."""

    def destroy(self, stack: str) -> int:
        """Remove everything this stack made; how many resources."""


class Backend(Protocol):
    """What the commands need of the world."""

    def start_embedded(self, folder: Path, *, detach: bool) -> RunningCloud:
        """Start an embedded cloud in a folder."""

    def attach_embedded(self, folder: Path) -> RunningCloud:
        """The embedded cloud that runs in a folder."""

    def connect(self, cloud: str, folder: Path, *, region: str | None, profile: str | None) -> Cloud:
        """A cloud that runs: attached to in its folder, or reached over the network."""

    def engine(self, cloud: Cloud, state_folder: Path) -> Engine:
        """The in-process engine on a cloud."""

    def recorded_outputs(self, cloud: Cloud, state_folder: Path, stack: str) -> Mapping[str, Any] | None:
        """The outputs in the in-process engine's record; None when it did not deploy this stack."""

    def pulumi_outputs(self, stack: str) -> Mapping[str, Any] | None:
        """The outputs by the Pulumi CLI; None when it is not installed."""

    def results(self, cloud: Cloud, table: str) -> Results:
        """The read side of a results table."""


class LocalBackend:
    """The real thing. The engine is imported where it is used: Pulumi takes half a second to import."""

    def start_embedded(self, folder: Path, *, detach: bool) -> RunningCloud:
        """Start an embedded cloud in a folder."""
        return EmbeddedCloud.start(folder, detach=detach)

    def attach_embedded(self, folder: Path) -> RunningCloud:
        """The embedded cloud that runs in a folder."""
        return EmbeddedCloud.attach(folder)

    def connect(self, cloud: str, folder: Path, *, region: str | None, profile: str | None) -> Cloud:
        """A cloud that runs."""
        if cloud == "embedded":
            return self.attach_embedded(folder)
        if cloud == "localstack":
            localstack = LocalStackCloud()
            localstack.info()  # raises where nothing answers
            return localstack
        if profile:
            os.environ["AWS_PROFILE"] = profile  # boto3, and the Pulumi CLI that is asked for outputs
        return AwsCloud(region)

    def engine(self, cloud: Cloud, state_folder: Path) -> Engine:
        """The in-process engine on a cloud."""
        from labelstack.engines import InProcessEngine

        return InProcessEngine(PROJECT, cloud, state_folder)

    def recorded_outputs(self, cloud: Cloud, state_folder: Path, stack: str) -> Mapping[str, Any] | None:
        """The outputs in the in-process engine's record."""
        from labelstack.engines.state import StackState

        return StackState.load(state_folder / f"{stack}.json", cloud.instance).outputs or None

    def pulumi_outputs(self, stack: str) -> Mapping[str, Any] | None:
        """The outputs by the Pulumi CLI."""
        return stack_outputs.from_pulumi(PROJECT, stack)

    def results(self, cloud: Cloud, table: str) -> Results:
        """The read side of a results table."""
        return ResultsReader(cloud.client("dynamodb"), table)
