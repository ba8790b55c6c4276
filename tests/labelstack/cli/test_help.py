"""The help pages, and the commands that hints name."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path

import click
import pytest

from labelstack.cli.app import cli
from labelstack.cli.backend import PROJECT
from labelstack.cli.options import Command
from tests.labelstack.cli.conftest import Run


@pytest.mark.parametrize("name", sorted(cli.commands))
def test_a_help_page_has_examples_that_can_be_run(run: Run, name: str) -> None:
    command = cli.commands[name]
    assert isinstance(command, Command)
    assert command.examples
    for example in command.examples:
        program, called, *arguments = shlex.split(re.split(r" [|>] ", example)[0])
        assert (program, called) == ("labelstack", name)
        command.make_context(name, arguments, resilient_parsing=False)
        assert f"  {example}\n" in run(name, "--help").stdout


def test_the_list_of_commands_cuts_no_sentence(run: Run) -> None:
    assert "..." not in run("--help").stdout.partition("\nCommands:\n")[2]


def test_options_that_choose_a_stack_are_in_a_group_of_their_own(run: Run) -> None:
    own, connection = run("upload", "--help").stdout.split("Connection options:")

    assert "--wait" in own
    assert "--cloud" not in own
    assert all(option in connection for option in ("--cloud", "--stack", "--profile", "--outputs", "--state-dir"))


@pytest.mark.parametrize("columns", ["60", "80"])
@pytest.mark.parametrize("name", sorted(cli.commands))
def test_help_pages_fit_the_terminal(run: Run, monkeypatch: pytest.MonkeyPatch, name: str, columns: str) -> None:
    with click.Context(cli.commands[name], info_name=name, terminal_width=int(columns)) as ctx:
        text = ctx.get_help()

    examples = text.index("Examples:")
    assert max(map(len, text[:examples].splitlines())) <= int(columns)


def sources() -> list[Path]:
    """Return files with texts for people."""
    return sorted([*(PROJECT / "labelstack").rglob("*.py"), *(PROJECT / "handlers").rglob("*.py")])


def test_hints_name_commands_that_exist() -> None:
    named: dict[str, str] = {}
    for source in sources():
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                for match in re.finditer(r"`labelstack ([a-z][a-z-]*)", node.value):
                    named[match[1]] = source.name

    assert len(named) > 8
    assert {name: source for name, source in named.items() if name not in cli.commands} == {}
