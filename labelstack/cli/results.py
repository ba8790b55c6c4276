"""`result`, `list`, `labels`, `search`, and `watch` for results as they arrive."""

from __future__ import annotations

import re
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from decimal import Decimal
from typing import get_args

import click
from rich.console import Group
from rich.live import Live
from rich.text import Text

from handlers.results.codes import Status
from handlers.results.document import Result
from handlers.results.query import Kind, Order, Query
from handlers.results.search import Page
from labelstack.api_results import ApiResults
from labelstack.cli.options import Number, WholeNumber, command
from labelstack.cli.screen import Screen, count_text
from labelstack.cli.tables import counts_table, matches_table, result_page, summary_line
from labelstack.cli.target import Target
from labelstack.errors import NotFoundError
from labelstack.service import Results

PLAIN_WORDS = re.compile(r"""(?!-|.*\s-)[^":]*\S\s+\S[^":]*""")
PAGE = 100  # the most that one call of the read side gives
POLL_S = 0.5
WATCHED_PAGE = 50
REMEMBERED = 10_000
LISTED = (Status.LABELED, Status.REJECTED, Status.FAILED)

limit_option = click.option(
    "--limit", type=WholeNumber(min=1), default=20, show_default=True, help="The largest number of pictures."
)
status_option = click.option("--status", type=click.Choice(LISTED), help="Only pictures in this state.")
cursor_option = click.option("--cursor", help="Continue where an earlier run ended (`cursor` in its --json).")


@command(examples=["labelstack result holiday/cat.jpg"])
@click.argument("key")
def result(screen: Screen, target: Target, key: str) -> None:
    """Show the result of one picture.

    KEY is the picture's key as `upload` and `search` show it; the upload prefix may be left out.
    """
    document = _find(target, key)
    screen.document(document)
    screen.show(result_page(document))


def _find(target: Target, key: str) -> Result:
    results, prefix = target.read_side()
    deleted: Result | None = None
    for candidate in dict.fromkeys([key, prefix + key]):
        candidate_result = results.get(candidate)
        if candidate_result is not None and candidate_result["status"] != Status.DELETED:
            return candidate_result
        deleted = deleted or candidate_result
    if deleted is not None:
        when = f" ({deleted['processedAt']})" if deleted["processedAt"] else ""  # the API does not tell
        raise NotFoundError(f"no result for {key!r}: the picture was deleted{when}.")
    hides = isinstance(results, ApiResults) and not results.sees_all
    raise NotFoundError(
        f"no result for {key!r}: if it was uploaded a moment ago, wait a second; `labelstack list` and "
        f"`labelstack search` show existing keys{f'; the API shows pictures below {prefix!r} only' if hides else ''}."
    )


@command("list", examples=["labelstack list --limit 100", "labelstack list --status FAILED"])
@status_option
@limit_option
@cursor_option
def list_pictures(screen: Screen, target: Target, status: str | None, limit: int, cursor: str | None) -> None:
    """List pictures with their results, newest first.

    If the stack has an API, it lists the pictures below the upload prefix, else all.
    """
    results, _ = target.read_side()
    chosen = Status(status) if status else None
    page = read_pages(lambda most, at: results.list_images(most, at, chosen), limit, cursor)
    for picture in page.items:
        screen.show(summary_line(picture))
    _end(screen, page, f"no {status or 'picture'} yet: upload one with `labelstack upload PATH --wait`.")


@command(examples=["labelstack labels"])
def labels(screen: Screen, target: Target) -> None:
    """List all labels, with their numbers of pictures.

    If the stack has an API, it lists the pictures below the upload prefix, else all.
    """
    counts = target.read_side()[0].label_counts()
    screen.document(counts)
    if counts:
        screen.show(counts_table(counts))
    elif not screen.as_json:
        screen.note("no labels yet: upload a picture with `labelstack upload PATH --wait`.")


@command(
    examples=["labelstack search cat -dog --min-confidence 90", "labelstack search name:IMG_12 from:2026-01-01"],
    # So that -dog is a condition.
    context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]},
)
@click.argument("words", nargs=-1, required=True, metavar="QUERY...")
@click.option(
    "--min-confidence",
    type=Number(0, 100),
    default=0,
    show_default=True,
    metavar="PERCENT",
    help="The least confidence of each label.",
)
@limit_option
@click.option("--order", type=click.Choice(get_args(Order)), default="newest", show_default=True)
@cursor_option
def search(
    screen: Screen,
    target: Target,
    words: tuple[str, ...],
    min_confidence: float,
    limit: int,
    order: Order,
    cursor: str | None,
) -> None:
    """Find the pictures that match the whole QUERY.

    A word is a label, in upper or lower case. More conditions: text:stop (a word in the picture), name:IMG_12 (a part
    of the file's name), camera:canon, faces:none, faces:one, faces:group, flagged:yes, flagged:no, from:2026-01-01 and
    to:2026-01-31 (the camera's dates, else those of the upload in UTC). A minus negates a condition: -dog. Quotation
    marks hold words together: 'text:"no parking"'.

    --order confidence puts the highest confidence of the first label first, --order taken the latest date. If the stack
    has an API, it finds the pictures below the upload prefix, else all.
    """
    results, _ = target.read_side()
    # A shell takes the quotation marks off a label of several words.
    text = " ".join(f'"{word}"' if PLAIN_WORDS.fullmatch(word) else word for word in words)
    query = Query.of(text, min_confidence=Decimal(str(min_confidence)), order=order)
    page = read_pages(lambda most, at: results.search(query, most, at), limit, cursor)
    otherwise = "; `labelstack labels` lists all labels."
    if page.items:
        screen.show(matches_table(page.items, query.has(Kind.LABEL)))
    elif not screen.as_json and min_confidence and results.search(Query.of(text), limit=1).items:
        least = f"{query.min_confidence:f}%"
        otherwise = f" with at least {least}, but some match with less: lower --min-confidence."
    _end(screen, page, f"no picture matches {query}{otherwise}")


def read_pages(read: Callable[[int, str | None], Page], limit: int, cursor: str | None) -> Page:
    """Read up to `limit` items, from as many pages as that takes, into one page."""
    is_first, items, total = cursor is None, list[Result](), None
    while True:
        page = read(min(PAGE, limit - len(items)), cursor)
        items += page.items
        total, cursor = total or page.total, page.cursor
        if cursor is None or len(items) >= limit:
            return Page(items, cursor, len(items) if is_first and cursor is None else total)


def _end(screen: Screen, page: Page, otherwise: str) -> None:
    """Print the page as JSON; for a person, who has seen its pictures, their number, or the note for no picture."""
    content = {"items": page.items, "cursor": page.cursor, "total": page.total}
    screen.document({name: value for name, value in content.items() if value is not None})
    if screen.as_json:
        return
    if not page.items:
        screen.note(otherwise)
    elif page.cursor and page.total is not None:
        screen.note(f"{len(page.items):,} of {count_text(page.total, 'picture')}: raise --limit for more")
    else:
        more = "; there are more: raise --limit" if page.cursor else ""
        screen.note(f"{count_text(len(page.items), 'picture')}{more}")


@command(examples=["labelstack watch --recent 0"])
@click.option("--count", type=WholeNumber(min=1), help="End after so many results.  [default: at Ctrl-C]")
@click.option("--recent", type=WholeNumber(0, WATCHED_PAGE), default=10, show_default=True, help="Start with so many.")
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
    newest = results.list_images(WATCHED_PAGE).items
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
        page = results.list_images(WATCHED_PAGE, cursor)
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
