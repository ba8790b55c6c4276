"""The `labelstack` command as a user runs it, on a stack that a test run has deployed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from integration_tests.stack import DeployedStack
from labelstack.cli.app import cli
from labelstack.clouds import EmbeddedCloud

PROJECT = Path(__file__).parent.parent
NO_TABLE = "no-such-table"


@dataclass(frozen=True)
class Command:
    """The command in an environment that names a stack: command("labels", "--json", LABELSTACK_API_KEY="…")."""

    settings: Mapping[str, str]

    def __call__(self, *arguments: str | Path, **environment: str) -> Result:
        """Run it in this process, with nobody there to answer questions."""
        runner = CliRunner(env={**self.settings, **environment})
        return runner.invoke(cli, [str(argument) for argument in arguments], catch_exceptions=False)

    def document(self, *arguments: str | Path, **environment: str) -> Any:
        """Run it with --json, and return its document. A failure shows its error."""
        done = self(*arguments, "--json", **environment)
        assert done.exit_code == 0, done.stderr
        return json.loads(done.stdout)

    def start(self, *arguments: str | Path) -> subprocess.Popen[bytes]:
        """Start it in a process of its own, for a test that ends it."""
        return subprocess.Popen(
            [sys.executable, "-m", "labelstack", *arguments],
            cwd=PROJECT,
            env={**os.environ, **self.settings},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


def command_on(stack: DeployedStack, folder: Path, outputs: Mapping[str, Any] | None = None) -> Command:
    """Return the command for a stack.

    Args:
        stack: On an emulator.
        folder: Where what the command needs is written.
        outputs: Instead of the stack's own.
    """
    folder.mkdir()
    file = folder / "outputs.json"
    file.write_text(json.dumps(dict(stack.outputs if outputs is None else outputs)))
    settings = {"LABELSTACK_STATE_DIR": str(folder), "LABELSTACK_OUTPUTS": str(file), "COLUMNS": "200"}
    settings |= {"LABELSTACK_CLOUD": stack.cloud.name}
    if isinstance(stack.cloud, EmbeddedCloud):
        (folder / "embedded").symlink_to(stack.cloud.folder)
    else:
        settings |= {"AWS_ENDPOINT_URL": str(stack.cloud.endpoint_url)}
    return Command(settings)
