"""The language of searches: conditions that a picture must meet or must not meet. Pure.

    cat -dog "traffic light" text:stop name:IMG_12 faces:group flagged:no from:2026-01-01 to:2026-02-01

All conditions hold at once. A word is a label; a minus turns a condition round; quotes hold words together.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final, Literal, Self, TypeAlias

from . import keys
from .document import Result
from .errors import InvalidQueryError
from .keys import camera_words, classes, date_of, folded, is_named, words_of, words_read

Order: TypeAlias = Literal["newest", "confidence", "taken"]
"""`newest` first, or by the `confidence` of the first label, highest first, or by the date when they were `taken`,
latest first; where dates alone find, always by date.
"""

MAX_CONDITIONS: Final = 10
MAX_CHARACTERS: Final = 1000
_SHOWN_CHARACTERS: Final = 60
_TOKEN: Final = re.compile(r'\s*(-?)(?:([A-Za-z]+):)?("[^"]*"|[^\s"]+)(?=\s|$)')
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
"""Half of a character, which UTF-8 cannot write."""
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


class Kind(StrEnum):
    """The subject of a condition: its word before the colon, but for labels."""

    LABEL = "label"
    TEXT = "text"
    NAME = "name"
    FACES = "faces"
    FLAGGED = "flagged"
    CAMERA = "camera"


_CONDITIONS: Final = tuple(str(kind) for kind in Kind if kind is not Kind.LABEL)
_CHOICES: Final = {Kind.FACES: ("none", "one", "group"), Kind.FLAGGED: ("yes", "no")}
_PREFIXES: Final = "text:, name:, camera:, faces:, flagged:, from: and to:"


@dataclass(frozen=True)
class Condition:
    """One thing that a picture has, or has not if it is `negative`."""

    kind: Kind
    value: str
    """The condition's text for comparison, in lower case; of words read and of a camera, all words."""
    negative: bool = False

    def holds(self, result: Result, min_confidence: Decimal) -> bool:
        """Return whether the condition holds; labels count from this confidence in percent."""
        return self._has(result, min_confidence) is not self.negative

    def __str__(self) -> str:
        """Return it as it stands in a query."""
        prefix = "" if self.kind is Kind.LABEL else f"{self.kind}:"
        return f'{"-" if self.negative else ""}{prefix}"{self.value}"'

    def _has(self, result: Result, min_confidence: Decimal) -> bool:
        match self.kind:
            case Kind.LABEL:
                labels = result.get("labels", [])
                return any(
                    label["name"].lower() == self.value and label["confidence"] >= min_confidence for label in labels
                )
            case Kind.TEXT:
                return set(self.value.split()) <= set(words_read(result))
            case Kind.CAMERA:
                return set(self.value.split()) <= set(camera_words(result))
            case Kind.NAME:
                return is_named(result["key"], self.value)
            case Kind.FACES | Kind.FLAGGED:
                return f"{self.kind.upper()}#{self.value}" in classes(result)


@dataclass(frozen=True)
class Query:
    """A search. `since` and `before` are ISO 8601 times; "" leaves that end open.

    Labels count from `min_confidence` in percent on. Raises InvalidQueryError for one outside 0-100.
    """

    conditions: tuple[Condition, ...] = ()
    since: str = ""
    before: str = ""
    min_confidence: Decimal = Decimal(0)
    order: Order = "newest"

    def __post_init__(self) -> None:
        """Check the confidence."""
        if not (self.min_confidence.is_finite() and 0 <= self.min_confidence <= 100):
            raise InvalidQueryError(f"the minimum confidence must be between 0 and 100; got {self.min_confidence}")

    @classmethod
    def of(
        cls,
        text: str = "",
        labels: Sequence[str] = (),
        min_confidence: Decimal = Decimal(0),
        order: Order = "newest",
    ) -> Self:
        """Read a query's conditions, and add labels to them.

        Raises InvalidQueryError, with the expected form, for an invalid text or label.
        """
        if len(text) > MAX_CHARACTERS:
            raise InvalidQueryError(f"it has {len(text):,} characters: use at most {MAX_CHARACTERS:,}")
        conditions = [_condition(Kind.LABEL, label, label) for label in labels]
        dates = {"from": "", "to": ""}
        position, end = 0, len(text.rstrip())
        while position < end:
            token = _TOKEN.match(text, position)
            if token is None:
                rest = _shown(text[position:].lstrip())
                raise InvalidQueryError(f"{rest} cannot be read: close quotation marks, and put spaces around them")
            minus, name, quoted = token.groups()
            kind, whole = (name or "").lower(), _shown(token[0].strip())
            value = quoted.strip('"')
            if kind in dates:
                if minus or dates[kind]:
                    raise InvalidQueryError(f"{whole} must come once, and without a minus")
                dates[kind] = _midnight(value, whole, days=int(kind == "to"))
            elif kind in ("", *_CONDITIONS):
                if not kind and value == quoted and (":" in value or value.startswith("-")):
                    raise InvalidQueryError(f"{whole} is no label: put it into quotation marks, or use {_PREFIXES}")
                conditions.append(_condition(Kind(kind or Kind.LABEL), value, whole, negative=bool(minus)))
            else:
                raise InvalidQueryError(f"{whole} is unknown: use {_PREFIXES}, or quotation marks around a label")
            position = token.end()
        if not (conditions or any(dates.values())):
            raise InvalidQueryError(f"name at least one label, or use {_PREFIXES}")
        if len(conditions) > MAX_CONDITIONS:
            raise InvalidQueryError(f"it has {len(conditions)} conditions: use at most {MAX_CONDITIONS}")
        if dates["to"] and dates["from"] >= dates["to"]:
            raise InvalidQueryError("from: is later than to:, so that no picture can match: exchange them")
        return cls(tuple(dict.fromkeys(conditions)), dates["from"], dates["to"], min_confidence, order)

    def __str__(self) -> str:
        """Return the text that `of` reads as this query's conditions."""
        last = (date.fromisoformat(self.before[:10]) - timedelta(1)).isoformat() if self.before else ""
        dates = [f"{name}:{day}" for name, day in (("from", self.since[:10]), ("to", last)) if day]
        return " ".join([*map(str, self.conditions), *dates])

    def has(self, kind: Kind) -> list[str]:
        """Return the values that a picture must have of a kind."""
        return [each.value for each in self.conditions if each.kind is kind and not each.negative]

    def matches(self, result: Result) -> bool:
        """Return whether all conditions hold."""
        time = date_of(result)
        in_time = self.since <= time and (not self.before or time < self.before)
        return in_time and all(condition.holds(result, self.min_confidence) for condition in self.conditions)


def _condition(kind: Kind, value: str, whole: str, *, negative: bool = False) -> Condition:
    if _SURROGATE.search(value) or not value.strip():
        raise InvalidQueryError(f"{_shown(whole)!a} is empty, or no Unicode text")
    if kind is Kind.LABEL:
        compared = value.strip().lower()
        if len(compared.encode()) > keys.SORT_KEY_MAX_BYTES:
            raise InvalidQueryError(f"a label has at most {keys.SORT_KEY_MAX_BYTES} bytes; got {whole}")
    elif kind in (Kind.TEXT, Kind.CAMERA):
        compared = " ".join(words_of(value))
    else:
        compared = folded(value)
    if not compared:
        raise InvalidQueryError(f"{whole} has no word: give letters or digits")
    if compared not in _CHOICES.get(kind, (compared,)):
        raise InvalidQueryError(f"{whole} is unknown: {kind} is {' or '.join(_CHOICES[kind])}")
    return Condition(kind, compared, negative)


def _midnight(value: str, whole: str, days: int) -> str:
    """Return the start of a day, or of one some days later, as a UTC time."""
    try:
        if not _DATE.fullmatch(value):
            raise ValueError
        day = date.fromisoformat(value) + timedelta(days)
    except (ValueError, OverflowError) as error:
        raise InvalidQueryError(f"{whole} is no date: write it as 2026-01-31") from error
    return f"{day.isoformat()}T00:00:00.000Z"


def _shown(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"
