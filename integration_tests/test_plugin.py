"""The plugin by Pulumi's own CLI: the schema that the CLI gets, and the types of the TypeScript program."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from integration_tests.conftest import PROJECT
from integration_tests.lanes import CLI_FOLDER, Lane
from labelstack.engines.automation import cli

PLUGIN = PROJECT / "component_provider"
DEADLINE_S = 600  # an SDK is generated, and npm fetches Pulumi's own

Run = Callable[..., str]


@pytest.fixture
def run(lane: Lane, tmp_path: Path) -> Run:
    """Return a function that runs a command with Pulumi's CLI on the path and a state of its own."""
    if lane.engine != "pulumi":
        pytest.skip("Pulumi's CLI loads the plugin: this needs --engine pulumi")
    state = tmp_path / "state"
    state.mkdir()
    environment = {
        **os.environ,
        "PATH": f"{Path(cli.find(CLI_FOLDER).command).parent}{os.pathsep}{os.environ['PATH']}",
        "PULUMI_BACKEND_URL": state.as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": "test",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }

    def run_in(folder: Path, *command: str) -> str:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=DEADLINE_S, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run_in


def test_the_cli_gets_the_committed_schema(run: Run, tmp_path: Path) -> None:
    served = json.loads(run(tmp_path, "pulumi", "package", "get-schema", str(PLUGIN)))

    assert {key: value for key, value in served.items() if value} == json.loads((PLUGIN / "schema.json").read_text())


def test_the_typescript_program_has_the_plugins_types(run: Run, tmp_path: Path) -> None:
    if shutil.which("npm") is None:
        pytest.skip("TypeScript's compiler comes by npm: install Node.js")
    if shutil.which("pulumi-language-nodejs", path=str(Path(cli.find(CLI_FOLDER).command).parent)) is None:
        pytest.skip("this Pulumi CLI has no pulumi-language-nodejs beside it, as the one that Pulumi publishes has")
    program = tmp_path / "typescript"
    shutil.copytree(PROJECT / "examples" / "typescript", program)

    run(program, "pulumi", "package", "add", str(PLUGIN))
    run(program, "npm", "install", "--no-audit", "--no-fund")
    run(program, "npx", "tsc")

    assert (program / "sdks" / "labelstack" / "package.json").is_file()
