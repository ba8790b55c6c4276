"""Reading a function's environment variables: each by its type, with an error that names it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")


class EnvironmentVariableError(Exception):
    """A variable of the function is missing or wrong: the function was deployed wrongly, no event can help."""


@dataclass(frozen=True)
class Variables:
    """The function's environment variables. Each method raises EnvironmentVariableError."""

    values: Mapping[str, str]

    def text(self, name: str) -> str:
        """Return a text that is not empty."""
        return self.parsed(name, str, "a text that is not empty", lambda text: text.strip() != "")

    def optional_text(self, name: str) -> str | None:
        """Return a text that is not empty; None where the variable is not set."""
        return self.text(name) if name in self.values else None

    def number(self, name: str, least: float, most: float) -> float:
        """Return a number within bounds, which belong to them."""
        return self.parsed(name, float, f"a number from {least} to {most}", lambda number: least <= number <= most)

    def integer(self, name: str, least: int, most: int) -> int:
        """Return a whole number within bounds, which belong to them."""
        return self.parsed(name, int, f"a whole number from {least} to {most}", lambda number: least <= number <= most)

    def flag(self, name: str) -> bool:
        """Return the value of "true" or "false"."""
        return self.parsed(name, {"true": True, "false": False}.__getitem__, '"true" or "false"')

    def url(self, name: str) -> str | None:
        """Return an http or https URL; None where the variable is not set."""
        return self.parsed(name, str, "an http or https URL", _is_url) if name in self.values else None

    def names(self, name: str) -> frozenset[str]:
        """Return the names in a list with commas; none where the variable is not set."""
        return frozenset(part.strip() for part in self.values.get(name, "").split(",") if part.strip())

    def parsed(
        self, name: str, parse: Callable[[str], T], expected: str, accepts: Callable[[T], bool] = lambda value: True
    ) -> T:
        """Return the variable as `parse` reads it; a ValueError or KeyError means that it is not `expected`."""
        if name not in self.values:
            raise EnvironmentVariableError(f"{name} is not set: expected {expected}")
        try:
            value = parse(self.values[name])
            if not accepts(value):
                raise ValueError(value)
        except (ValueError, KeyError) as error:
            raise EnvironmentVariableError(f"{name} is {self.values[name]!r}: expected {expected}") from error
        return value


def _is_url(text: str) -> bool:
    parts = urlsplit(text)
    return parts.scheme in ("http", "https") and parts.netloc != ""
