"""The target of a command: a cloud, a stack on it, and the service in the stack."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labelstack import api_client
from labelstack import outputs as stack_outputs
from labelstack.api_results import ApiResults
from labelstack.cli.backend import PROJECT, Backend
from labelstack.clouds import Cloud
from labelstack.errors import CloudError, NoOutputsError
from labelstack.service import LabelService, Results

DEFAULT_STACKS = {"embedded": "local", "localstack": "local", "aws": "dev"}
DEFAULT_STATE_DIR = PROJECT / ".labelstack"


@dataclass(frozen=True)
class Target:
    """The cloud and stack that the options name.

    Attributes:
        backend: The doors to clouds, engines and tables.
        cloud: `embedded`, `localstack` or `aws`.
        stack: The stack's name.
        state_dir: Where the embedded cloud and the in-process engine keep their state.
        region: AWS region; None for the configured one.
        profile: AWS profile; None for the configured one.
        outputs_file: A JSON file with the stack's outputs; None to look for them.
    """

    backend: Backend
    cloud: str
    stack: str
    state_dir: Path
    region: str | None
    profile: str | None
    outputs_file: Path | None

    @property
    def chosen(self) -> str:
        """Return the options that choose the same stack in another command, each after a space, for hints."""
        options = {}
        if self.stack != DEFAULT_STACKS[self.cloud]:
            options["--stack"] = self.stack
        if self.state_dir != DEFAULT_STATE_DIR:
            options["--state-dir"] = str(self.state_dir)
        return "".join(f" {name} {shlex.quote(value)}" for name, value in options.items())

    @property
    def cloud_folder(self) -> Path:
        """Return the embedded cloud's folder."""
        return self.state_dir / "embedded"

    @property
    def stacks_folder(self) -> Path:
        """Return where the in-process engine keeps its record of this cloud's stacks."""
        return self.state_dir / "stacks" / self.cloud

    @property
    def pulumi_folder(self) -> Path:
        """Return where the Pulumi CLI is downloaded to when none is installed."""
        return self.state_dir / "pulumi"

    def attach(self) -> Cloud:
        """Return the running cloud. Raises CloudError where none runs."""
        return self.backend.connect(self.cloud, self.cloud_folder, region=self.region, profile=self.profile)

    def recorded(self, cloud: Cloud) -> tuple[str | None, Mapping[str, Any] | None]:
        """Return the engine that has deployed the stack, or has begun to, and the recorded outputs; None where none."""
        return self.backend.recorded(cloud, self.stacks_folder, self.stack)

    def reach(self) -> tuple[Cloud, Mapping[str, Any]]:
        """Return the running cloud, and the stack's outputs as `find_outputs` gives them."""
        cloud = self.attach()
        return cloud, self.find_outputs(cloud)

    def connect(self) -> Connection:
        """Return the running cloud, the stack's outputs, and its service.

        Raises:
            LabelstackError: No cloud runs, no stack is deployed, or its outputs cannot be found.
        """
        return Connection.of(self.backend, *self.reach())

    def read_side(self) -> tuple[Results, str]:
        """Return the API where the stack has one, else the table; and the part of a key that a user may leave out.

        An outputs file that names an API needs no cloud unless requests are signed: the API's address, and its key in
        LABELSTACK_API_KEY, replace AWS credentials.

        Raises:
            LabelstackError: As for `connect`.
        """
        try:
            connection = self.connect()
        except CloudError:
            outputs = stack_outputs.from_file(self.outputs_file) if self.outputs_file else {}
            if "apiUrl" not in outputs or api_client.access_of(outputs) == "iam":
                raise
            return _api_results(outputs, None), prefix_of(outputs)
        return connection.service.results, prefix_of(connection.outputs)

    def find_outputs(self, cloud: Cloud) -> Mapping[str, Any]:
        """Return the outputs: from the file that was named, an engine's record, LocalStack, or the Pulumi CLI."""
        if self.outputs_file is not None:
            return stack_outputs.check(stack_outputs.from_file(self.outputs_file), f"the file {self.outputs_file}")
        recorded = self.recorded(cloud)[1] if self.cloud != "aws" else None
        if recorded is not None:
            return stack_outputs.check(recorded, f"stack {self.stack!r}")
        if self.cloud == "embedded":
            raise NoOutputsError(
                f"no stack {self.stack!r} is deployed on the embedded cloud: deploy it by `labelstack up{self.chosen}`."
            )
        if self.cloud == "localstack":
            found_there = stack_outputs.published(cloud.client("ssm"), self.stack)
            if found_there is not None:
                return stack_outputs.check(found_there, f"stack {self.stack!r} on LocalStack")
        published = self.backend.pulumi_outputs(self.stack)
        if published is None and self.cloud == "localstack":
            raise NoOutputsError(
                f"no stack {self.stack!r} is known on the LocalStack at {cloud.endpoint_url}: deploy it with "
                "`labelstack up --cloud localstack` or `docker compose up --wait`. Of one that `pulumi up` has "
                f"deployed, write the outputs to a file (pulumi stack output --json --stack {self.stack}) and name it "
                "with --outputs or LABELSTACK_OUTPUTS."
            )
        if published is None:
            raise NoOutputsError(
                f"the outputs of stack {self.stack!r} on {self.cloud} are not known here, and there is no Pulumi CLI "
                f"to ask. Write them to a file where there is one (pulumi stack output --json --stack {self.stack}) "
                "and name the file with --outputs or LABELSTACK_OUTPUTS."
            )
        return stack_outputs.check(published, f"stack {self.stack!r}")


@dataclass(frozen=True)
class Connection:
    """A deployed stack, ready to be used."""

    cloud: Cloud
    outputs: Mapping[str, Any]
    service: LabelService

    @classmethod
    def of(cls, backend: Backend, cloud: Cloud, outputs: Mapping[str, Any]) -> Connection:
        """Return a stack with known outputs. Results come from its API if it has one; uploads go to S3 directly."""
        results: Results = backend.results(cloud, outputs["resultsTable"])
        if "apiUrl" in outputs:
            results = _api_results(outputs, cloud, results)
        return cls(cloud, outputs, LabelService(cloud.client("s3"), outputs["uploadBucket"], results))


def _api_results(outputs: Mapping[str, Any], cloud: Cloud | None, table: Results | None = None) -> ApiResults:
    api = api_client.connect(outputs, cloud, os.environ.get(api_client.KEY_VARIABLE))
    return ApiResults(api, prefix_of(outputs), table)


def prefix_of(outputs: Mapping[str, Any]) -> str:
    """Return where a stack's uploads go when the user names no prefix, "" for the bucket's root."""
    return str(outputs.get("uploadPrefix", ""))
