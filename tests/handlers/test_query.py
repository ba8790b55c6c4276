"""The language of searches."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from handlers.results.document import Capture
from handlers.results.errors import InvalidQueryError
from handlers.results.query import Query
from tests.handlers.factories import label, reading

ZERO = Decimal(0)


def matches(text: str, key: str = "trip/IMG_1234 Zoë.jpg", least: Decimal = ZERO, **facts: Any) -> bool:
    """Return whether a picture with a cat at 80 %, an alley and the print "NO parking" matches."""
    result = reading(key, "NO", "parking-lot").result
    result["labels"] = [label("Cat", "80"), label("Cat Alley", "95")]
    result["uploadedAt"] = "2026-01-31T23:59:59.999Z"
    return Query.of(text, min_confidence=least).matches({**result, **facts})  # type: ignore[typeddict-item]  # facts of a test


@pytest.mark.parametrize(
    "styled", ["\U0001d407\U0001d41e\U0001d425\U0001d425\U0001d428", "\uff28\uff25\uff2c\uff2c\uff2f", "\u210cello"]
)
def test_styled_letters_are_letters(styled: str) -> None:
    assert matches(f"name:{styled}", key="hello.jpg")
    assert matches("name:hello", key=f"{styled}.jpg")
    assert Query.of(str(query := Query.of(f"name:{styled}"))) == query


@pytest.mark.parametrize(
    "text",
    [
        "cat",
        "CAT",
        '"cat alley"',
        "-dog",
        "-cattle",
        "text:no",
        'text:"Parking, no!"',
        "TEXT:lot",
        "-text:yes",
        "name:img",
        "name:IMG_12",
        "name:12",
        "name:zoe\u0308",
        "name:.jpg",
        "name:_1234",
        'name:"1234 z"',
        "-name:mg",
        "-name:trip",
        "faces:one",
        "-faces:none",
        "flagged:no",
        "from:2026-01-31",
        "to:2026-01-31",
        "from:2026-01-31 to:2026-01-31 cat -dog text:no name:img faces:one flagged:no",
    ],
)
def test_conditions_that_hold(text: str) -> None:
    assert matches(text, faces=[{}], moderation=[])


@pytest.mark.parametrize(
    "text",
    [
        "dog",
        "alley",
        "-cat",
        "cat dog",
        "text:park",
        'text:"no way"',
        "-text:no",
        "name:mg_1",
        "name:trip",
        "-name:img",
        "faces:group",
        "faces:none",
        "flagged:yes",
        "-flagged:no",
        "to:2026-01-30",
        "from:2026-02-01",
        "cat -text:parking",
    ],
)
def test_conditions_that_do_not_hold(text: str) -> None:
    assert not matches(text, faces=[{}], moderation=[])


CANON: Capture = {"takenAt": "2025-08-01T23:30:00-07:00", "camera": "Canon EOS R5"}


@pytest.mark.parametrize("text", ["camera:canon", 'camera:"EOS canon"', "from:2025-08-01 to:2025-08-01", "-camera:eo"])
def test_what_the_camera_wrote_is_searched(text: str) -> None:
    assert matches(text, capture=CANON)


@pytest.mark.parametrize("text", ["camera:nikon", "camera:r", "-camera:canon", "from:2026-01-31", "from:2025-08-02"])
def test_another_camera_or_day_does_not_match(text: str) -> None:
    assert not matches(text, capture=CANON)


def test_two_faces_are_a_group_and_what_nobody_looked_for_is_neither() -> None:
    assert matches("faces:group", faces=[{}, {}])
    assert not any(matches(text) for text in ("faces:none", "faces:one", "flagged:no", "flagged:yes"))


def test_labels_count_with_a_confidence_also_where_they_must_not_be() -> None:
    assert matches('-cat "cat alley"', least=Decimal(90))
    assert not matches("cat", least=Decimal("80.1"))


def test_a_query_is_written_as_it_is_read() -> None:
    text = '"cat" -"traffic light" text:"no parking" -name:"img_1" faces:"one" from:2026-01-01 to:2026-02-28'

    assert str(Query.of(text)) == text
    assert Query.of(text) == Query.of(f"  {text}  cat")
    assert str(Query.of("dog", ["Cat "])) == '"cat" "dog"'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "name at least one label"),
        ("   ", "name at least one label"),
        ('"cat', '"cat cannot be read: close quotation marks'),
        ('cat"dog"', "cannot be read"),
        ('""', "is empty"),
        ("-", "is no label"),
        ("--cat", "is no label"),
        ("text:", "text: is no label"),
        ("text:---", "has no word"),
        ("colour:red", "colour:red is unknown: use text:, name:"),
        ("faces:two", "faces:two is unknown: faces is none or one or group"),
        ("flagged:maybe", "flagged is yes or no"),
        ("from:yesterday", "from:yesterday is no date: write it as 2026-01-31"),
        ("from:2026-02-30", "is no date"),
        ("to:2026-2-1", "is no date"),
        ("to:\u0662026-01-01", "is no date"),
        ("to:9999-12-31", "is no date"),
        ("-from:2026-01-01", "without a minus"),
        ("to:2026-01-01 to:2026-01-02", "must come once"),
        ("from:2026-02-01 to:2026-01-31", "no picture can match"),
        (" ".join("abcdefghijk"), "it has 11 conditions: use at most 10"),
        ("x" * 4000, "it has 4,000 characters: use at most 1,000"),
        ("ä" * 600, "a label has at most 1000 bytes"),
        ("\ud800", "no Unicode text"),
    ],
)
def test_says_what_cannot_be_read(text: str, problem: str) -> None:
    with pytest.raises(InvalidQueryError) as error:
        Query.of(text)

    assert problem in str(error.value)
    assert len(str(error.value)) < 200


@pytest.mark.parametrize("labels", [[], [""], ["  "], ["\ud800"], ["x" * 1100], [str(n) for n in range(11)]])
def test_labels_that_cannot_be_searched_are_refused(labels: list[str]) -> None:
    with pytest.raises(InvalidQueryError):
        Query.of(labels=labels)
