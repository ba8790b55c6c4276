"""`watch`: results as they arrive."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext

import click
from rich.console import Group
from rich.live import Live
from rich.text import Text

from handlers.results.document import Result
from labelstack.cli.options import WholeNumber, command
from labelstack.cli.screen import Screen
from labelstack.cli.tables import summary_line
from labelstack.cli.target import Target
from labelstack.service import Results

POLL_S = 0.5
PAGE = 50
REMEMBERED = 10_000


@command(examples=["labelstack watch --recent 0"])
@click.option("--count", type=WholeNumber(min=1), help="End after so many results.  [default: at Ctrl-C]")
@click.option("--recent", type=WholeNumber(0, PAGE), default=10, show_default=True, help="Start with so many.")
def watch(screen: Screen, target: Target, count: int | None, recent: int) -> None:
    """Show results as they arrive, newest first, until Ctrl-C.

    If the stack has an API, it shows the pictures below the upload prefix (the output uploadPrefix), else all.

    Into a file or pipe and with --json, every result is one line, in the order of arrival.
    """
    arriving = arrivals(target.read_side()[0], recent)
    drawn = not screen.as_json and screen.out.is_terminal
    if not drawn:
        screen.note("waiting for results; Ctrl-C ends.")
    lines: deque[Text] = deque(maxlen=max(5, screen.out.height - 3))
    with Live(_newest_first(lines), console=screen.out, auto_refresh=False) if drawn else nullcontext() as live:
        for number, result in enumerate(arriving, start=1):
            if live is None:
                screen.line({**result})
                screen.show(summary_line(result))
            else:
                lines.appendleft(summary_line(result))
                live.update(_newest_first(lines), refresh=True)
            if number == count:
                return


def arrivals(results: Results, recent: int, sleep: Callable[[float], None] = time.sleep) -> Iterator[Result]:
    """Yield the newest `recent` results, oldest first, then every new one; never ends.

    The list is eventually consistent: a result may appear after one that is newer. So each look goes back until it
    meets results of earlier looks, but never behind the start of the first one.
    """
    shown: OrderedDict[tuple[str, ...], None] = OrderedDict()
    newest = results.list_images(PAGE).items
    since = newest[0]["processedAt"] if newest else ""
    _remember(shown, newest)
    yield from reversed(newest[:recent])
    while True:
        sleep(POLL_S)
        new = [result for result in _unseen(results, shown) if result["processedAt"] >= since]
        _remember(shown, new)
        yield from reversed(new)


def _unseen(results: Results, shown: OrderedDict[tuple[str, ...], None]) -> list[Result]:
    new: list[Result] = []
    cursor: str | None = None
    while True:
        page = results.list_images(PAGE, cursor)
        unseen = [result for result in page.items if _identity(result) not in shown]
        new += unseen
        cursor = page.cursor
        if cursor is None or len(unseen) < len(page.items):
            return new


def _remember(shown: OrderedDict[tuple[str, ...], None], results: Iterable[Result]) -> None:
    shown.update((_identity(result), None) for result in results)
    while len(shown) > REMEMBERED:
        shown.popitem(last=False)


def _identity(result: Result) -> tuple[str, ...]:
    return result["key"], result["sequencer"], result["status"], result["processedAt"]


def _newest_first(lines: Iterable[Text]) -> Group:
    shown = list(lines) or [Text("no results yet", style="dim")]
    return Group(*shown, Text("waiting for results; Ctrl-C ends", style="dim"))
