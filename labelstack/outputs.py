"""The outputs of a deployed stack: in a file, in the engine's record, on the emulator itself, or by the Pulumi CLI."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from labelstack.errors import InputError, NoOutputsError

PULUMI_TIMEOUT_S = 60
NEEDED = ("uploadBucket", "resultsTable")

PulumiOutputs = Callable[[Path, str], Mapping[str, Any] | None]


def from_file(file: Path) -> dict[str, Any]:
    """Return the outputs in a JSON file, as `pulumi stack output --json` and `labelstack outputs --json` write them."""
    try:
        outputs = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read the outputs file {str(file)!r}: {error.strerror}.") from error
    except ValueError as error:
        raise InputError(
            f"the outputs file {str(file)!r} is not JSON ({error}): write it with `labelstack outputs --json`."
        ) from error
    if not isinstance(outputs, dict):
        raise InputError(
            f"the outputs file {str(file)!r} must contain a JSON object: write it with `labelstack outputs --json`."
        )
    return outputs


def from_pulumi(project: Path, stack: str) -> dict[str, Any] | None:
    """Return the output of `pulumi stack output` for a stack; None without the Pulumi CLI.

    Raises:
        NoOutputsError: The CLI has no such stack, is not logged in, or does not answer.
    """
    pulumi = shutil.which("pulumi")
    if pulumi is None:
        return None
    command = [pulumi, "stack", "output", "--json", "--stack", stack, "--non-interactive"]
    try:
        done = subprocess.run(
            command, cwd=project, capture_output=True, text=True, timeout=PULUMI_TIMEOUT_S, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired as error:
        raise NoOutputsError(
            f"`{' '.join(command[1:])}` did not answer within {PULUMI_TIMEOUT_S} s: try again, or use --outputs."
        ) from error
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip() or f"exit status {done.returncode}").splitlines()[-1]
        raise NoOutputsError(f"the Pulumi CLI has no outputs of stack {stack!r} ({said}): deploy it, or use --outputs.")
    outputs = json.loads(done.stdout)
    return dict(outputs) if isinstance(outputs, dict) else None


def publish(ssm: Any, stack: str, outputs: Mapping[str, Any]) -> None:
    """Keep the outputs as a parameter on the emulator that the stack is on.

    Another folder or container than the one with the engine's record finds them there, and they go with the emulator.
    """
    ssm.put_parameter(
        Name=_parameter(stack), Value=json.dumps(dict(outputs), separators=(",", ":")), Type="String", Overwrite=True
    )


def published(ssm: Any, stack: str) -> dict[str, Any] | None:
    """Return the outputs that `publish` has kept; None when there are none."""
    parameters = ssm.get_parameters(Names=[_parameter(stack)])["Parameters"]
    return dict(json.loads(parameters[0]["Value"])) if parameters else None


def withdraw(ssm: Any, stack: str) -> None:
    """Remove the outputs that `publish` has stored, if any."""
    ssm.delete_parameters(Names=[_parameter(stack)])


def _parameter(stack: str) -> str:
    return f"/labelstack/{stack}/outputs"


def check(outputs: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    """Return the outputs, if those that every command needs are among them."""
    missing = [name for name in NEEDED if not isinstance(outputs.get(name), str)]
    if missing:
        raise NoOutputsError(f"{where} has no output {' and '.join(missing)}: deploy the stack, then try again.")
    return outputs
