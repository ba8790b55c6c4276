"""The target of a command: a cloud, a stack on it, and the service in the stack."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handlers.results.erasure import Erasure
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


@dataclass(frozen=True)
class Connection:
    """A deployed stack, ready to be used."""

    cloud: Cloud
    outputs: Mapping[str, Any]
    service: LabelService

    @property
    def prefix(self) -> str:
        """Return where uploads go when the user names no prefix."""
        return str(self.outputs.get("uploadPrefix", ""))

    @property
    def erasure(self) -> Erasure:
        """Return an eraser of the stack's pictures, with the caller's rights."""
        s3, dynamodb = self.cloud.client("s3"), self.cloud.client("dynamodb")
        uploads, table = self.outputs["uploadBucket"], self.outputs["resultsTable"]
        documents, previews = self.outputs.get("resultsBucket"), self.outputs.get("previewsBucket")
        return Erasure(s3, dynamodb, uploads, table, documents, previews)


@dataclass(frozen=True)
class ReadSide:
    """The connection of a command that only reads.

    Attributes:
        results: The API where the stack has one, else the table.
        prefix: The part of a key that a user may leave out.
    """

    results: Results
    prefix: str

    @property
    def blind_spot(self) -> str:
        """Return a sentence about the pictures that the API hides, or "" if it hides none."""
        if isinstance(self.results, ApiResults) and not self.results.sees_all:
            return f"; the API shows pictures below {self.prefix!r} only"
        return ""


def read_side(backend: Backend, target: Target) -> ReadSide:
    """Return the read side of the stack.

    An outputs file that names an API needs no cloud unless requests are signed: the API's address, and its key in
    LABELSTACK_API_KEY, replace AWS credentials.

    Raises:
        LabelstackError: As for `connect`.
    """
    try:
        connection = connect(backend, target)
    except CloudError:
        outputs = stack_outputs.from_file(target.outputs_file) if target.outputs_file else {}
        if "apiUrl" not in outputs or api_client.access_of(outputs) == "iam":
            raise
        prefix = str(outputs.get("uploadPrefix", ""))
        return ReadSide(ApiResults(api_client.connect(outputs, None, _api_key()), prefix), prefix)
    return ReadSide(connection.service.results, connection.prefix)


def connect(backend: Backend, target: Target) -> Connection:
    """Return the running cloud and the stack's outputs.

    Raises:
        LabelstackError: No cloud runs, no stack is deployed, or its outputs cannot be found.
    """
    return connection_to(backend, *reach(backend, target))


def reach(backend: Backend, target: Target) -> tuple[Cloud, Mapping[str, Any]]:
    """Return the running cloud, and the stack's outputs as `find_outputs` gives them."""
    cloud = backend.connect(target.cloud, target.cloud_folder, region=target.region, profile=target.profile)
    return cloud, find_outputs(backend, target, cloud)


def connection_to(backend: Backend, cloud: Cloud, outputs: Mapping[str, Any]) -> Connection:
    """Return a stack with known outputs. Results come from its API if it has one; uploads go to S3 directly."""
    results: Results = backend.results(cloud, outputs["resultsTable"])
    if "apiUrl" in outputs:
        prefix = str(outputs.get("uploadPrefix", ""))
        results = ApiResults(api_client.connect(outputs, cloud, _api_key()), prefix, results)
    return Connection(cloud, outputs, LabelService(cloud.client("s3"), outputs["uploadBucket"], results))


def find_outputs(backend: Backend, target: Target, cloud: Cloud) -> Mapping[str, Any]:
    """Return the outputs: from the file that was named, an engine's record, LocalStack, or the Pulumi CLI."""
    if target.outputs_file is not None:
        return stack_outputs.check(stack_outputs.from_file(target.outputs_file), f"the file {target.outputs_file}")
    recorded = backend.recorded_outputs(cloud, target.stacks_folder, target.stack) if target.cloud != "aws" else None
    if recorded is not None:
        return stack_outputs.check(recorded, f"stack {target.stack!r}")
    if target.cloud == "embedded":
        raise NoOutputsError(
            f"no stack {target.stack!r} is deployed on the embedded cloud: deploy it by `labelstack up{target.chosen}`."
        )
    if target.cloud == "localstack":
        found_there = stack_outputs.published(cloud.client("ssm"), target.stack)
        if found_there is not None:
            return stack_outputs.check(found_there, f"stack {target.stack!r} on LocalStack")
    published = backend.pulumi_outputs(target.stack)
    if published is None and target.cloud == "localstack":
        raise NoOutputsError(
            f"no stack {target.stack!r} is known on the LocalStack at {cloud.endpoint_url}: deploy it with "
            "`labelstack up --cloud localstack` or `docker compose up --wait`. Of one that `pulumi up` has deployed, "
            f"write the outputs to a file (pulumi stack output --json --stack {target.stack}) and name it with "
            "--outputs or LABELSTACK_OUTPUTS."
        )
    if published is None:
        raise NoOutputsError(
            f"the outputs of stack {target.stack!r} on {target.cloud} are not known here, and there is no Pulumi CLI "
            f"to ask. Write them to a file where there is one (pulumi stack output --json --stack {target.stack}) and "
            "name the file with --outputs or LABELSTACK_OUTPUTS."
        )
    return stack_outputs.check(published, f"stack {target.stack!r}")


def _api_key() -> str | None:
    return os.environ.get(api_client.KEY_VARIABLE)
