"""README's first session as a new user runs it, then the command: a process for each step, in a copy of the project."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[3]
SAMPLES = PROJECT / "samples"
COPIED = ("api", "components", "handlers", "labelstack", "rekognition_local", "requirements", "web")
# Of the samples too, as to label all 20 takes the time of the rest.
PICTURES = ("cat.png", "coffee.jpg", "macaw.jpg")
VARYING = re.compile(r"\d[\d.,:TZ-]*\d|\d")

Command = Callable[..., subprocess.CompletedProcess[str]]


def first_session() -> dict[str, list[str]]:
    """Return the commands of README's first session, each with the lines that README shows for it."""
    section = (PROJECT / "README.md").read_text().partition("## Your first session\n")[2]
    block = section.partition("```\n")[2].partition("```")[0]
    steps = [step.splitlines() for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]
    return {command: [line for line in lines if line != "…"] for command, *lines in steps}


SESSION = first_session()


def pattern(line: str) -> str:
    """Return a regular expression for a line whose numbers, times and columns' widths vary."""
    words = [r"\d[\d.,:TZ-]*".join(map(re.escape, VARYING.split(word))) for word in line.split()]
    return r"^\s*" + r"\s+".join("─+" if "─" in word else word for word in words) + r"\s*$"


def fresh_copy(folder: Path) -> Path:
    """Return a clone as `make` leaves it: this environment, and the packages of the functions."""
    for name in COPIED:
        shutil.copytree(PROJECT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
    for path in PROJECT.iterdir():
        if path.is_file():
            shutil.copy2(path, folder / path.name)
    (folder / "samples").mkdir()
    for name in (*PICTURES, "LICENSES.md", "answers.yaml"):
        shutil.copy2(SAMPLES / name, folder / "samples" / name)
    (folder / ".venv").mkdir()
    for path in Path(sys.prefix).iterdir():
        (folder / ".venv" / path.name).symlink_to(path)
    (folder / ".venv" / ".local").unlink(missing_ok=True)
    (folder / ".venv" / ".local").touch()
    (PROJECT / ".labelstack" / "packages").mkdir(parents=True, exist_ok=True)
    (folder / ".labelstack").mkdir()
    (folder / ".labelstack" / "packages").symlink_to(PROJECT / ".labelstack" / "packages")
    return folder


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fresh_copy(tmp_path_factory.mktemp("clone"))


@pytest.fixture(scope="module")
def session(clone: Path) -> Iterator[dict[str, str]]:
    """Yield the output of each command of README's first session; the last one runs at the end and takes all down."""
    browser = clone / "browser"
    browser.write_text('#!/bin/sh\necho "$1" > opened\n')
    browser.chmod(0o755)
    environment = {**os.environ, "COLUMNS": "100", "BROWSER": str(browser), "PYTHONPATH": str(clone)}
    environment.pop("MAKEFLAGS", None)

    def run(command: str) -> str:
        done = subprocess.run(
            shlex.split(command), cwd=clone, env=environment, text=True, encoding="utf-8", timeout=280, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
        return done.stdout

    *commands, last = SESSION
    try:
        yield {command: run(command) for command in commands}
    finally:
        output = run(last)
    assert [line for line in SESSION[last] if not re.search(pattern(line), output, re.MULTILINE)] == []


@pytest.fixture(scope="module")
def labelstack(clone: Path, session: dict[str, str]) -> Command:
    """Return a function that runs `labelstack` against the stack of the session."""
    broken = clone / "config"
    broken.write_text("[profile x\nbroken", encoding="utf-8")
    # None of these is an emulator's business; and not every terminal knows every character.
    strange = {"AWS_PROFILE": "nope", "AWS_CONFIG_FILE": str(broken), "AWS_SHARED_CREDENTIALS_FILE": str(broken)}
    strange["PYTHONIOENCODING"] = "cp1252"
    environment = {**os.environ, **strange, "PYTHONPATH": str(clone), "COLUMNS": "100"}

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "labelstack", *map(str, arguments)]
        return subprocess.run(
            command, cwd=clone, env=environment, capture_output=True, text=True, errors="replace", timeout=180
        )

    return run


def test_the_first_session_is_as_readme_shows_it(session: dict[str, str], clone: Path) -> None:
    assert len(SESSION) == 5
    for command, output in session.items():
        missing = [line for line in SESSION[command] if not re.search(pattern(line), output, re.MULTILINE)]
        assert missing == [], f"{command}:\n{output}"
    upload = next(output for command, output in session.items() if " upload " in command)
    assert f"{len(PICTURES)} pictures uploaded, {len(PICTURES)} labeled, 2 left out of folders" in upload
    with urllib.request.urlopen((clone / "opened").read_text().strip()) as page:
        assert b"Labelstack" in page.read()


def test_a_picture_s_way_from_upload_to_deletion(labelstack: Command) -> None:
    uploaded = labelstack("upload", SAMPLES / "cat.png", "--wait", "--json")
    assert uploaded.returncode == 0, uploaded.stderr
    line = json.loads(uploaded.stdout)
    assert (line["key"], line["status"]) == ("uploads/cat.png", "LABELED")

    document = json.loads(labelstack("result", "cat.png", "--json").stdout)
    assert document["versionId"] == line["versionId"]
    names = {label["name"] for label in document["labels"]}
    assert "Cat" in names
    assert json.loads(labelstack("labels", "--json").stdout)["Cat"] == 2

    answer = json.loads(labelstack("search", "cat", "--json").stdout)
    assert {item["key"] for item in answer["items"]} == {"uploads/cat.png", "uploads/samples/cat.png"}
    [exported] = map(json.loads, labelstack("export", "--prefix", "uploads/cat").stdout.splitlines())
    assert exported == {"schemaVersion": 1, **document}

    assert labelstack("delete", "cat.png").returncode == 0
    assert labelstack("result", "cat.png").returncode == 1
    answer = json.loads(labelstack("search", "cat", "--json").stdout)
    assert [item["key"] for item in answer["items"]] == ["uploads/samples/cat.png"]


def test_a_file_that_is_no_picture_is_rejected(labelstack: Command, tmp_path: Path) -> None:
    (tmp_path / "no picture+ü 🐈.jpg").write_text("only text")
    uploaded = labelstack("upload", tmp_path, "--wait", "--json", "--prefix", "")
    assert uploaded.returncode == 0, uploaded.stderr
    line = json.loads(uploaded.stdout)
    assert (line["key"], line["status"]) == (f"{tmp_path.name}/no picture+ü 🐈.jpg", "REJECTED")
    assert line["code"] == "NOT_AN_IMAGE"


def test_watch_and_logs_show_what_happened(labelstack: Command) -> None:
    labelstack("upload", SAMPLES / "coffee.jpg", "--wait")
    assert labelstack("watch", "--count", "1", "--recent", "1", "--json").returncode == 0
    logged = labelstack("logs", "processor")
    assert logged.returncode == 0, logged.stderr
    assert "uploads/coffee.jpg" in logged.stdout
