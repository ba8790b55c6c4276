"""The command's output: results to standard output, progress and notes to standard error.

Not on a terminal everything degrades to plain lines without control characters. No key, label, text or error reaches a
terminal with its control characters: an escape sequence in a file's name could rewrite the screen.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.segment import Segment
from rich.text import Text

from handlers.results.document import json_ready

PLAIN_WIDTH = 100
# Control characters (C0, DEL, C1), line separators, what changes the direction of text (UAX #9), and the surrogates by
# which Python spells the bytes of a file's name that are not UTF-8.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ud800-\udfff]")
_UNSAFE_IN_LINES = re.compile(_UNSAFE.pattern.replace("\x00-\x1f", "\x00-\x08\x0b-\x1f"))


class Screen:
    """The two streams of one run of the command.

    Args:
        as_json: Standard output is for a program: it gets JSON and nothing else.
    """

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self.out = _console(stderr=False)
        self.err = _console(stderr=True)

    @property
    def live(self) -> bool:
        """Return whether progress may be drawn over."""
        return self.err.is_terminal and not self.err.is_dumb_terminal

    def show(self, what: RenderableType = "") -> None:
        """Print something for a person on standard output, unless that is for a program."""
        if not self.as_json:
            self.out.print(what, soft_wrap=isinstance(what, (str, Text)))

    def note(self, text: str | Text) -> None:
        """Print a line about the progress on standard error."""
        self.err.print(text, soft_wrap=True)

    @contextmanager
    def progress(self, what: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        """Draw a moving line on a terminal; yield a function that adds to the finished part.

        Args:
            what: Its text; `{task.completed}` stands for the finished part.
            total: The whole, for a bar; None if it is unknown.
        """
        bar = () if total is None else (BarColumn(), MofNCompleteColumn())
        columns = (SpinnerColumn(), TextColumn(what), *bar, TimeElapsedColumn())
        with Progress(*columns, console=self.err, transient=True, disable=not self.live) as progress:
            yield partial(progress.advance, progress.add_task("", total=total))

    def document(self, content: object) -> None:
        """Print one JSON document, if standard output is for a program."""
        self._write(content, indent=2)

    def line(self, content: Mapping[str, Any]) -> None:
        """Print one JSON document on a line of its own, at once, if standard output is for a program."""
        self._write(content)

    def _write(self, content: object, indent: int | None = None) -> None:
        if self.as_json:
            # Of characters that the stream can write.
            is_ascii = not self.out.encoding.startswith("utf")
            text = json.dumps(json_ready(content), indent=indent, ensure_ascii=is_ascii)
            self.out.file.write(visible_lines(text) + "\n")
            self.out.file.flush()


def print_error(message: str) -> None:
    """Print `error: …` on standard error."""
    _console(stderr=True).print(Text.assemble(("error: ", "bold red"), message), soft_wrap=True)


def visible(text: str) -> str:
    """Escape unsafe characters for one line, line breaks too, as JSON does (`\\u001b`)."""
    return _UNSAFE.sub(_escape, text)


def visible_lines(text: str) -> str:
    """Escape unsafe characters of a text whose tabs and line breaks are layout."""
    return _UNSAFE_IN_LINES.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


def size_text(size_bytes: int) -> str:
    """Return a number of bytes for people."""
    if size_bytes < 1000:
        return f"{size_bytes} B"
    return f"{size_bytes / 1000:.0f} kB" if size_bytes < 1_000_000 else f"{size_bytes / 1_000_000:.1f} MB"


def count_text(count: int, noun: str) -> str:
    """Return a count with its noun: `1 picture`, `2 pictures`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


class _SafeConsole(Console):
    """A console whose escape sequences are Rich's own alone."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render, and escape unsafe characters of the texts."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(visible_lines(segment.text), segment.style)


def _console(*, stderr: bool) -> Console:
    console = _SafeConsole(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = PLAIN_WIDTH
    return console
