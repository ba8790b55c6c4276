"""Reading a function's environment variables: each by its type, with an error that names it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")
N = TypeVar("N", int, float)


class EnvironmentVariableError(Exception):
    """A variable of the function is missing or wrong: the function was deployed wrongly, no event can help."""


@dataclass(frozen=True)
class Variables:
    """The function's environment variables. Each method raises EnvironmentVariableError."""

    values: Mapping[str, str]

    def text(self, name: str) -> str:
        """Return a text that is not empty."""
        return self.parsed(name, _not_empty, "a text that is not empty")

    def optional_text(self, name: str) -> str | None:
        """Return a text that is not empty; None where the variable is not set."""
        return self.text(name) if name in self.values else None

    def number(self, name: str, least: float, most: float) -> float:
        """Return a number within bounds, which belong to them."""
        return self.parsed(name, lambda text: _within(float(text), least, most), f"a number from {least} to {most}")

    def integer(self, name: str, least: int, most: int) -> int:
        """Return a whole number within bounds, which belong to them."""
        return self.parsed(name, lambda text: _within(int(text), least, most), f"a whole number from {least} to {most}")

    def flag(self, name: str) -> bool:
        """Return the value of "true" or "false"."""
        return self.parsed(name, {"true": True, "false": False}.__getitem__, '"true" or "false"')

    def url(self, name: str) -> str | None:
        """Return an http or https URL; None where the variable is not set."""
        return self.parsed(name, _url, "an http or https URL") if name in self.values else None

    def names(self, name: str) -> frozenset[str]:
        """Return the names in a list with commas; none where the variable is not set."""
        return frozenset(part.strip() for part in self.values.get(name, "").split(",") if part.strip())

    def parsed(self, name: str, parse: Callable[[str], T], expected: str) -> T:
        """Return the variable as `parse` reads it; its ValueError or KeyError means that it is not `expected`."""
        if name not in self.values:
            raise EnvironmentVariableError(f"{name} is not set: expected {expected}")
        try:
            return parse(self.values[name])
        except (ValueError, KeyError) as error:
            raise EnvironmentVariableError(f"{name} is {self.values[name]!r}: expected {expected}") from error


def _within(number: N, least: N, most: N) -> N:
    if not least <= number <= most:
        raise ValueError(number)
    return number


def _not_empty(text: str) -> str:
    if not text.strip():
        raise ValueError(text)
    return text


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ValueError(text)
    return text
