"""Options that several commands share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import click

from labelstack.cli.backend import PROJECT
from labelstack.cli.target import Target

P = ParamSpec("P")
R = TypeVar("R")

CLOUDS = ("embedded", "localstack", "aws")
DEFAULT_STACKS = {"embedded": "local", "localstack": "local", "aws": "dev"}
ENGINES = ("in-process", "pulumi")
DEFAULT_TIMEOUT_S = 120.0

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs, and nothing else.")

engine_option = click.option(
    "--engine",
    type=click.Choice(ENGINES),
    envvar="LABELSTACK_ENGINE",
    help="Deploys the stack: pulumi is Pulumi itself.  [default: what has deployed it, or in-process]",
)


def timeout_option(what: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """`--timeout S`, as `timeout_s`."""
    return click.option(
        "--timeout",
        "timeout_s",
        type=click.FloatRange(min=0, min_open=True),
        default=DEFAULT_TIMEOUT_S,
        show_default=True,
        metavar="S",
        help=what,
    )


def target_options(command: Callable[Concatenate[Target, P], R]) -> Callable[P, R]:
    """Adds the options that name a cloud and a stack; the command gets them as a Target."""

    @click.option(
        "--cloud",
        type=click.Choice(CLOUDS),
        default="embedded",
        show_default=True,
        envvar="LABELSTACK_CLOUD",
        help="Where the stack is.",
    )
    @click.option("--stack", envvar="LABELSTACK_STACK", help="The stack's name.  [default: local; dev on aws]")
    @click.option("--region", help="AWS region, when not the configured one.")
    @click.option("--profile", help="AWS profile, when not the configured one.")
    @click.option(
        "--outputs",
        "outputs_file",
        type=click.Path(path_type=Path),
        envvar="LABELSTACK_OUTPUTS",
        help="JSON file with the stack's outputs, instead of looking for them.",
    )
    @click.option(
        "--state-dir",
        type=click.Path(path_type=Path, file_okay=False),
        default=PROJECT / ".labelstack",
        show_default=".labelstack in the project",
        envvar="LABELSTACK_STATE_DIR",
        help="Where the embedded cloud lives.",
    )
    @functools.wraps(command)
    def with_target(*args: P.args, **options: P.kwargs) -> R:
        names = ("cloud", "stack", "region", "profile", "outputs_file", "state_dir")
        chosen: dict[str, Any] = {name: options.pop(name) for name in names}
        chosen["stack"] = chosen["stack"] or DEFAULT_STACKS[chosen["cloud"]]
        if chosen["cloud"] != "aws" and (chosen["region"] or chosen["profile"]):
            raise click.UsageError(f"--region and --profile are for --cloud aws; this is --cloud {chosen['cloud']}.")
        return command(Target(**chosen), *args, **options)

    return with_target
