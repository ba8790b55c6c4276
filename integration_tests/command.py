"""The `labelstack` command as a user runs it, on a stack that a test run has deployed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from integration_tests.stack import DeployedStack
from labelstack.clouds import EmbeddedCloud

PROJECT = Path(__file__).parent.parent
NO_TABLE = "no-such-table"

Run = Callable[..., subprocess.CompletedProcess[str]]


def command_on(stack: DeployedStack, folder: Path, outputs: Mapping[str, Any] | None = None) -> Run:
    """Runs the command against a stack: run("labels", "--json", LABELSTACK_API_KEY="…").

    Args:
        stack: On an emulator.
        folder: Where what the command needs is written.
        outputs: Instead of the stack's own.
    """
    folder.mkdir()
    if isinstance(stack.cloud, EmbeddedCloud):
        (folder / "embedded").symlink_to(stack.cloud.folder)
    file = folder / "outputs.json"
    file.write_text(json.dumps(dict(stack.outputs if outputs is None else outputs)))
    settings = {"LABELSTACK_STATE_DIR": str(folder), "LABELSTACK_OUTPUTS": str(file), "COLUMNS": "200"}
    settings |= {"LABELSTACK_CLOUD": stack.cloud.name}
    if stack.cloud.name == "localstack":
        settings |= {"AWS_ENDPOINT_URL": str(stack.cloud.endpoint_url)}

    def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "labelstack", *map(str, arguments)],
            cwd=PROJECT,
            env={**os.environ, **settings, **environment},
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run
