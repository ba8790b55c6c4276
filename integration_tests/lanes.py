"""The lane of a run: which cloud, which stack, which engine, and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from labelstack.clouds import Cloud
from labelstack.engines import Deployment, InProcessEngine, PulumiEngine, configuration
from labelstack.engines.automation import cli
from labelstack.errors import InputError, PulumiMissingError

# Where `labelstack up --engine pulumi` downloads the CLI to as well.
CLI_FOLDER = Path(__file__).parent.parent / ".labelstack" / "pulumi"
CLOUDS = ("embedded", "localstack", "external", "aws")
ENGINES = ("in-process", "pulumi")
DEFAULT_STACKS = {"aws": "dev"}
# The capabilities that the stack for guests needs.
GUESTS = ("http_api", "cognito")
Engine = InProcessEngine | PulumiEngine


@dataclass(frozen=True)
class Lane:
    """The cloud, stack and engine of a run.

    Attributes:
        cloud: One of CLOUDS.
        stack: The stack's name.
        engine: One of ENGINES; empty on AWS when the stack is deployed there already.
        reason: Why this cloud.
    """

    cloud: str
    stack: str
    engine: str
    reason: str

    def __str__(self) -> str:
        """Describe the lane for the header of a run."""
        how = f"engine {self.engine}" if self.engine else "deployed already"
        return f"cloud {self.cloud} ({self.reason}), stack {self.stack}, {how}"


def choose(
    project: Path,
    cloud: str | None,
    stack: str | None,
    engine: str | None,
    docker_problem: Callable[[], str | None],
) -> Lane:
    """Return the lane that the options name; without a cloud, LocalStack where it can be had, else the embedded cloud.

    Args:
        project: The folder with the stacks' files.
        cloud: `--cloud`.
        stack: `--stack`.
        engine: `--engine`.
        docker_problem: Tells why LocalStack cannot be had; asked only when no cloud is named.

    Raises:
        InputError: The options do not go together.
        ProgramError: There is no such stack.
    """
    reason = "as asked for"
    if cloud is None:
        problem = docker_problem()
        cloud = "localstack" if problem is None else "embedded"
        reason = "Docker and LocalStack's image are there" if problem is None else f"no LocalStack: {problem}"
    if cloud == "aws" and engine == "in-process":
        raise InputError(
            "the engine in-process serves emulators only: on AWS leave --engine out for a stack that is deployed there "
            "already, or let Pulumi deploy one for this run (--engine pulumi)"
        )
    default = "" if cloud == "aws" else "in-process"
    named = stack or DEFAULT_STACKS.get(cloud, "local")
    configuration.stack_file(project, named)
    return Lane(cloud, named, engine or default, reason)


def engine_for(name: str, project: Path, cloud: Cloud, folder: Path) -> Engine:
    """Make the engine of that name.

    Args:
        name: One of ENGINES.
        project: The folder with `Pulumi.yaml`.
        cloud: The cloud that it deploys on.
        folder: Where it keeps what it knows of its stacks.
    """
    if name == "in-process":
        return InProcessEngine(project, cloud, folder)
    return PulumiEngine(project, cloud, folder, CLI_FOLDER)


def up_again(engine: Engine, cloud: Cloud, stack: str, config: Mapping[str, str] | None = None) -> Deployment:
    """Deploy a second time. Where a cloud loses the tags of new alarms, Pulumi's provider first sets them once."""
    if isinstance(engine, PulumiEngine) and not cloud.capabilities.tagged_alarms:
        engine.up(stack, config)
    return engine.up(stack, config)


def machine_updates(engine: Engine, cloud: Cloud) -> int:
    """Count the traced state machines that Pulumi's provider updates each time, as the cloud does not describe them."""
    return int(isinstance(engine, PulumiEngine) and not cloud.capabilities.described_tracing)


def pulumi_problem() -> str | None:
    """Return why Pulumi cannot deploy here (no CLI or no provider, and no download), or None if it can."""
    try:
        cli.ready(CLI_FOLDER)
    except PulumiMissingError as error:
        return str(error)
    return None


def drift(engine: Engine, stack: str) -> int:
    """Count the resources that a refresh changes in a stack's state; the in-process engine has no refresh."""
    if not isinstance(engine, PulumiEngine):
        return 0
    changes = engine.select(stack).refresh(color="never").summary.resource_changes or {}
    return sum(count for kind, count in changes.items() if kind != "same")
