"""Cursors that are not ours are refused, whatever they are."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.results import cursor as cursors
from handlers.results.errors import InvalidCursorError

QUERY = cursors.query_hash(kind="test")


def raw(content: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode()


def test_cursor_gives_back_its_state() -> None:
    state = {"p": ["2026#é", "key"], "l": "cat"}

    assert cursors.decode(QUERY, cursors.encode(QUERY, state)) == state


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "!!!",
        "é",
        "A",
        "x" * 20_000,
        raw([]),
        raw({"v": 1}),
        raw({"v": 1, "q": QUERY, "s": "text"}),
        raw({"v": 2, "q": QUERY, "s": {}}),
        raw({"v": 1, "q": "other", "s": {}}),
    ],
)
def test_malformed_or_foreign_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidCursorError):
        cursors.decode(QUERY, cursor)


@given(st.text())
def test_no_text_breaks_the_decoder(text: str) -> None:
    with pytest.raises(InvalidCursorError):
        cursors.decode(QUERY, text)


@given(st.binary())
def test_no_bytes_break_the_decoder(content: bytes) -> None:
    with pytest.raises(InvalidCursorError):
        cursors.decode(QUERY, base64.urlsafe_b64encode(content).decode())


@pytest.mark.parametrize("value", [None, 5, [], ["a"], ["a", 1], ["a", ""], ["a", "b", "c"], ["\ud800", "b"], {}])
def test_position_that_is_no_pair_of_texts_is_refused(value: object) -> None:
    with pytest.raises(InvalidCursorError):
        cursors.position(value)
