"""The command as a user runs it: a process for each step, on an embedded cloud in a folder of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[3]
SAMPLES = PROJECT / "samples"

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def labelstack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    """Runs `labelstack` against one deployed stack, which is taken down at the end."""
    state = tmp_path_factory.mktemp("state")
    environment = {**os.environ, "LABELSTACK_STATE_DIR": str(state), "COLUMNS": "100"}

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "labelstack", *map(str, arguments)]
        return subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=180)

    up = run("up", "--json")
    try:
        assert up.returncode == 0, up.stderr
        assert json.loads(up.stdout)["uploadBucket"]
        yield run
    finally:
        down = run("down")
    assert down.returncode == 0, down.stderr
    assert run("outputs").returncode == 1


def test_a_picture_s_way_from_upload_to_deletion(labelstack: Command) -> None:
    uploaded = labelstack("upload", SAMPLES / "cat.png", "--wait", "--json")
    assert uploaded.returncode == 0, uploaded.stderr
    line = json.loads(uploaded.stdout)
    assert (line["key"], line["status"]) == ("uploads/cat.png", "LABELED")

    document = json.loads(labelstack("result", "cat.png", "--json").stdout)
    assert document["versionId"] == line["versionId"]
    names = {label["name"] for label in document["labels"]}
    assert "Cat" in names
    assert json.loads(labelstack("labels", "--json").stdout)["Cat"] == 1

    found = json.loads(labelstack("search", "cat", "--json").stdout)
    assert [item["key"] for item in found["items"]] == ["uploads/cat.png"]
    [exported] = map(json.loads, labelstack("export", "--prefix", "uploads/").stdout.splitlines())
    assert exported == {"schemaVersion": 1, **document}

    assert labelstack("delete", "cat.png").returncode == 0
    assert labelstack("result", "cat.png").returncode == 1
    assert json.loads(labelstack("search", "cat", "--json").stdout) == {"items": []}


def test_a_file_that_is_no_picture_is_rejected(labelstack: Command, tmp_path: Path) -> None:
    (tmp_path / "no picture+ü.jpg").write_text("only text")
    uploaded = labelstack("upload", tmp_path, "--wait", "--json", "--prefix", "")
    assert uploaded.returncode == 0, uploaded.stderr
    line = json.loads(uploaded.stdout)
    assert (line["key"], line["status"]) == (f"{tmp_path.name}/no picture+ü.jpg", "REJECTED")
    assert line["code"] == "NOT_AN_IMAGE"


def test_watch_and_logs_show_what_happened(labelstack: Command) -> None:
    labelstack("upload", SAMPLES / "coffee.jpg", "--wait")
    assert labelstack("watch", "--count", "1", "--recent", "1", "--json").returncode == 0
    logged = labelstack("logs", "processor")
    assert logged.returncode == 0, logged.stderr
    assert "uploads/coffee.jpg" in logged.stdout


def test_a_second_up_changes_nothing(labelstack: Command) -> None:
    again = labelstack("up", "--json")
    assert again.returncode == 0, again.stderr
    assert "created" not in again.stderr
    assert "unchanged" in again.stderr
