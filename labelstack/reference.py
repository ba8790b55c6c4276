"""Writes the pages that list what the code defines: `make generated`."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import click

from components.arguments import Member
from labelstack.cli.app import cli
from labelstack.cli.options import CONNECTION, Command
from settings import KEYS, NAMESPACE, PARTS

DOCS = Path(__file__).resolve().parents[1] / "docs"
HEAD = f"""# Settings

<!-- Written by `make generated` from the components' arguments: change those, not this page. -->

Keys of `Pulumi.<stack>.yaml` below `{NAMESPACE}:`, as `{NAMESPACE}:maxLabels: 5`. `pulumi config set maxLabels 5` sets
the same. A list may also be written as a text, `labels,faces`. A wrong value ends the program before anything is
created; the error names the key, the value and what is expected.
"""

COMMANDS_HEAD = """# Commands

<!-- Written by `make generated` from the command's own help: change that, not this page. -->

`labelstack` is in `.venv/bin` once a `make` task has run. `labelstack COMMAND --help` explains the command's options.

Exit status: 0 success, 1 an error with one sentence, 2 wrong usage, 130 stopped by Ctrl-C.

If a stack has an API, `result`, `labels`, `search`, `list` and `watch` use it, signed or with the stack's key. Uploads
go to S3. Without AWS credentials you read with an outputs file and a key:
`LABELSTACK_API_KEY=… labelstack labels --outputs outputs.json`.
"""

CONNECTION_HEAD = """
## Connection options

They choose a stack and its cloud. These variables replace some: `LABELSTACK_CLOUD`, `LABELSTACK_STACK`,
`LABELSTACK_OUTPUTS`, `LABELSTACK_STATE_DIR`, `LABELSTACK_ENGINE`.
"""


def settings_page() -> str:
    """Write `docs/settings.md`: each setting with its default, its values and what it does."""
    titles: dict[str, list[Member]] = {}
    written: set[str] = set()
    for part in PARTS:
        for key in part.settings():
            if key not in written:
                titles.setdefault(part.title, []).append(KEYS[key])
                written.add(key)
    sections = (f"## {title}\n\n{_table(settings)}" for title, settings in titles.items())
    return "\n".join([HEAD, *sections])


def commands_page() -> str:
    """Write `docs/commands.md`: what each command does, the names of its options, and examples."""
    commands = {name: command for name, command in sorted(cli.commands.items()) if isinstance(command, Command)}
    connection: dict[str, str] = {}
    sections = []
    for name, command in commands.items():
        context = click.Context(command, info_name=f"labelstack {name}", parent=None)
        options = [option for option in command.params if isinstance(option, click.Option)]
        records = {option.name: option.get_help_record(context) for option in options}
        connection |= {str(key): _option(record) for key, record in records.items() if key in CONNECTION and record}
        own = [f"`{record[0]}`" for key, record in records.items() if record and key not in CONNECTION]
        summary = inspect.cleandoc(command.help or "").partition("\n\n")[0]
        parts = [f"## {name}", summary, "```\n" + "\n".join(command.examples) + "\n```"]
        sections.append("\n\n".join([*parts, *([f"Options: {', '.join(own)}"] if own else [])]))
    return (
        "\n\n".join([COMMANDS_HEAD.strip(), *sections, CONNECTION_HEAD.strip(), "\n".join(connection.values())]) + "\n"
    )


def _option(record: tuple[str, str]) -> str:
    return f"- `{record[0]}`: {' '.join(record[1].split())}"


def _table(settings: list[Member]) -> str:
    rows = ["| setting | default | values | |", "|---|---|---|---|"]
    rows += [
        f"| `{setting.name}` | {_default(setting)} | {_cell(setting.expected)} | {_cell(setting.description)} |"
        for setting in settings
    ]
    return "\n".join(rows) + "\n"


def _default(setting: Member) -> str:
    """A default as YAML."""
    value: Any = setting.default
    if setting.required or value is None:
        return "required" if setting.required else "none"
    return (
        f"`[{', '.join(value)}]`"
        if isinstance(value, tuple)
        else f"`{value if isinstance(value, str) else json.dumps(value)}`"
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def write() -> None:
    """Write the pages into `docs/`."""
    (DOCS / "settings.md").write_text(settings_page())
    (DOCS / "commands.md").write_text(commands_page())


if __name__ == "__main__":
    write()
