"""`export`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import click
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from handlers.results import Result, Status
from labelstack.cli.backend import Backend
from labelstack.cli.options import target_options
from labelstack.cli.screen import Screen, count_text
from labelstack.cli.target import Target, connect
from labelstack.exports import FORMATS, whole_file

STATUSES = (Status.LABELED, Status.REJECTED, Status.FAILED)
STANDARD_OUTPUT = Path("-")


@click.command()
@click.option(
    "--format",
    "format_name",
    type=click.Choice(list(FORMATS)),
    help="How to write.  [default: by the end of the file's name, else jsonl]",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    default=STANDARD_OUTPUT,
    show_default="standard output",
    help="The file to write.",
)
@click.option("--prefix", default="", help="Only pictures whose keys begin so.")
@click.option("--status", type=click.Choice([str(status) for status in STATUSES]), help="Only pictures in this state.")
@target_options
@click.pass_context
def export(
    ctx: click.Context, target: Target, format_name: str | None, output: Path, prefix: str, status: str | None
) -> None:
    """Write all results to a file: JSON Lines, CSV or Parquet (which needs `labelstack[export]`).

    In JSON Lines each line is a result document as api/result.schema.json describes it. A picture that gets a new
    result while the export runs may be in it twice, the newer one later.
    """
    screen = Screen()
    format_name = format_name or (output.suffix[1:] if output.suffix[1:] in FORMATS else "jsonl")
    if format_name == "parquet" and output == STANDARD_OUTPUT:
        raise click.UsageError("Parquet is no text: name a file with --output.")
    backend: Backend = ctx.obj
    connection = connect(backend, target)
    # The table itself: an API shows its folder's pictures only, in pages for people.
    table = backend.whole_table(connection.cloud, connection.outputs["resultsTable"])
    results = table.walk((Status(status),) if status else STATUSES, prefix)
    with _opened(output) as file:
        writer = FORMATS[format_name](file)
        count = 0
        for result in _shown(screen, results):
            writer.write(result)
            count += 1
        writer.close()
    screen.note(f"{count_text(count, 'picture')}{'' if output == STANDARD_OUTPUT else f' in {output}'}")


@contextmanager
def _opened(output: Path) -> Iterator[IO[bytes]]:
    if output != STANDARD_OUTPUT:
        with whole_file(output) as file:
            yield file
        return
    yield sys.stdout.buffer
    sys.stdout.buffer.flush()


def _shown(screen: Screen, results: Iterator[Result]) -> Iterator[Result]:
    """The results, with their number on a terminal. How many there will be, a table does not tell."""
    columns = (SpinnerColumn(), TextColumn("{task.completed:,} pictures"), TimeElapsedColumn())
    with Progress(*columns, console=screen.err, transient=True, disable=not screen.live) as progress:
        task = progress.add_task("", total=None)
        for result in results:
            yield result
            progress.advance(task)
