"""No control character but the command's own reaches a terminal, whatever keys, labels, texts and errors say."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import sys
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from labelstack.cli import app
from labelstack.cli.screen import visible, visible_lines
from tests.labelstack.cli.conftest import Run
from tests.labelstack.cli.fakes import FakeBackend, make_result, refusal

pytestmark = pytest.mark.abuse

EVIL = "\x1b]0;title\x07\x1b[2J\x9b31m\x00\x7f\r\u202egpj\u2066\u200f\u061c\u2028"
UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


@pytest.mark.parametrize("text", ["", "cat.jpg", "übergröße 猫 🐈", "👩‍👩‍👧", "a\u00adb", "שלום"])
def test_text_of_people_stays_as_it_is(text: str) -> None:
    assert visible(text) == visible_lines(text) == text


def test_what_controls_a_terminal_is_an_escape_of_json() -> None:
    assert visible("\x1b[31m\n\t\u202e\udce9") == "\\u001b[31m\\u000a\\u0009\\u202e\\udce9"
    assert json.loads(f'"{visible(EVIL)}"') == EVIL
    assert visible_lines("a\n\tb\x1b") == "a\n\tb\\u001b"


def fill(backend: FakeBackend) -> None:
    """Put all that strangers can write into the table and the log."""
    label: Any = {"name": EVIL, "confidence": Decimal(99), "parents": [EVIL], "aliases": [], "categories": []}
    read: Any = [{"text": EVIL, "type": "LINE", "confidence": Decimal(99)}]
    analysis = {"labels": [{**label, "instances": []}], "moderation": [label], "text": read, "faces": []}
    backend.table.put(make_result(f"uploads/{EVIL}.jpg", **analysis))
    backend.table.put(make_result(f"uploads/{EVIL}.txt", "FAILED", message=EVIL, code=EVIL))
    message = json.dumps({"level": "ERROR", "message": EVIL, "key": EVIL, "exception": EVIL})
    events = [{"timestamp": 4_000_000_000_000, "message": text, "eventId": text} for text in (message, EVIL)]
    backend.cloud.logs.groups["/aws/lambda/the-processor"] = events


COMMANDS = [
    ("result", f"{EVIL}.jpg"),
    ("result", f"{EVIL}.txt"),
    ("result", f"{EVIL}.png"),
    ("labels",),
    ("list",),
    ("search", EVIL),
    ("watch", "--count", "2"),
    ("logs",),
    ("delete", f"{EVIL}.png"),
    ("upload", EVIL.replace("\0", "")),
    (EVIL,),
    ("upload", f"--{EVIL}"),
]


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda arguments: visible(" ".join(arguments))[:20])
@pytest.mark.parametrize("as_json", [False, True])
def test_no_command_lets_strangers_control_the_terminal(
    run: Run, backend: FakeBackend, arguments: tuple[str, ...], as_json: bool
) -> None:
    fill(backend)
    done = run(*arguments, *(["--json"] if as_json else []))

    assert done.output
    assert not UNSAFE.search(done.output)


def test_errors_of_the_cloud_are_made_visible_too(
    run: Run, backend: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise refusal(EVIL, EVIL, 400)

    monkeypatch.setattr(backend.table, "get", refuse)
    done = run("result", "cat.jpg")

    assert done.exit_code == 1
    assert "\\u001b" in done.stderr
    assert not UNSAFE.search(done.output)


@pytest.mark.parametrize(
    "arguments",
    [("result",), ("delete",), ("search",), ("search", "cat", "--cursor"), ("export", "--prefix"), ("logs",)],
)
def test_an_argument_that_is_not_utf_8_is_wrong_usage(run: Run, arguments: tuple[str, ...]) -> None:
    done = run(*arguments, os.fsdecode(b"latin\xe9"))

    assert done.exit_code == 2
    assert "'latin\\udce9' is not UTF-8 text" in done.stderr


@pytest.mark.parametrize("name", ["jsonl", "csv"])
def test_an_export_is_safe_where_a_person_sees_it(
    run: Run, backend: FakeBackend, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    fill(backend)
    monkeypatch.setattr("labelstack.cli.export.is_terminal", lambda: True)

    done = run("export", "--format", name)

    assert "\\u001b" in done.stdout
    assert not UNSAFE.search(done.stdout)


@pytest.mark.parametrize("arguments", [["list"], ["list", "--json"], ["result", "🐈 猫.jpg"], ["result", "猫.jpg"]])
def test_a_stream_that_knows_no_emoji_gets_escapes(
    backend: FakeBackend, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    backend.table.put(make_result("uploads/🐈 猫.jpg"))
    written = {name: io.BytesIO() for name in ("stdout", "stderr")}
    for name, stream in written.items():
        monkeypatch.setattr(sys, name, io.TextIOWrapper(stream, "cp1252", write_through=True))
    monkeypatch.setattr(sys, "argv", ["labelstack", *arguments])
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(app.cli, "main", partial(app.cli.main, obj=backend))

    with pytest.raises(SystemExit):  # and no UnicodeEncodeError
        app.main()

    assert any(stream.getvalue() for stream in written.values())
    if "--json" in arguments:
        assert json.loads(written["stdout"].getvalue())["items"][0]["key"] == "uploads/🐈 猫.jpg"
