"""Reading a function's environment: each variable by its type, an error that names it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

from handlers.labelling.detectors import Detector, DetectorSettings
from handlers.results.plan import MAX_LABELS

T = TypeVar("T")


class EnvironmentVariableError(Exception):
    """A variable of the function is missing or wrong: the function was deployed wrongly, no event can help."""


@dataclass(frozen=True)
class Variables:
    """The function's environment variables."""

    values: Mapping[str, str]

    def text(self, name: str) -> str:
        """A text that is not empty."""
        return self.parsed(name, _not_empty, "a text that is not empty")

    def optional_text(self, name: str) -> str | None:
        """A text that is not empty; None where the variable is not set."""
        return self.text(name) if name in self.values else None

    def number(self, name: str, least: float, most: float) -> float:
        """A number within bounds, which belong to them."""
        return self.parsed(name, lambda text: _within(float(text), least, most), f"a number from {least} to {most}")

    def integer(self, name: str, least: int, most: int) -> int:
        """A whole number within bounds, which belong to them."""
        return self.parsed(name, lambda text: _within(int(text), least, most), f"a whole number from {least} to {most}")

    def flag(self, name: str) -> bool:
        """ "true" or "false"."""
        return self.parsed(name, {"true": True, "false": False}.__getitem__, '"true" or "false"')

    def parsed(self, name: str, parse: Callable[[str], T], expected: str) -> T:
        """The variable as `parse` reads it; its ValueError or KeyError means that the value is not what is expected."""
        if name not in self.values:
            raise EnvironmentVariableError(f"{name} is not set: expected {expected}")
        try:
            return parse(self.values[name])
        except (ValueError, KeyError) as error:
            raise EnvironmentVariableError(f"{name} is {self.values[name]!r}: expected {expected}") from error


def detector_settings(variables: Variables) -> DetectorSettings:
    """What is asked of each picture."""
    settings = DetectorSettings(
        detectors=variables.parsed(
            "DETECTORS",
            lambda text: tuple(dict.fromkeys(Detector(name.strip()) for name in text.split(","))),
            "a list with commas of " + ", ".join(Detector),
        ),
        max_labels=variables.integer("MAX_LABELS", 1, MAX_LABELS),
        min_confidence=Decimal(str(variables.number("MIN_CONFIDENCE", 0, 100))),
        image_properties=variables.flag("IMAGE_PROPERTIES"),
    )
    if settings.image_properties and Detector.LABELS not in settings.detectors:
        raise EnvironmentVariableError("IMAGE_PROPERTIES is 'true': expected DETECTORS to have labels then")
    return settings


N = TypeVar("N", int, float)


def _within(number: N, least: N, most: N) -> N:
    if not least <= number <= most:
        raise ValueError(number)
    return number


def _not_empty(text: str) -> str:
    if not text.strip():
        raise ValueError(text)
    return text
