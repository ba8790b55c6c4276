"""`logs`: what functions have logged."""

from __future__ import annotations

import json
import time
from itertools import islice
from typing import Any

import pytest

from labelstack import logs as function_logs
from tests.labelstack.cli.conftest import Run
from tests.labelstack.cli.fakes import FakeBackend, FakeLogs

NOW_MS = int(time.time() * 1000)


def event(message: str, ago_ms: int = 0, **more: Any) -> dict[str, Any]:
    return {"timestamp": NOW_MS - ago_ms, "message": message, "eventId": f"{message}{ago_ms}", **more}


@pytest.fixture
def logged(backend: FakeBackend) -> FakeLogs:
    said = {"level": "ERROR", "message": "Event failed", "key": "uploads/a.jpg", "exception": "Traceback: boom"}
    backend.cloud.logs.groups = {
        "/aws/lambda/the-processor": [
            event("START RequestId: 1", 900),
            event(json.dumps(said), 500),
            event('{"_aws": {}, "PicturesLabeled": 1}', 400),
            event("plain\n", 300),
        ],
        "/aws/lambda/the-recorder": [event("recorded", 400)],
    }
    return backend.cloud.logs


def test_shows_all_functions_in_the_order_of_time(run: Run, logged: FakeLogs) -> None:
    lines = run("logs").stdout.splitlines()
    assert [line.split()[-1] for line in lines] == ["key=uploads/a.jpg", "boom", "recorded", "plain"]
    assert "ERROR    Event failed" in lines[0]


def test_shows_the_platform_s_lines_when_asked(run: Run, logged: FakeLogs) -> None:
    shown = run("logs", "--all").stdout
    assert "START RequestId" in shown
    assert "_aws" in shown


@pytest.mark.parametrize("name", ["failureRecorder", "the-recorder"])
def test_shows_one_function(run: Run, logged: FakeLogs, name: str) -> None:
    [line] = run("logs", name).stdout.splitlines()
    assert line.endswith("recorded")


def test_json_keeps_the_message_as_it_is(run: Run, logged: FakeLogs) -> None:
    lines = [json.loads(line) for line in run("logs", "processor", "--json").stdout.splitlines()]
    assert lines[-1] == {"function": "the-processor", "timestamp": NOW_MS - 300, "message": "plain"}


def test_goes_back_as_far_as_asked(run: Run, logged: FakeLogs) -> None:
    run("logs", "--since", "2h")
    assert logged.starts_ms[0] == pytest.approx((time.time() - 7200) * 1000, abs=5000)


@pytest.mark.parametrize("since", ["soon", "10", "-1h"])
def test_a_wrong_time_is_wrong_usage(run: Run, since: str) -> None:
    assert run("logs", f"--since={since}").exit_code == 2


def test_an_unknown_function_is_told(run: Run) -> None:
    done = run("logs", "nobody")
    assert done.exit_code == 1
    assert "failureRecorder, processor" in done.stderr


def test_a_function_that_never_ran_has_logged_nothing(run: Run) -> None:
    done = run("logs")
    assert done.exit_code == 0
    assert "nothing was logged" in done.stderr


def test_following_gives_each_line_once(logged: FakeLogs) -> None:
    group = logged.groups["/aws/lambda/the-recorder"]
    to_come = iter([event("later", 100), event("last")])
    lines = function_logs.follow(logged, ["the-recorder"], NOW_MS - 1000, lambda _: group.append(next(to_come)))
    assert [line.message for line in islice(lines, 3)] == ["recorded", "later", "last"]


def test_events_without_ids_are_told_apart(logged: FakeLogs) -> None:
    logged.groups["/aws/lambda/the-recorder"] = [
        {"timestamp": NOW_MS, "message": "one"},
        {"timestamp": NOW_MS, "message": "two"},
    ]
    assert len(function_logs.read(logged, ["the-recorder"], 0)) == 2
