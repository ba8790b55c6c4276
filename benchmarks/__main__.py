"""`python -m benchmarks [NAME…]`: run the benchmarks, or those named; exit status 1 if a target is missed.

One that needs Docker runs only when it is named.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import click
from rich.console import Console

from benchmarks import api, compose, demo, pipeline, setup
from benchmarks.report import Report

BENCHMARKS: dict[str, Callable[[], Report]] = {
    "setup": setup.measure,
    "pipeline": pipeline.measure,
    "api": api.measure,
    "demo": demo.measure,
    "compose": compose.measure,
}
NEED_DOCKER = {"compose"}


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(BENCHMARKS)))
def main(names: tuple[str, ...]) -> None:
    """Measure, print tables, and write benchmarks/results/NAME.json."""
    console = Console()
    missed = 0
    for name in names or [name for name in BENCHMARKS if name not in NEED_DOCKER]:
        console.print(f"[dim]measuring {name} …[/dim]")
        report = BENCHMARKS[name]()
        report.show(console)
        console.print(f"[dim]{report.write()}[/dim]\n")
        missed += sum(not figure.met for figure in report.figures)
    if missed:
        console.print(f"{missed} target(s) missed")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
