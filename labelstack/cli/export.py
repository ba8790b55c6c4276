"""`export`."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import click

from handlers.results.codes import Status
from labelstack.cli.options import command, prefix_option
from labelstack.cli.results import LISTED, status_option
from labelstack.cli.screen import Screen, count_text, visible_lines
from labelstack.cli.target import Target
from labelstack.exports import FORMATS, whole_file

STANDARD_OUTPUT = Path("-")


@command(
    has_json=False,
    examples=["labelstack export --output results.csv", "labelstack export --status FAILED | jq .key"],
)
@click.option(
    "--format",
    "format_name",
    type=click.Choice(list(FORMATS)),
    help="The file's format.  [default: by its suffix, else jsonl]",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    default=STANDARD_OUTPUT,
    show_default="standard output",
    help="The file to write.",
)
@prefix_option
@status_option
def export(
    screen: Screen, target: Target, format_name: str | None, output: Path, prefix: str, status: str | None
) -> None:
    """Write all results as JSON Lines, CSV or Parquet.

    A line of JSON Lines is a result document (api/result.schema.json). Parquet needs pyarrow. In CSV, a text that a
    spreadsheet would read as a formula begins with an apostrophe. A picture that gets a new result during the export
    may be in it twice, the newer one later.
    """
    format_name = format_name or _format_of(output)
    if format_name == "parquet" and output == STANDARD_OUTPUT:
        raise click.UsageError("Parquet is binary: name a file with --output.")
    connection = target.connect()
    # The table itself: an API shows its folder's pictures only, in pages for people.
    table = target.backend.results(connection.cloud, connection.outputs["resultsTable"])
    results = table.walk((Status(status),) if status else LISTED, prefix)
    with _opened(output) as file:
        writer = FORMATS[format_name](file)
        count = 0
        with screen.progress("{task.completed:,} pictures") as advance:  # a table does not know how many will follow
            for result in results:
                writer.write(result)
                advance(1)
                count += 1
        writer.close()
    screen.note(f"{count_text(count, 'picture')}{'' if output == STANDARD_OUTPUT else f' in {output}'}")


def _format_of(output: Path) -> str:
    """Return the format that a file's name ends in. Raises UsageError for an ending that is none."""
    ending = output.suffix[1:].lower()
    if ending and ending not in FORMATS:
        endings = ", ".join(f".{name}" for name in FORMATS)
        raise click.UsageError(f"{output.name!r} has no known suffix ({endings}): rename it, or use --format.")
    return ending or "jsonl"


@contextmanager
def _opened(output: Path) -> Iterator[IO[bytes]]:
    if output != STANDARD_OUTPUT:
        with whole_file(output) as file:
            yield file
    else:
        yield _Terminal() if is_terminal() else sys.stdout.buffer
        sys.stdout.flush()


def is_terminal() -> bool:
    """Return whether a person sees standard output."""
    return sys.stdout.isatty()


class _Terminal(io.BytesIO):
    """Standard output where a person sees it: no key or print in a picture controls the terminal."""

    def write(self, content: Any) -> int:
        """Write UTF-8 text."""
        return sys.stdout.write(visible_lines(content.decode()))
