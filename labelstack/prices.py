"""AWS's prices, as `prices.yaml` has them: of one date and region, each with its source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).with_name("prices.yaml")


@dataclass(frozen=True)
class Price:
    """A price.

    Attributes:
        key: Its name in the table, `s3.put`.
        service: AWS's service.
        unit: The unit that the price is for, in the singular.
        tiers: Up to so many units a month (None: no end), so many US dollars a unit; ascending.
        source: AWS's page.
        compared_tiers: So many of the tiers, from the first on, were compared with a document.
        compared_with: `copy` of AWS's own, or a `quotation` of it; nothing when no tier was.
    """

    key: str
    service: str
    unit: str
    tiers: Sequence[tuple[float | None, float]]
    source: str
    compared_tiers: int
    compared_with: str = ""

    def is_compared(self, quantity: float) -> bool:
        """Return whether a month's quantity stays within the compared tiers."""
        within = self.tiers[: self.compared_tiers]
        return bool(within) and (within[-1][0] is None or quantity <= within[-1][0])

    def usd(self, quantity: float) -> float:
        """Return the cost of a month's quantity: each tier's part at its price."""
        total, below = 0.0, 0.0
        for end, unit_usd in self.tiers:
            part = quantity - below if end is None else min(quantity, end) - below
            if part <= 0:
                break
            total += part * unit_usd
            below = end if end is not None else quantity
        return total


@dataclass(frozen=True)
class PriceTable:
    """All prices of a date and a region."""

    date: str
    region: str
    prices: Mapping[str, Price]

    def __getitem__(self, key: str) -> Price:
        return self.prices[key]


@cache
def load(file: Path = FILE) -> PriceTable:
    """Return the table in a file."""
    content: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    date, region = str(content.pop("date")), str(content.pop("region"))
    return PriceTable(
        date,
        region,
        {
            key: Price(
                key,
                price["service"],
                price["unit"],
                [(end, float(usd)) for end, usd in price["tiers"]],
                price["source"],
                price["compared_tiers"],
                price.get("compared_with", ""),
            )
            for key, price in content.items()
        },
    )
