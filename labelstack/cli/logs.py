"""`logs`: the log of the stack's functions."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click
from rich.text import Text

from labelstack import logs as function_logs
from labelstack.cli.options import command
from labelstack.cli.screen import Screen, visible
from labelstack.cli.target import Target
from labelstack.errors import InputError
from labelstack.logs import LogLine

FUNCTION_OUTPUT = re.compile(r"^(.+)Function$")
UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}
LEVEL_STYLES = {"ERROR": "bold red", "CRITICAL": "bold red", "WARNING": "yellow", "INFO": "green", "DEBUG": "dim"}
# Said on the line already, shown below it, or the same on every line of a function.
LEFT_OUT = {
    *("level", "message", "timestamp", "service", "location", "exception", "exception_name", "stack_trace"),
    *("cold_start", "function_name", "function_memory_size", "function_arn", "function_request_id", "xray_trace_id"),
}
PLATFORM_LINE = re.compile(r"^(INIT_START|START|END|REPORT|EXTENSION|TELEMETRY) ")
METRICS_MARK = '"_aws"'


@command(examples=["labelstack logs --follow", "labelstack logs processor --since 10m"])
@click.argument("function", required=False)
@click.option("--follow", "-f", "following", is_flag=True, help="Follow the log until Ctrl-C.")
@click.option("--since", default="1h", show_default=True, metavar="TIME", help="How far back: 90s, 10m, 2h, 1d.")
@click.option("--all", "everything", is_flag=True, help="Include Lambda's own lines and metrics (EMF).")
def logs(screen: Screen, target: Target, function: str | None, following: bool, since: str, everything: bool) -> None:
    """Show the functions' log.

    FUNCTION is `processor` or `failureRecorder` (an output of the stack without "Function"), or a function's own name.
    Without it, the command shows all functions.
    """
    since_ms = int((time.time() - _seconds(since)) * 1000)
    connection = target.connect()
    names = _functions(connection.outputs, function)
    client = connection.cloud.client("logs")
    lines = function_logs.follow(client, names, since_ms) if following else function_logs.read(client, names, since_ms)
    shown = 0
    for line in lines:
        if not everything and (PLATFORM_LINE.match(line.message) or METRICS_MARK in line.message):
            continue
        shown += 1
        screen.line({"function": line.function, "timestamp": line.timestamp_ms, "message": line.message})
        screen.show(line_text(line))
    if not shown:
        screen.note(f"nothing was logged in the last {since}.")


def _functions(outputs: Mapping[str, Any], function: str | None) -> list[str]:
    known = {match[1]: str(name) for output, name in outputs.items() if (match := FUNCTION_OUTPUT.match(output))}
    if function is None:
        return list(known.values())
    if function in known or function in known.values():
        return [known.get(function, function)]
    raise InputError(f"the stack has no function {function!r}; it has {', '.join(sorted(known)) or 'none'}.")


def _seconds(text: str) -> float:
    match = re.fullmatch(r"([0-9]+)\s*([smhd])", text.strip())
    if match is None:
        raise click.BadParameter(f"{text!r} is not a time like 90s, 10m, 2h or 1d.", param_hint="--since")
    return int(match[1]) * UNITS_S[match[2]]


def line_text(line: LogLine) -> Text:
    """Return a line of Powertools' JSON as time, level, message and other fields, and any other line unchanged."""
    when = datetime.fromtimestamp(line.timestamp_ms / 1000).strftime("%H:%M:%S.%f")[:-3]
    try:
        said = json.loads(line.message)
    except ValueError:
        said = None
    if not isinstance(said, dict) or "message" not in said:
        return Text.assemble((when, "dim"), "  ", line.message)
    level = str(said.get("level", ""))
    others = {name: value for name, value in said.items() if name not in LEFT_OUT and value is not None}
    more = "  ".join(f"{name}={_value(value)}" for name, value in others.items())
    trace = f"\n{said['exception']}" if "exception" in said else ""
    styled_level = (f"  {level:<7}  ", LEVEL_STYLES.get(level, ""))
    return Text.assemble((when, "dim"), styled_level, _value(said["message"]), "  ", (more, "dim"), (trace, "red"))


def _value(value: object) -> str:
    return visible(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
