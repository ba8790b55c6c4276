"""Report figures beside their targets, as a table on the terminal and as JSON in a file."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Figure:
    """One measured value.

    Attributes:
        name: The measured quantity.
        value: In `unit`.
        unit: "s", "MB", "pictures/s", "" for a count.
        at_most: The project's target, where it has an upper one.
        at_least: The project's target, where it has a lower one.
        exactly: The project's target, where only one value is right.
        note: The method, if the name does not say it.
    """

    name: str
    value: float
    unit: str
    at_most: float | None = None
    at_least: float | None = None
    exactly: float | None = None
    note: str = ""

    @property
    def target(self) -> str:
        """Return the target in words, or ""."""
        if self.at_most is not None:
            return f"≤ {self.at_most:g} {self.unit}".rstrip()
        if self.at_least is not None:
            return f"≥ {self.at_least:g} {self.unit}".rstrip()
        return "" if self.exactly is None else f"{self.exactly:g} {self.unit}".rstrip()

    @property
    def met(self) -> bool:
        """Return whether the target is met; true without one."""
        if self.at_most is not None:
            return self.value <= self.at_most
        if self.at_least is not None:
            return self.value >= self.at_least
        return self.exactly is None or self.value == self.exactly


@dataclass(frozen=True)
class Report:
    """The figures of one benchmark and the machine they were taken on."""

    benchmark: str
    figures: Sequence[Figure]
    machine: dict[str, object] = field(
        default_factory=lambda: {
            "cores": os.cpu_count(),
            "architecture": platform.machine(),
            "python": platform.python_version(),
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
    )

    def show(self, console: Console) -> None:
        """Print the figures as a table."""
        table = Table(title=self.benchmark, title_justify="left", title_style="bold")
        table.add_column("figure")
        table.add_column("value", justify="right")
        table.add_column("target", justify="right")
        table.add_column("met")
        table.add_column("note", style="dim")
        for figure in self.figures:
            value = (
                f"{figure.value:,.3g} {figure.unit}" if figure.value < 1000 else f"{figure.value:,.0f} {figure.unit}"
            )
            met = ("yes" if figure.met else "[red]NO[/red]") if figure.target else ""
            table.add_row(figure.name, value.rstrip(), figure.target, met, figure.note)
        console.print(table)

    def write(self) -> Path:
        """Write the figures as JSON; the file's path."""
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / f"{self.benchmark}.json"
        figures = [{**asdict(figure), "met": figure.met} for figure in self.figures]
        path.write_text(
            json.dumps({"benchmark": self.benchmark, "machine": self.machine, "figures": figures}, indent=2) + "\n"
        )
        return path
