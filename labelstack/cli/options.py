"""Options that several commands share."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import click

from labelstack.cli.target import DEFAULT_STACKS, DEFAULT_STATE_DIR, Target
from labelstack.errors import InputError

P = ParamSpec("P")
R = TypeVar("R")

CLOUDS = ("embedded", "localstack", "aws")
ENGINES = ("in-process", "pulumi")
SURROGATE = re.compile("[\ud800-\udfff]")  # by which Python spells a byte of an argument that is not UTF-8
# The options that choose a stack and its cloud.
CONNECTION = frozenset({"cloud", "stack", "region", "profile", "outputs_file", "state_dir", "engine"})
DEFAULT_TIMEOUT_S = 120.0
NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,2})?")


class Command(click.Command):
    """A command whose help has examples, and the options that choose a stack in a group of their own.

    Args:
        examples: Each a whole line for a shell.
    """

    def __init__(self, *arguments: Any, examples: Sequence[str] = (), **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.examples = examples

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse; wrong usage where a text is no UTF-8, which keys and labels are. Paths may be any bytes."""
        rest = super().parse_args(ctx, args)
        for parameter in self.get_params(ctx):
            value = ctx.params.get(parameter.name or "")
            for text in value if isinstance(value, tuple) else (value,):
                if isinstance(text, str) and SURROGATE.search(text):
                    raise click.BadParameter(f"{text!r} is not UTF-8 text.", ctx, parameter)
        return rest

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options in their groups."""
        groups: dict[str, list[tuple[str, str]]] = {"Options": [], "Connection options": []}
        for parameter in self.get_params(ctx):
            if isinstance(parameter, click.Option) and (record := parameter.get_help_record(ctx)) is not None:
                groups["Connection options" if parameter.name in CONNECTION else "Options"].append(record)
        for title, options in groups.items():
            if options:
                with formatter.section(title):
                    formatter.write_dl(options)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        with formatter.section("Examples"):
            formatter.write("".join(f"  {example}\n" for example in self.examples))


def command(name: str | None = None, **settings: Any) -> Callable[[Callable[..., Any]], Command]:
    """Make a Command of a function."""
    return click.command(name, cls=Command, **settings)


class WholeNumber(click.IntRange):
    """A whole number in ASCII digits: Python takes any script's."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number; wrong usage when it is none or out of range."""
        if isinstance(value, str) and not re.fullmatch(r"[+-]?[0-9]+", value):
            self.fail(f"{value!r} is not a whole number.", param, ctx)
        return int(super().convert(value, param, ctx))


class Number(click.FloatRange):
    """A finite number in ASCII digits."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number; wrong usage when it is none or out of range."""
        if isinstance(value, str) and not NUMBER.fullmatch(value):
            self.fail(f"{value!r} is not a number.", param, ctx)
        return float(super().convert(value, param, ctx))


json_option = click.option("--json", "as_json", is_flag=True, help="Print only JSON, for programs.")

engine_option = click.option(
    "--engine",
    type=click.Choice(ENGINES),
    envvar="LABELSTACK_ENGINE",
    help="The engine that deploys the stack.  [default: the last one, or in-process]",
)


def verbose_option(what: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return the option `--verbose`."""
    return click.option("--verbose", "-v", is_flag=True, help=what)


def yes_option(what: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return the option `--yes`, which answers `confirm`."""
    return click.option("--yes", is_flag=True, help=what)


def confirm(question: str, otherwise: str, *, yes: bool) -> None:
    """Ask for confirmation, unless `--yes` has given it.

    Args:
        otherwise: The outcome after a no.

    Raises:
        InputError: The answer is no, or standard input is no terminal.
    """
    if yes:
        return
    try:
        is_confirmed = click.confirm(question, default=False, err=True)
    except click.Abort:  # nobody is there to answer
        click.echo(err=True)
        is_confirmed = False
    if not is_confirmed:
        raise InputError(f"canceled: {otherwise}. Use --yes to skip the question.")


def timeout_option(what: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return the option `--timeout S`, as `timeout_s`."""
    return click.option(
        "--timeout",
        "timeout_s",
        type=Number(min=0, min_open=True),
        default=DEFAULT_TIMEOUT_S,
        show_default=True,
        metavar="S",
        help=what,
    )


def target_options(command: Callable[Concatenate[Target, P], R]) -> Callable[P, R]:
    """Add the options that name a cloud and a stack; the command gets them as a Target."""

    @click.option(
        "--cloud",
        type=click.Choice(CLOUDS),
        default="embedded",
        show_default=True,
        envvar="LABELSTACK_CLOUD",
        help="The cloud of the stack.",
    )
    @click.option("--stack", envvar="LABELSTACK_STACK", help="The stack's name.  [default: local; dev on aws]")
    @click.option("--region", help="AWS region, if not the configured one.")
    @click.option("--profile", help="AWS profile, if not the configured one.")
    @click.option(
        "--outputs",
        "outputs_file",
        type=click.Path(path_type=Path),
        envvar="LABELSTACK_OUTPUTS",
        help="JSON file with the stack's outputs.  [default: found by the command]",
    )
    @click.option(
        "--state-dir",
        type=click.Path(path_type=Path, file_okay=False),
        default=DEFAULT_STATE_DIR,
        show_default=".labelstack in the project",
        envvar="LABELSTACK_STATE_DIR",
        help="The folder of the embedded cloud.",
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
