"""What the commands work on: a cloud, a stack on it, and the service in the stack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labelstack import outputs as stack_outputs
from labelstack.cli.backend import Backend
from labelstack.clouds import Cloud
from labelstack.errors import NoOutputsError
from labelstack.service import LabelService


@dataclass(frozen=True)
class Target:
    """The cloud and stack that the options name.

    Attributes:
        cloud: `embedded`, `localstack` or `aws`.
        stack: The stack's name.
        state_dir: Where the embedded cloud and the in-process engine keep their state.
        region: AWS region; None for the configured one.
        profile: AWS profile; None for the configured one.
        outputs_file: A JSON file with the stack's outputs; None to look for them.
    """

    cloud: str
    stack: str
    state_dir: Path
    region: str | None = None
    profile: str | None = None
    outputs_file: Path | None = None

    @property
    def cloud_folder(self) -> Path:
        """The embedded cloud's folder."""
        return self.state_dir / "embedded"

    @property
    def stacks_folder(self) -> Path:
        """Where the in-process engine keeps its record of this cloud's stacks."""
        return self.state_dir / "stacks" / self.cloud


@dataclass(frozen=True)
class Connection:
    """A deployed stack, ready to be used."""

    cloud: Cloud
    outputs: Mapping[str, Any]
    service: LabelService

    @property
    def prefix(self) -> str:
        """Where uploads go when the user names no prefix."""
        return str(self.outputs.get("uploadPrefix", ""))


def connect(backend: Backend, target: Target) -> Connection:
    """The running cloud and the stack's outputs.

    Raises:
        LabelstackError: No cloud runs, no stack is deployed, or its outputs cannot be found.
    """
    cloud = backend.connect(target.cloud, target.cloud_folder, region=target.region, profile=target.profile)
    return connection_to(backend, cloud, find_outputs(backend, target, cloud))


def connection_to(backend: Backend, cloud: Cloud, outputs: Mapping[str, Any]) -> Connection:
    """A stack whose outputs are known."""
    results = backend.results(cloud, outputs["resultsTable"])
    return Connection(cloud, outputs, LabelService(cloud.client("s3"), outputs["uploadBucket"], results))


def find_outputs(backend: Backend, target: Target, cloud: Cloud) -> Mapping[str, Any]:
    """The outputs: from the file that was named, the in-process engine's record, LocalStack, or the Pulumi CLI."""
    if target.outputs_file is not None:
        return stack_outputs.check(stack_outputs.from_file(target.outputs_file), f"the file {target.outputs_file}")
    recorded = backend.recorded_outputs(cloud, target.stacks_folder, target.stack) if target.cloud != "aws" else None
    if recorded is not None:
        return stack_outputs.check(recorded, f"stack {target.stack!r}")
    if target.cloud == "embedded":
        raise NoOutputsError(
            f"no stack {target.stack!r} is deployed on the embedded cloud: deploy it with `labelstack up`."
        )
    if target.cloud == "localstack":
        found_there = stack_outputs.published(cloud.client("ssm"), target.stack)
        if found_there is not None:
            return stack_outputs.check(found_there, f"stack {target.stack!r} on LocalStack")
    found = backend.pulumi_outputs(target.stack)
    if found is None:
        raise NoOutputsError(
            f"the outputs of stack {target.stack!r} on {target.cloud} are not known here, and there is no Pulumi CLI "
            f"to ask. Write them to a file where there is one (pulumi stack output --json --stack {target.stack}) and "
            "name the file with --outputs or LABELSTACK_OUTPUTS."
        )
    return stack_outputs.check(found, f"stack {target.stack!r}")
