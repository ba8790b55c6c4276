"""Checks of parameters and fields, as the contract has them. One error lists all problems."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, TypeVar

from .problems import ProblemError

T = TypeVar("T")

MAX_KEY_BYTES: Final = 1024
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NUMBER = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?")
_STEP = Decimal("1e-10")
_INTEGER = re.compile(r"-?[0-9]{1,20}")


class Fields:
    """Reads fields one by one, collects their problems, and raises them by `done`.

    Until `done` has been called, values of wrong fields are stand-ins of the right type.
    """

    def __init__(self, kind: str, known: Collection[str], names: Collection[str]) -> None:
        self._kind = kind
        self._errors = [(name, "is not known") for name in sorted(set(names) - set(known))]

    def check(self, name: str, read: Callable[[], T], stand_in: T) -> T:
        """Return the value that `read` returns, or note the reason of its ValueError."""
        try:
            return read()
        except ValueError as error:
            self._errors.append((name, str(error)))
            return stand_in

    def done(self) -> None:
        """Raise ProblemError if any field is wrong."""
        if self._errors:
            name, message = self._errors[0]
            sentence = f"The {self._kind} {_shown(name)} {message}."
            raise ProblemError("INVALID_REQUEST", sentence, errors=self._errors)


class Query(Fields):
    """The parameters of a query string."""

    def __init__(self, query: Mapping[str, Sequence[str]], known: Collection[str]) -> None:
        super().__init__("parameter", known, query)
        self._query = query

    def key(self) -> str:
        """Return the required parameter `key`."""
        return self.check("key", lambda: checked_key(self._single("key")), "")

    def optional(self, name: str, read: Callable[[str], T], default: T) -> T:
        """Return a parameter that a request may have once."""
        return self.check(name, lambda: read(self._single(name)) if name in self._query else default, default)

    def several(self, name: str, read: Callable[[str], T], most: int) -> list[T]:
        """Return a parameter that a request may have several times."""
        values = self._query.get(name, ())

        def read_all() -> list[T]:
            if len(values) > most:
                raise ValueError(f"may occur at most {most} times")
            return [read(value) for value in values]

        return self.check(name, read_all, [])

    def _single(self, name: str) -> str:
        values = self._query.get(name, ())
        if not values:
            raise ValueError("is missing")
        if len(values) > 1:
            raise ValueError("must occur once")
        return values[0]


class Body(Fields):
    """The fields of a JSON object, all of which must be there."""

    def __init__(self, content: Mapping[str, Any], known: Collection[str]) -> None:
        super().__init__("field", known, content)
        self._content = content

    def required(self, name: str, read: Callable[[Any], T], stand_in: T) -> T:
        """Return a field."""

        def read_it() -> T:
            if name not in self._content:
                raise ValueError("is missing")
            return read(self._content[name])

        return self.check(name, read_it, stand_in)


def checked_key(value: object) -> str:
    """Return a picture's key: whatever S3 takes, control characters too."""
    return any_text(value, most_bytes=MAX_KEY_BYTES)


def text(value: object, *, most_characters: int) -> str:
    """Return a text that is not empty, without control characters."""
    checked = any_text(value, most_characters=most_characters)
    if _CONTROL.search(checked):
        raise ValueError("must not have control characters")
    return checked


def any_text(value: object, *, most_characters: int | None = None, most_bytes: int | None = None) -> str:
    """Return a text that is not empty."""
    if not isinstance(value, str):
        raise ValueError("must be text")
    if not value:
        raise ValueError("must not be empty")
    try:
        size = len(value.encode())
    except UnicodeEncodeError as error:
        raise ValueError("must be Unicode text") from error
    if most_characters is not None and len(value) > most_characters:
        raise ValueError(f"must have at most {most_characters} characters")
    if most_bytes is not None and size > most_bytes:
        raise ValueError(f"must have at most {most_bytes} bytes")
    return value


def integer(least: int, most: int) -> Callable[[object], int]:
    """Return a whole number within bounds, of a JSON number."""
    expected = f"must be a whole number from {least} to {most}"

    def read(value: object) -> int:
        # JSON knows no difference between 1 and 1.0; Python takes true for 1.
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise ValueError(expected)
        return value

    return read


def integer_text(least: int, most: int) -> Callable[[str], int]:
    """Return a whole number within bounds, of a parameter."""
    read = integer(least, most)
    return lambda value: read(int(value) if _INTEGER.fullmatch(value) else value)


def number(least: int, most: int) -> Callable[[str], Decimal]:
    """Return a number within bounds, of a parameter; ten decimals count."""

    def read(value: str) -> Decimal:
        if not _NUMBER.fullmatch(value) or not least <= Decimal(value) <= most:
            raise ValueError(f"must be a number from {least} to {most}")
        return Decimal(value).quantize(_STEP).normalize()

    return read


def one_of(*values: str) -> Callable[[object], str]:
    """Return one of some words."""

    def read(value: object) -> str:
        if value not in values:
            raise ValueError(f"must be {' or '.join(values)}")
        return str(value)

    return read


def _shown(name: str) -> str:
    """Shorten an unknown field's name, which is the caller's text of any length."""
    return name if len(name) <= 40 else name[:40] + "…"
