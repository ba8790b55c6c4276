"""Cursors: nobody reads, forges or carries them to another query; the keys are renewed under pages in use."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.results import cursor as cursors
from handlers.results import keys
from handlers.results.cursor import RENEWAL_S, CursorKeys, OpenKey
from handlers.results.errors import InvalidCursorError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

pytestmark = pytest.mark.abuse

QUERY = cursors.query_hash(kind="test")
STATE = {"p": ["2026-11-21T09:00:00.000Z", "private/wedding.jpg"], "l": "cat"}
KEY = b"k" * 32


def content_of(cursor: str) -> bytes:
    return base64.urlsafe_b64decode(f"{cursor}===")


def spelled(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


@given(
    st.dictionaries(st.text(st.characters(codec="utf-8")), st.lists(st.text(st.characters(codec="utf-8")), max_size=3))
)
def test_cursor_gives_back_its_state(state: dict[str, Any]) -> None:
    assert cursors.decode([b"x" * 32, KEY], QUERY, cursors.encode(KEY, QUERY, state)) == state


def test_cursor_shows_nothing_and_is_another_each_time() -> None:
    first, second = (content_of(cursors.encode(KEY, QUERY, STATE)) for _ in range(2))

    assert first[:16] != second[:16]
    assert sum(a == b for a, b in zip(first[16:], second[16:], strict=True)) < len(first) / 8
    for word in (b"private", b"cat", b"2026", QUERY.encode(), b'"p"'):
        assert word not in first


def test_any_change_of_a_cursor_is_refused() -> None:
    content = content_of(cursors.encode(KEY, QUERY, STATE))

    for place in range(len(content)):
        changed = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        assert cursors.decode([KEY], QUERY, spelled(changed)) is None
    for length in range(len(content)):
        assert cursors.decode([KEY], QUERY, spelled(content[:length])) is None
        assert cursors.decode([KEY], QUERY, spelled(content[length + 1 :])) is None
    assert cursors.decode([KEY], QUERY, spelled(content + b"\0")) is None


def test_cursor_of_another_query_is_refused() -> None:
    with pytest.raises(InvalidCursorError, match="another query"):
        cursors.decode([KEY], cursors.query_hash(kind="other"), cursors.encode(KEY, QUERY, STATE))


@pytest.mark.parametrize("cursor", ["", "!!!", "é", "A", "x" * 20_000, "eyJ2IjoxfQ"])
def test_malformed_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidCursorError, match="begin with the first page"):
        OpenKey().decode(QUERY, cursor)


@given(st.text())
def test_no_text_breaks_the_decoder(text: str) -> None:
    assert cursors.decode([KEY], QUERY, text) is None


@given(st.binary())
def test_no_bytes_break_the_decoder(content: bytes) -> None:
    assert cursors.decode([KEY], QUERY, spelled(content)) is None


def test_keystream_is_of_another_key_than_the_tag() -> None:
    # The tag of a cursor must be no part of the stream that decrypts another one.
    assert cursors._derived(KEY, b"encryption") != cursors._derived(KEY, b"authentication")


def test_three_positions_of_the_longest_keys_fit_a_cursor() -> None:
    position = "2026-11-21T09:00:00.000Z", "é" * 512

    cursor = cursors.encode(KEY, QUERY, dict.fromkeys(("LABELED", "REJECTED", "FAILED"), position))

    assert len(cursor) <= 8192
    assert cursors.decode([KEY], QUERY, cursor) is not None


# --- the keys


class Clock:
    """A time that a test moves."""

    def __init__(self) -> None:
        self.time = 1_800_000_000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_instances_share_keys_that_the_first_one_made(dynamodb: DynamoDBClient, table_name: str, clock: Clock) -> None:
    first, other = (CursorKeys(dynamodb, table_name, clock) for _ in range(2))

    assert other.decode(QUERY, first.encode(QUERY, STATE)) == STATE
    assert first.decode(QUERY, other.encode(QUERY, STATE)) == STATE


def test_keys_of_another_stack_read_nothing(dynamodb: DynamoDBClient, table_name: str, clock: Clock) -> None:
    cursor = OpenKey().encode(QUERY, STATE)
    table_keys = CursorKeys(dynamodb, table_name, clock)

    for _ in ("before there are keys", "with keys"):
        with pytest.raises(InvalidCursorError):
            table_keys.decode(QUERY, cursor)
        table_keys.encode(QUERY, STATE)


def test_renewal_leaves_pages_in_use_alone_and_ends_older_ones(
    dynamodb: DynamoDBClient, table_name: str, clock: Clock
) -> None:
    writer, reader = (CursorKeys(dynamodb, table_name, clock) for _ in range(2))
    first = writer.encode(QUERY, STATE)
    assert reader.decode(QUERY, first) == STATE

    clock.time += RENEWAL_S
    second = writer.encode(QUERY, STATE)
    for cursor in (first, second):
        assert writer.decode(QUERY, cursor) == STATE
        assert reader.decode(QUERY, cursor) == STATE

    clock.time += RENEWAL_S
    writer.encode(QUERY, STATE)
    assert writer.decode(QUERY, second) == STATE
    with pytest.raises(InvalidCursorError):
        writer.decode(QUERY, first)


def test_instances_that_renew_at_once_agree_on_one_key(
    dynamodb: DynamoDBClient, table_name: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, quick = (CursorKeys(dynamodb, table_name, clock) for _ in range(2))
    slow.encode(QUERY, STATE)
    clock.time += RENEWAL_S
    put = dynamodb.put_item

    def put_after_the_other(**request: Any) -> Any:
        monkeypatch.setattr(dynamodb, "put_item", put)
        quick.encode(QUERY, STATE)
        return put(**request)

    monkeypatch.setattr(dynamodb, "put_item", put_after_the_other)

    assert quick.decode(QUERY, slow.encode(QUERY, STATE)) == STATE


def test_a_warm_instance_asks_for_nothing(dynamodb: DynamoDBClient, table_name: str, clock: Clock) -> None:
    warm = CursorKeys(dynamodb, table_name, clock)
    warm.encode(QUERY, STATE)
    warm.client = None  # type: ignore[assignment]  # any call would fail

    assert warm.decode(QUERY, warm.encode(QUERY, STATE)) == STATE
    with pytest.raises(InvalidCursorError):
        warm.decode(QUERY, "forged")


@pytest.mark.parametrize("change", ["removed", "replaced"])
def test_whoever_takes_the_keys_away_ends_all_cursors(
    dynamodb: DynamoDBClient, table_name: str, clock: Clock, change: str
) -> None:
    warm = CursorKeys(dynamodb, table_name, clock)
    cursor = warm.encode(QUERY, STATE)
    place: Any = {"pk": {"S": keys.CURSOR_KEYS_PK}, "sk": {"S": keys.META}}
    dynamodb.delete_item(TableName=table_name, Key=place)
    if change == "replaced":
        CursorKeys(dynamodb, table_name, clock).encode(QUERY, STATE)

    clock.time += cursors._TRUSTED_S

    with pytest.raises(InvalidCursorError):
        warm.decode(QUERY, cursor)
    assert CursorKeys(dynamodb, table_name, clock).decode(QUERY, warm.encode(QUERY, STATE)) == STATE


def test_an_unknown_cursor_has_the_keys_read_again_but_not_each_time(
    dynamodb: DynamoDBClient, table_name: str, clock: Clock
) -> None:
    warm = CursorKeys(dynamodb, table_name, clock)
    warm.encode(QUERY, STATE)
    dynamodb.delete_item(TableName=table_name, Key={"pk": {"S": keys.CURSOR_KEYS_PK}, "sk": {"S": keys.META}})
    fresh = CursorKeys(dynamodb, table_name, clock).encode(QUERY, STATE)

    with pytest.raises(InvalidCursorError):
        warm.decode(QUERY, fresh)
    clock.time += cursors._READ_AGAIN_S
    assert warm.decode(QUERY, fresh) == STATE
