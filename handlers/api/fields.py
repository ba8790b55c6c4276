"""Checks of parameters and fields, as the contract has them.

A reader takes the values that were sent under one name, and returns what they say. Readers are made of checks, each
with its bounds. The ValueError of a check says what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final

Reader = Callable[[Sequence[Any]], Any]

MAX_KEY_BYTES: Final = 1024
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_NUMBER = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?")
_STEP = Decimal("1e-10")
_INTEGER = re.compile(r"-?[0-9]{1,20}")


def required(check: Callable[..., Any], *bounds: Any) -> Reader:
    """Return the reader of a value that must be there once."""

    def read(values: Sequence[Any]) -> Any:
        if not values:
            raise ValueError("is missing")
        if len(values) > 1:
            raise ValueError("must occur once")
        return check(values[0], *bounds)

    return read


def optional(default: Any, check: Callable[..., Any], *bounds: Any) -> Reader:
    """Return the reader of a value that may be there once."""
    return lambda values: required(check, *bounds)(values) if values else default


def several(most: int, check: Callable[..., Any], *bounds: Any) -> Reader:
    """Return the reader of a list of values."""

    def read(values: Sequence[Any]) -> list[Any]:
        if len(values) > most:
            raise ValueError(f"may occur at most {most} times")
        return [check(value, *bounds) for value in values]

    return read


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


def line(value: object, most_characters: int) -> str:
    """Return a text that is not empty, without control characters."""
    text = any_text(value, most_characters)
    if _CONTROL.search(text):
        raise ValueError("must not have control characters")
    return text


def phrase(value: str, most_characters: int) -> str:
    """Return a `line` that is more than spaces."""
    return line(value if value.strip() else "", most_characters)


def integer(value: object, least: int, most: int) -> int:
    """Return a whole number within bounds: a JSON number."""
    # JSON knows no difference between 1 and 1.0; Python takes true for 1.
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise ValueError(f"must be a whole number from {least} to {most}")
    return value


def integer_text(value: str, least: int, most: int) -> int:
    """Return a whole number within bounds, of a parameter."""
    return integer(int(value) if _INTEGER.fullmatch(value) else value, least, most)


def number(value: str, least: int, most: int) -> Decimal:
    """Return a number within bounds, of a parameter; ten decimals count."""
    if not _NUMBER.fullmatch(value) or not least <= Decimal(value) <= most:
        raise ValueError(f"must be a number from {least} to {most}")
    return Decimal(value).quantize(_STEP).normalize()


def one_of(value: object, *choices: str) -> str:
    """Return one of some words."""
    if value not in choices:
        raise ValueError(f"must be {' or '.join(choices)}")
    return str(value)


def flag(value: str) -> bool:
    """Return the value of "true" or "false"."""
    return one_of(value, "true", "false") == "true"
