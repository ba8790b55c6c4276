"""Dates on which something ends or closes, and versions that are held back (`dates.yaml`), for early warnings."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

FILE = Path(__file__).with_name("dates.yaml")
NOTICE: Final = datetime.timedelta(days=90)


@dataclass(frozen=True)
class Ending:
    """Something that is not for ever.

    Attributes:
        what: The software that ends or is held back.
        date: The day until which something must be done.
        then: The consequence, or why it is held back.
        do: The action until then.
        source: Where the date or the reason is from.
    """

    what: str
    date: datetime.date
    then: str
    do: str
    source: str


@cache
def endings() -> Sequence[Ending]:
    """Return all of them, in the file's order."""
    entries: list[dict[str, Any]] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return tuple(Ending(**entry) for entry in entries)


def due(today: datetime.date) -> list[Ending]:
    """Return the dates that need action now, the earliest first: those of the next 90 days, and those that are over."""
    return sorted((ending for ending in endings() if ending.date - NOTICE <= today), key=lambda ending: ending.date)
