"""Logs in the report of a failed test: the functions' first, cut sensibly, and never a failure themselves."""

from __future__ import annotations

import json
import re
from typing import Any

from botocore.exceptions import EndpointConnectionError

from integration_tests import failure_logs
from integration_tests.running import RunningCloud
from labelstack.errors import CloudError


class FakeCloud:
    """A cloud whose logs have so many lines, or these; none at all when it does not answer."""

    endpoint_url = "http://localhost:4566"

    def __init__(self, lines: int | list[str] | None) -> None:
        self.lines = [f"line {n}" for n in range(lines)] if isinstance(lines, int) else lines

    def client(self, _: str) -> FakeCloud:
        if self.lines is None:
            raise EndpointConnectionError(endpoint_url=self.endpoint_url)
        return self

    def get_paginator(self, _: str) -> FakeCloud:
        return self

    def paginate(self, **_: Any) -> list[dict[str, Any]]:
        events = [
            {"eventId": str(n), "timestamp": n, "message": f"{line}\n"} for n, line in enumerate(self.lines or [])
        ]
        return [{"events": events}]

    @property
    def exceptions(self) -> Any:
        return type("Exceptions", (), {"ResourceNotFoundException": KeyError})


def running(cloud: Any, logs: Any) -> RunningCloud:
    return RunningCloud(cloud, "", "", logs, lambda: True)


def test_last_lines_of_functions_and_cloud_are_shown() -> None:
    lane = running(FakeCloud(100), lambda lines: {"ministack.log": "ready"})

    sections = dict(failure_logs.sections(lane, ["f"], 0))

    first = sections["functions' logs, the last 40 of 100 lines"].splitlines()[0]
    assert re.fullmatch(r"f: \d\d:\d\d:00\.060  line 60", first)
    assert sections["ministack.log, the last 30 lines"] == "ready"


def test_the_cloud_s_own_warnings_stand_first() -> None:
    said = [*(f"INFO GET /queue {n}" for n in range(50)), "WARNING function f failed during startup", "INFO GET /queue"]

    sections = list(failure_logs.sections(running(FakeCloud(1), lambda lines: {"log": "\n".join(said)}), ["f"], 0))

    assert sections[0] == ("log, its warnings", "WARNING function f failed during startup")
    assert [title for title, _ in sections[1:]] == ["functions' logs, 1 lines", "log, the last 30 lines"]


def test_what_a_function_says_is_shown_without_what_every_line_has() -> None:
    every = {"level": "WARNING", "service": "labelstack-local", "function_arn": "arn:aws:lambda:us-east-1:1:function:f"}
    said = json.dumps({**every, "message": "Event failed; it will be retried", "error": "throttled"})
    metrics = json.dumps({"_aws": {"CloudWatchMetrics": []}, "RekognitionCalls": [4.0]})
    lane = running(FakeCloud([said, metrics]), lambda lines: {})

    [text] = dict(failure_logs.sections(lane, ["f"], 0)).values()

    assert text.endswith("WARNING  Event failed; it will be retried  error=throttled")


def test_cloud_that_died_is_told_and_no_error() -> None:
    def unreadable(_: int) -> Any:
        raise CloudError("no Docker answers")

    sections = dict(failure_logs.sections(running(FakeCloud(None), unreadable), ["f"], 0))

    assert sections["functions' logs"].startswith("cannot be read: Could not connect")
    assert sections["the cloud's logs"] == "cannot be read: no Docker answers"


def test_long_lines_are_cut() -> None:
    assert len(failure_logs.cut(["a" * 5000], 10)) < 700
