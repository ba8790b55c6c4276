"""Counts calls, for tests and as a bill would."""

from __future__ import annotations

from collections import Counter, OrderedDict
from typing import Any

MOST_IMAGES = 20_000


class Counters:
    """Counts calls per operation and per image, answers, and errors by code."""

    def __init__(self) -> None:
        self._in_flight = 0
        self.reset()

    def reset(self) -> None:
        """Reset all counts but those of calls under way."""
        self._calls: Counter[str] = Counter()
        self._answered: Counter[str] = Counter()
        self._errors: Counter[str] = Counter()
        self._images: OrderedDict[str, Counter[str]] = OrderedDict()
        self._peak = 0

    def started(self, operation: str) -> None:
        """Count a call that has arrived."""
        self._calls[operation] += 1
        self._in_flight += 1
        self._peak = max(self._peak, self._in_flight)

    def saw_image(self, operation: str, image: str) -> None:
        """Count the picture of a call: ``bucket/key``."""
        self._images.setdefault(image, Counter())[operation] += 1
        if len(self._images) > MOST_IMAGES:
            self._images.popitem(last=False)

    def ended(self, operation: str, error_code: str | None) -> None:
        """Count how a call ended."""
        self._in_flight -= 1
        if error_code is None:
            self._answered[operation] += 1
        else:
            self._errors[error_code] += 1

    def as_document(self) -> dict[str, Any]:
        """Return the counts as JSON; `operations` counts all calls, `answered` those that AWS would charge for."""
        return {
            "operations": dict(self._calls),
            "answered": dict(self._answered),
            "errors": dict(self._errors),
            "images": {image: dict(counts) for image, counts in self._images.items()},
            "inFlight": self._in_flight,
            "peakInFlight": self._peak,
        }
