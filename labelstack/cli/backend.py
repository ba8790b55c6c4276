"""The doors to clouds, engines and tables, apart from the commands so that tests can put others in their place."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from labelstack import outputs as stack_outputs
from labelstack.clouds import AwsCloud, Cloud, EmbeddedCloud, LocalStackCloud
from labelstack.table_results import TableResults

if TYPE_CHECKING:
    from labelstack.diagnosis.finding import Finding

_CLONE = Path(__file__).resolve().parents[2]
# The program and its settings: the clone that this package is of, or the folder of the user's own program.
PROJECT = _CLONE if (_CLONE / "Pulumi.yaml").is_file() else Path.cwd()
IN_PROCESS, PULUMI = "in-process", "pulumi"


class RunningCloud(Cloud, Protocol):
    """The embedded cloud as far as the command starts and stops it."""

    @property
    def log_folder(self) -> Path:
        """Return the log file of its processes."""

    @property
    def environment_file(self) -> Path:
        """Return a file that exports the variables by which boto3 and the AWS CLI reach the cloud."""

    def stop(self) -> None:
        """Stop the cloud."""


# Called, from any thread, when a resource is done: `created`, `updated`, `replaced`, `deleted` or `unchanged`; its type
# token; its logical name.
OnStep = Callable[[str, str, str], None]


class Deployment(Protocol):
    """A deployed stack."""

    @property
    def outputs(self) -> Mapping[str, Any]:
        """Return the stack's outputs."""


class Engine(Protocol):
    """Deploys and destroys stacks on one cloud."""

    def up(self, stack: str, config: Mapping[str, str] | None = None, *, on_step: OnStep | None = None) -> Deployment:
        """Deploy the program as this stack."""

    def destroy(self, stack: str) -> int:
        """Remove all resources of a stack; return their number."""


class Backend:
    """The ports of the commands. Engines are imported where they are used: Pulumi takes half a second to import."""

    def start_embedded(self, folder: Path, *, detach: bool) -> RunningCloud:
        """Start an embedded cloud in a folder."""
        return EmbeddedCloud.start(folder, detach=detach)

    def attach_embedded(self, folder: Path) -> RunningCloud:
        """Return the embedded cloud that runs in a folder."""
        return EmbeddedCloud.attach(folder)

    def connect(self, cloud: str, folder: Path, *, region: str | None, profile: str | None) -> Cloud:
        """Return a cloud that runs: attached to in its folder, or reached over the network."""
        if cloud == "embedded":
            return self.attach_embedded(folder)
        if cloud == "localstack":
            localstack = LocalStackCloud()
            localstack.info()  # raises where nothing answers
            return localstack
        if profile:
            os.environ["AWS_PROFILE"] = profile  # boto3, and the Pulumi CLI that reads outputs
        return AwsCloud(region)

    def engine(self, cloud: Cloud, state_folder: Path) -> Engine:
        """Return the in-process engine on a cloud."""
        from labelstack.engines import InProcessEngine

        return InProcessEngine(PROJECT, cloud, state_folder)

    def pulumi_engine(self, cloud: Cloud, state_folder: Path, cli_folder: Path) -> Engine:
        """Return the Pulumi engine on a cloud."""
        from labelstack.engines import PulumiEngine

        return PulumiEngine(PROJECT, cloud, state_folder / PULUMI, cli_folder)

    def find_pulumi(self, cli_folder: Path) -> None:
        """Find the Pulumi CLI and its AWS provider, which the Pulumi engine needs, or download them."""
        from labelstack.engines.automation import cli

        cli.ready(cli_folder)

    def recorded(self, cloud: Cloud, state_folder: Path, stack: str) -> tuple[str | None, Mapping[str, Any] | None]:
        """Return the engine whose record a stack is in, `in-process` or `pulumi`, and its outputs; None where none.

        A stack has no outputs before the end of its first deployment.
        """
        from labelstack.engines.automation import record
        from labelstack.engines.state import StackState

        by_pulumi = record.read(state_folder / PULUMI, stack, cloud.instance)
        if by_pulumi is not None:
            return PULUMI, by_pulumi.outputs
        state = StackState.load(state_folder / f"{stack}.json", cloud.instance)
        return IN_PROCESS if state.entries else None, state.outputs or None

    def pulumi_outputs(self, stack: str) -> Mapping[str, Any] | None:
        """Return the outputs by the Pulumi CLI; None when it is not installed."""
        return stack_outputs.from_pulumi(PROJECT, stack)

    def results(self, cloud: Cloud, table: str) -> TableResults:
        """Return the read side of a results table."""
        return TableResults(cloud.client("dynamodb"), table)

    def diagnose(
        self, cloud: str, stack: str, folder: Path, *, region: str | None, profile: str | None
    ) -> list[Finding]:
        """Diagnose a stack on a cloud; the embedded cloud is in the folder."""
        from labelstack.diagnosis import checks, setting
        from labelstack.diagnosis.system import System

        system = System(PROJECT)
        return checks.diagnose(setting.read(cloud, stack, PROJECT, system, folder, region=region, profile=profile))
