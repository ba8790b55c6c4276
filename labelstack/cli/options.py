"""Options that several commands share."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click

from labelstack.cli.backend import IN_PROCESS, PULUMI
from labelstack.cli.screen import Screen
from labelstack.cli.target import DEFAULT_STACKS, DEFAULT_STATE_DIR, Target
from labelstack.errors import InputError

SURROGATE = re.compile("[\ud800-\udfff]")  # by which Python spells a byte of an argument that is not UTF-8
NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,2})?")
JSON = click.Option(["--json", "as_json"], is_flag=True, help="Print only JSON, for programs.")
CONNECTION = (
    click.Option(
        ["--cloud"],
        type=click.Choice(tuple(DEFAULT_STACKS)),
        default="embedded",
        show_default=True,
        envvar="LABELSTACK_CLOUD",
        help="The cloud of the stack.",
    ),
    click.Option(["--stack"], envvar="LABELSTACK_STACK", help="The stack's name.  [default: local; dev on aws]"),
    click.Option(["--region"], help="AWS region, if not the configured one."),
    click.Option(["--profile"], help="AWS profile, if not the configured one."),
    click.Option(
        ["--outputs", "outputs_file"],
        type=click.Path(path_type=Path),
        envvar="LABELSTACK_OUTPUTS",
        help="JSON file with the stack's outputs.  [default: found by the command]",
    ),
    click.Option(
        ["--state-dir"],
        type=click.Path(path_type=Path, file_okay=False),
        default=DEFAULT_STATE_DIR,
        show_default=".labelstack in the project",
        envvar="LABELSTACK_STATE_DIR",
        help="The folder of the embedded cloud.",
    ),
)
CONNECTION_NAMES = frozenset({"engine", *(option.name for option in CONNECTION)})


class Command(click.Command):
    """A command that gets the Screen of its run, and the Target that its connection options choose.

    Args:
        examples: For the help; each a whole line for a shell.
        has_json: Whether it has the option `--json`.
        has_target: Whether it has the options that choose a stack, in a group of their own.
    """

    def __init__(
        self,
        *,
        params: list[click.Parameter],
        examples: Sequence[str] = (),
        has_json: bool = True,
        has_target: bool = True,
        **settings: Any,
    ) -> None:
        more = [*([JSON] if has_json else []), *(CONNECTION if has_target else [])]
        super().__init__(params=[*params, *more], **settings)
        self.examples = examples
        self.has_target = has_target

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse; wrong usage where a text is no UTF-8, which keys and labels are. Paths may be any bytes."""
        rest = super().parse_args(ctx, args)
        for parameter in self.get_params(ctx):
            value = ctx.params.get(parameter.name or "")
            for text in value if isinstance(value, tuple) else (value,):
                if isinstance(text, str) and SURROGATE.search(text):
                    raise click.BadParameter(f"{text!r} is not UTF-8 text.", ctx, parameter)
        return rest

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        ctx.params["screen"] = Screen(as_json=ctx.params.pop("as_json", False))
        if self.has_target:
            chosen = {str(option.name): ctx.params.pop(str(option.name)) for option in CONNECTION}
            cloud = chosen["cloud"]
            if cloud != "aws" and (chosen["region"] or chosen["profile"]):
                raise click.UsageError(f"--region and --profile are for --cloud aws; this is --cloud {cloud}.", ctx)
            chosen["stack"] = chosen["stack"] or DEFAULT_STACKS[cloud]
            ctx.params["target"] = Target(ctx.obj, **chosen)
        return super().invoke(ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options in their groups."""
        groups: dict[str, list[tuple[str, str]]] = {"Options": [], "Connection options": []}
        for parameter in self.get_params(ctx):
            if isinstance(parameter, click.Option) and (record := parameter.get_help_record(ctx)) is not None:
                groups["Connection options" if parameter.name in CONNECTION_NAMES else "Options"].append(record)
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


engine_option = click.option(
    "--engine",
    type=click.Choice((IN_PROCESS, PULUMI)),
    envvar="LABELSTACK_ENGINE",
    help="The engine that deploys the stack.  [default: the last one, or in-process]",
)
prefix_option = click.option("--prefix", default="", help="Only pictures whose keys start with this.")
restart_option = click.option("--restart", is_flag=True, help="Start over, not where the last run stopped.")
verbose_option = partial(click.option, "--verbose", "-v", is_flag=True)
yes_option = partial(click.option, "--yes", is_flag=True)
positive_option = partial(click.option, type=Number(min=0, min_open=True))
timeout_option = partial(positive_option, "--timeout", "timeout_s", default=120.0, show_default=True, metavar="S")


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
