"""`result`, `list`, `labels` and `search`."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import get_args

import click

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

PLAIN_WORDS = re.compile(r"""(?!-|.*\s-)[^":]*\S\s+\S[^":]*""")
PAGE = 100  # the most that one call of the read side gives
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
