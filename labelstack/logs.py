"""The functions' logs, past and live."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

POLL_S = 1.0
# CloudWatch may show an event some seconds after a later one: each look of a follower goes back so far.
OVERLAP_MS = 10_000


@dataclass(frozen=True)
class LogLine:
    """One event of a log group.

    Attributes:
        function: The function's physical name.
        timestamp_ms: Unix time in milliseconds.
        message: The text, without a newline at its end.
    """

    function: str
    timestamp_ms: int
    message: str


def read(logs: Any, functions: Sequence[str], since_ms: int) -> list[LogLine]:
    """Return the lines of several functions, oldest first; a function that never ran has none.

    Args:
        logs: A CloudWatch Logs client.
        functions: Physical names.
        since_ms: Unix time in milliseconds.
    """
    return [line for _, line in sorted(_events(logs, functions, since_ms).items(), key=_by_time)]


def follow(
    logs: Any, functions: Sequence[str], since_ms: int, sleep: Callable[[float], None] = time.sleep
) -> Iterator[LogLine]:
    """Yield the lines since then, and every new one; never ends."""
    known: dict[str, LogLine] = {}
    start_ms = since_ms
    while True:
        events = _events(logs, functions, start_ms)
        new = {event_id: line for event_id, line in events.items() if event_id not in known}
        yield from (line for _, line in sorted(new.items(), key=_by_time))
        known |= new
        newest_ms = max((line.timestamp_ms for line in known.values()), default=since_ms)
        start_ms = max(since_ms, newest_ms - OVERLAP_MS)
        known = {event_id: line for event_id, line in known.items() if line.timestamp_ms >= start_ms}
        sleep(POLL_S)


def _events(logs: Any, functions: Sequence[str], since_ms: int) -> dict[str, LogLine]:
    lines: dict[str, LogLine] = {}
    for function in functions:
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=f"/aws/lambda/{function}", startTime=since_ms
        )
        try:
            for page in pages:
                for event in page["events"]:
                    line = LogLine(function, int(event["timestamp"]), str(event["message"]).rstrip("\n"))
                    lines[_identity(function, event)] = line
        except logs.exceptions.ResourceNotFoundException:
            continue
    return lines


def _identity(function: str, event: dict[str, Any]) -> str:
    """Return CloudWatch's id of the event; emulators may have none."""
    own = f"{event['timestamp']} {event.get('logStreamName', '')} {event['message']}"
    return f"{function} {event.get('eventId', own)}"


def _by_time(item: tuple[str, LogLine]) -> int:
    return item[1].timestamp_ms
