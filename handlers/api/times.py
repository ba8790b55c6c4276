"""Times as the API gives them."""

from __future__ import annotations

from datetime import datetime


def iso_utc(moment: datetime) -> str:
    """ISO 8601, UTC, milliseconds, "Z"."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
