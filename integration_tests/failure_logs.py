"""Show the logs of functions and cloud in the report of a failed test."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from integration_tests.running import RunningCloud
from labelstack import logs
from labelstack.cli.logs import METRICS_MARK, line_text
from labelstack.errors import CloudError

FUNCTION_LINES = 40
CLOUD_LINES = 30
SEARCHED_LINES = 2000
LINE_CHARACTERS = 600
WARNING = re.compile(r"\b(WARN|WARNING|ERROR|CRITICAL)\b|Traceback|Error: ")


def sections(running: RunningCloud, functions: list[str], since_ms: int) -> Iterator[tuple[str, str]]:
    """Yield titles and texts: the cloud's own warnings, then the functions' logs, or why one cannot be read.

    Args:
        running: The cloud.
        functions: Physical names.
        since_ms: When the test began, Unix time in milliseconds.
    """
    try:
        for source, text in running.logs(SEARCHED_LINES).items():
            if warnings := [line for line in text.splitlines() if WARNING.search(line)]:
                yield f"{source}, its warnings", cut(warnings, CLOUD_LINES)
    except (CloudError, OSError):
        pass  # reported below
    try:
        log_lines = logs.read(running.cloud.client("logs"), functions, since_ms)
        lines = [f"{line.function}: {line_text(line).plain}" for line in log_lines if METRICS_MARK not in line.message]
        yield f"functions' logs, {shown(lines, FUNCTION_LINES)}", cut(lines, FUNCTION_LINES)
    except (BotoCoreError, ClientError, OSError) as error:
        yield "functions' logs", f"cannot be read: {error}"
    try:
        for source, text in running.logs(CLOUD_LINES).items():
            yield f"{source}, the last {CLOUD_LINES} lines", cut(text.splitlines(), CLOUD_LINES)
    except (CloudError, OSError) as error:
        yield "the cloud's logs", f"cannot be read: {error}"


def cut(lines: list[str], count: int) -> str:
    """Return the last lines, each cut to a screen's width."""
    kept = [line if len(line) <= LINE_CHARACTERS else f"{line[:LINE_CHARACTERS]} …" for line in lines[-count:]]
    return "\n".join(kept) or "(nothing)"


def shown(lines: list[str], count: int) -> str:
    """Return how many of the lines are shown."""
    return f"{len(lines)} lines" if len(lines) <= count else f"the last {count} of {len(lines)} lines"


def functions_of(running: RunningCloud, outputs: Mapping[str, Any]) -> list[str]:
    """Return the functions of a stack, or all functions of an emulator, which is the run's own."""
    named = [str(value) for name, value in outputs.items() if name.endswith("Function")]
    if running.cloud.endpoint_url is None:
        return named
    try:
        pages = running.cloud.client("lambda").get_paginator("list_functions").paginate()
        return sorted(function["FunctionName"] for page in pages for function in page["Functions"])
    except (BotoCoreError, ClientError):
        return named
