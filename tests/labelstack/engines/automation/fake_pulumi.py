"""A stand-in for the Pulumi CLI: takes the commands that the Automation API gives, and keeps each in a file.

It behaves as the scenario in its folder says (`scenario.json`), knows stacks and their passphrases as the file back end
does, and sends engine events over gRPC as the CLI does from 3.206 on.
"""

from __future__ import annotations

import json
import os
import site
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

KEPT_VARIABLES = ("PULUMI_", "AWS_")


def main() -> None:
    """Note the command, then do it."""
    arguments = [argument for argument in sys.argv[1:] if argument != "--non-interactive"]
    home = Path(os.environ["FAKE_PULUMI"])
    scenario = json.loads((home / "scenario.json").read_text())
    if arguments == ["version"]:
        print(scenario["version"])  # noqa: T201 - this is a command
        return
    variables = {name: value for name, value in os.environ.items() if name.startswith(KEPT_VARIABLES)}
    files = {file.name: file.read_text() for file in Path.cwd().glob("Pulumi*.yaml")}
    with (home / "calls.jsonl").open("a") as calls:
        call = {"arguments": arguments, "folder": str(Path.cwd()), "environment": variables, "files": files}
        calls.write(json.dumps(call) + "\n")
    if said := scenario["refused"].get(" ".join(arguments[:2])):
        fail(said)
    COMMANDS[" ".join(arguments[:2]) if arguments[0] in ("stack", "plugin") else arguments[0]](arguments, scenario)


def select(arguments: list[str], scenario: dict[str, Any]) -> None:
    """`stack select --stack NAME`."""
    stack = arguments[arguments.index("--stack") + 1]
    if not state_file(stack).exists():
        fail(f"error: no stack named '{stack}' found")
    check_passphrase(stack)


def init(arguments: list[str], scenario: dict[str, Any]) -> None:
    """`stack init NAME --secrets-provider passphrase`: writes the salt into the stack's file."""
    stack = arguments[2]
    assert arguments[3:] == ["--secrets-provider", "passphrase"]
    state_file(stack).parent.mkdir(parents=True)
    state_file(stack).write_text(passphrase())
    file = Path(f"Pulumi.{stack}.yaml")
    file.write_text(f"encryptionsalt: v1:salt\n{file.read_text()}")


def update(arguments: list[str], scenario: dict[str, Any]) -> None:
    """`up` and `destroy`: send the scenario's events, then end as it says."""
    check_passphrase(arguments[arguments.index("--stack") + 1])
    send(arguments[arguments.index("--event-log") + 1], scenario["events"])
    if scenario["failure"]:
        fail(scenario["failure"])


def output(arguments: list[str], scenario: dict[str, Any]) -> None:
    """`stack output --json`."""
    print(json.dumps(scenario["outputs"]))  # noqa: T201 - this is a command


def history(arguments: list[str], scenario: dict[str, Any]) -> None:
    """`stack history --json`: one update."""
    times = {"startTime": "2026-11-21T10:00:00.000Z", "endTime": "2026-11-21T10:00:01.000Z"}
    entry = {"kind": "update", "message": "", "environment": {}, "config": {}, "result": "succeeded", **times}
    print(json.dumps([entry]))  # noqa: T201 - this is a command


def remove(arguments: list[str], scenario: dict[str, Any]) -> None:
    """`stack rm --yes NAME`: forgets the stack and its file."""
    state_file(arguments[-1]).unlink()
    Path(f"Pulumi.{arguments[-1]}.yaml").unlink()


def send(address: str, events: list[dict[str, Any]]) -> None:
    """Send engine events to whoever started this."""
    if not events:
        return
    site.main()  # packages: all other commands do without, and start faster
    import grpc  # type: ignore[import-untyped]  # gRPC ships no types
    from pulumi.runtime.proto import events_pb2, events_pb2_grpc

    with grpc.insecure_channel(address.removeprefix("tcp://")) as channel:
        requests = (events_pb2.EventRequest(event=json.dumps(event)) for event in events)
        events_pb2_grpc.EventsStub(channel).StreamEvents(requests)


def state_file(stack: str) -> Path:
    """Where the file back end keeps a stack."""
    return Path(os.environ["PULUMI_BACKEND_URL"].removeprefix("file://")) / ".pulumi" / "stacks" / f"{stack}.json"


def passphrase() -> str:
    """By the CLI's own rules."""
    if "PULUMI_CONFIG_PASSPHRASE" in os.environ:
        return os.environ["PULUMI_CONFIG_PASSPHRASE"]
    return Path(os.environ["PULUMI_CONFIG_PASSPHRASE_FILE"]).read_text().strip()


def check_passphrase(stack: str) -> None:
    """Refuse another one than the stack was made with."""
    if passphrase() != state_file(stack).read_text():
        fail("error: getting secrets manager: incorrect passphrase")


def fail(said: str) -> NoReturn:
    """End as the CLI does."""
    sys.stderr.write(said + "\n")
    sys.exit(255)


COMMANDS: dict[str, Callable[[list[str], dict[str, Any]], None]] = {
    "stack select": select,
    "stack init": init,
    "stack output": output,
    "stack history": history,
    "stack rm": remove,
    "plugin install": lambda arguments, scenario: None,
    "up": update,
    "destroy": update,
}

if __name__ == "__main__":
    main()
