"""Writes the pages of settings, commands and outputs from the code: `make generated`."""

from __future__ import annotations

import ast
import inspect
import json
import re
from pathlib import Path
from typing import Any

from components.arguments import Member
from labelstack.cli.app import cli
from labelstack.cli.options import Command
from settings import KEYS, NAMESPACE, PARTS

DOCS = Path(__file__).resolve().parents[1] / "docs"
HEAD = f"""# Settings

<!-- Written by `make generated` from the components' arguments: change those, not this page. -->

Write settings into `Pulumi.<stack>.yaml`, as `{NAMESPACE}:maxLabels: 5`, or run `pulumi config set maxLabels 5`.
Defaults are in brackets. A wrong value ends the program before it creates anything.
"""

COMMANDS_HEAD = """# Commands

<!-- Written by `make generated` from the command's own help: change that, not this page. -->

`labelstack` is in `.venv/bin`; `labelstack COMMAND --help` explains options. These variables choose a stack:
`LABELSTACK_CLOUD`, `LABELSTACK_STACK`, `LABELSTACK_OUTPUTS`, `LABELSTACK_STATE_DIR`, `LABELSTACK_ENGINE`.

The exit status is 0 after success, 1 after an error, 2 after wrong usage, 130 after Ctrl-C.

`result`, `labels`, `search`, `list` and `watch` use the stack's API if there is one. They then need no AWS credentials:
`LABELSTACK_API_KEY=… labelstack labels --outputs outputs.json`.
"""


OUTPUTS_HEAD = """# Outputs

<!-- Written by `make generated` from the table of outputs in __main__.py: change that, not this page. -->

`labelstack outputs` prints all of them, as JSON with `--json`. `pulumi stack output apiUrl` prints one.
"""


def settings_page() -> str:
    """Return `docs/settings.md`: each setting with its values, its default and its description."""
    titles: dict[str, list[Member]] = {}
    written: set[str] = set()
    for part in PARTS:
        for key in part.keys.values():
            if key not in written:
                titles.setdefault(part.title, []).append(KEYS[key])
                written.add(key)
    sections = (f"## {title}\n\n{_table(settings)}" for title, settings in titles.items())
    return "\n".join([HEAD, *sections])


def commands_page() -> str:
    """Return `docs/commands.md`: each command with its examples and its summary."""
    commands = {name: command for name, command in sorted(cli.commands.items()) if isinstance(command, Command)}
    lines = []
    for command in commands.values():
        summary = inspect.cleandoc(command.help or "").partition("\n\n")[0]
        examples = ", ".join(f"`{example}`" for example in command.examples)
        lines.append(f"- {examples}: {' '.join(summary.split())}")
    return COMMANDS_HEAD + "\n" + "\n".join(lines) + "\n"


def outputs_page() -> str:
    """Write `docs/outputs.md`: the stack's outputs by the setting that brings them, as `__main__.py` lists them."""
    program = ast.parse((DOCS.parent / "__main__.py").read_text())
    table = next(
        node.value for node in program.body if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "outputs"
    )
    assert isinstance(table, ast.Dict)
    rows = ["| with | outputs |", "|---|---|"]
    for setting, outputs in zip(filter(None, table.keys), table.values, strict=True):
        names = next(node.keys for node in ast.walk(outputs) if isinstance(node, ast.Dict))
        cell = ", ".join(f"`{ast.literal_eval(name)}`" for name in names if name)
        rows.append(f"| {ast.literal_eval(setting)} | {cell} |")
    return "\n".join([OUTPUTS_HEAD, *rows, ""])


def _table(settings: list[Member]) -> str:
    rows = ["|setting|values||", "|---|---|---|"]
    rows += [f"|`{setting.name}`|{_values(setting)}|{_cell(setting.description)}|" for setting in settings]
    return "\n".join(rows) + "\n"


def _values(setting: Member) -> str:
    """Return the values of a setting, and its default as YAML."""
    known = r"^a (whole )?number (of |from )| of different items(?=, each)|, each at most once( and without a comma)?$"
    values = _cell(re.sub(known, "", setting.expected))
    values = re.sub(r"^one of (\d+), .+, (\d+)$", r"a number of days that CloudWatch offers, \1 to \2", values)
    value: Any = setting.default
    if setting.required or value is None:
        return f"{values} (required)" if setting.required else values
    text = (
        f"[{', '.join(value)}]" if isinstance(value, tuple) else value if isinstance(value, str) else json.dumps(value)
    )
    return f"(`{text}`)" if isinstance(value, bool) else f"{values} (`{text}`)"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def write() -> None:
    """Write the pages into `docs/`."""
    (DOCS / "settings.md").write_text(settings_page())
    (DOCS / "commands.md").write_text(commands_page())
    (DOCS / "outputs.md").write_text(outputs_page())


if __name__ == "__main__":
    write()
