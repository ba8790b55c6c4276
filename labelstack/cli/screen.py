"""What goes where: results to standard output, progress and notes to standard error.

Not on a terminal everything degrades to plain lines without control characters.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from rich.console import Console, RenderableType
from rich.text import Text

from handlers.results import json_ready

PLAIN_WIDTH = 100


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
        """Whether progress may be drawn over."""
        return self.err.is_terminal and not self.err.is_dumb_terminal

    def show(self, what: RenderableType = "") -> None:
        """Something for a person, on standard output; nothing when that is for a program."""
        if not self.as_json:
            self.out.print(what, soft_wrap=isinstance(what, (str, Text)))

    def note(self, text: str | Text) -> None:
        """A line about how things go, on standard error."""
        self.err.print(text, soft_wrap=True)

    def document(self, content: object) -> None:
        """One JSON document."""
        self.out.file.write(json.dumps(json_ready(content), indent=2, ensure_ascii=False) + "\n")

    def line(self, content: Mapping[str, Any]) -> None:
        """One JSON document on a line of its own, at once."""
        self.out.file.write(json.dumps(json_ready(content), ensure_ascii=False) + "\n")
        self.out.file.flush()


def print_error(message: str) -> None:
    """`error: …` on standard error."""
    _console(stderr=True).print(Text.assemble(("error: ", "bold red"), message), soft_wrap=True)


def size_text(size_bytes: int) -> str:
    """A number of bytes for people."""
    if size_bytes < 1000:
        return f"{size_bytes} B"
    return f"{size_bytes / 1000:.0f} kB" if size_bytes < 1_000_000 else f"{size_bytes / 1_000_000:.1f} MB"


def count_text(count: int, noun: str) -> str:
    """`1 picture`, `2 pictures`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _console(*, stderr: bool) -> Console:
    console = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = PLAIN_WIDTH
    return console
