"""Checks of parameters and fields, as the contract has them. One error lists all problems.

A reader takes the values that were sent under one name, and returns what they say; its ValueError tells what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from .answers import ProblemError

Reader = Callable[[Sequence[Any]], Any]

MAX_KEY_BYTES: Final = 1024
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_NUMBER = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?")
_STEP = Decimal("1e-10")
_INTEGER = re.compile(r"-?[0-9]{1,20}")


def checked(kind: str, sent: Mapping[str, Sequence[Any]], readers: Mapping[str, Reader]) -> list[Any]:
    """Return what each of the readers returns. Raises ProblemError, also for names without a reader."""
    values = []
    errors = [(name, "is not known") for name in sorted(sent.keys() - readers.keys())]
    for name, read in readers.items():
        try:
            values.append(read(sent.get(name, ())))
        except ValueError as error:
            errors.append((name, str(error)))
    if errors:
        name, message = errors[0]
        # An unknown name is the caller's text of any length.
        shown = name if len(name) <= 40 else name[:40] + "…"
        raise ProblemError("INVALID_REQUEST", f"The {kind} {shown} {message}.", errors=errors)
    return values


def required(read: Callable[[Any], Any]) -> Reader:
    """Return the reader of a value that must be there once."""

    def read_values(values: Sequence[Any]) -> Any:
        if not values:
            raise ValueError("is missing")
        if len(values) > 1:
            raise ValueError("must occur once")
        return read(values[0])

    return read_values


def optional(read: Callable[[Any], Any], default: Any = None) -> Reader:
    """Return the reader of a value that may be there once."""
    return lambda values: required(read)(values) if values else default


def several(read: Callable[[Any], Any], most: int) -> Reader:
    """Return the reader of a list of values."""

    def read_values(values: Sequence[Any]) -> list[Any]:
        if len(values) > most:
            raise ValueError(f"may occur at most {most} times")
        return [read(value) for value in values]

    return read_values


def any_text(value: object, most_characters: int | None = None) -> str:
    """Return a text that is not empty."""
    if not isinstance(value, str):
        raise ValueError("must be text")
    if not value:
        raise ValueError("must not be empty")
    if _SURROGATE.search(value):
        raise ValueError("must be Unicode text")
    if most_characters is not None and len(value) > most_characters:
        raise ValueError(f"must have at most {most_characters} characters")
    return value


def checked_key(value: object) -> str:
    """Return a picture's key: whatever S3 takes, control characters too."""
    text = any_text(value)
    if len(text.encode()) > MAX_KEY_BYTES:
        raise ValueError(f"must have at most {MAX_KEY_BYTES} bytes")
    return text


def line(most_characters: int) -> Callable[[object], str]:
    """Return the check of a text that is not empty, without control characters."""

    def read(value: object) -> str:
        text = any_text(value, most_characters)
        if _CONTROL.search(text):
            raise ValueError("must not have control characters")
        return text

    return read


def phrase(most_characters: int) -> Callable[[str], str]:
    """Return the check of a `line` that is more than spaces."""
    return lambda value: line(most_characters)(value if value.strip() else "")


def integer(least: int, most: int) -> Callable[[object], int]:
    """Return the check of a whole number within bounds: a JSON number."""

    def read(value: object) -> int:
        # JSON knows no difference between 1 and 1.0; Python takes true for 1.
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return value

    return read


def integer_text(least: int, most: int) -> Callable[[str], int]:
    """Return the check of a whole number within bounds, of a parameter."""
    read = integer(least, most)
    return lambda value: read(int(value) if _INTEGER.fullmatch(value) else value)


def number(least: int, most: int) -> Callable[[str], Decimal]:
    """Return the check of a number within bounds, of a parameter; ten decimals count."""

    def read(value: str) -> Decimal:
        if not _NUMBER.fullmatch(value) or not least <= Decimal(value) <= most:
            raise ValueError(f"must be a number from {least} to {most}")
        return Decimal(value).quantize(_STEP).normalize()

    return read


def one_of(*values: str) -> Callable[[object], str]:
    """Return the check of one of some words."""

    def read(value: object) -> str:
        if value not in values:
            raise ValueError(f"must be {' or '.join(values)}")
        return str(value)

    return read


def flag(value: str) -> bool:
    """Return the value of "true" or "false"."""
    return one_of("true", "false")(value) == "true"
