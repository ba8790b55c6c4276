"""`python -m benchmarks [NAME…]`: run the benchmarks, or those named; exit status 1 if a target is missed.

One that needs Docker is left out where there is none, unless it is named.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import click
from rich.console import Console

from benchmarks import (
    api,
    backfill,
    compare,
    compose,
    conversion,
    demo,
    event_handler,
    lane,
    localstack,
    pipeline,
    previews,
    quota,
    setup,
    vision,
)
from benchmarks.report import Report
from labelstack.errors import CloudStartError

BENCHMARKS: dict[str, Callable[[], Report]] = {
    "setup": setup.measure,
    "pipeline": pipeline.measure,
    "conversion": conversion.measure,
    "previews": previews.measure,
    "api": api.measure,
    "event-handler": event_handler.measure,
    "demo": demo.measure,
    "quota": quota.measure,
    "backfill": backfill.measure,
    "compare": compare.measure,
    "localstack": localstack.measure,
    "compose": compose.measure,
    "lane": lane.measure,
    "vision": vision.measure,
}
# Left out, with a sentence, where there is no Docker, unless they are named.
NEED_DOCKER = {"localstack", "compose", "lane"}


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(BENCHMARKS)))
def main(names: tuple[str, ...]) -> None:
    """Measure, print tables, and write benchmarks/results/NAME.json."""
    # Wide enough for every table where there is no terminal to measure.
    console = Console(width=None if sys.stdout.isatty() else 120)
    missed = 0
    for name in names or BENCHMARKS:
        console.print(f"[dim]measuring {name} …[/dim]")
        try:
            report = BENCHMARKS[name]()
        except CloudStartError as error:
            if name in names or name not in NEED_DOCKER:
                raise click.ClickException(str(error)) from error
            console.print(f"{name} was not measured: {error}\n")
            continue
        report.show(console)
        console.print(f"[dim]{report.write()}[/dim]\n")
        missed += sum(not figure.met for figure in report.figures)
    if missed:
        console.print(f"{missed} target(s) missed")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
