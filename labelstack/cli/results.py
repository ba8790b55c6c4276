"""`result`, `labels` and `search`."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import click

from handlers.results import Match, Result, Status
from labelstack.cli.options import json_option, target_options
from labelstack.cli.screen import Screen, count_text
from labelstack.cli.tables import counts_table, matches_table, result_page
from labelstack.cli.target import Connection, Target, connect
from labelstack.errors import NotFoundError

PAGE = 100  # the most that one call of the read side gives


@click.command()
@click.argument("key")
@json_option
@target_options
@click.pass_context
def result(ctx: click.Context, target: Target, key: str, as_json: bool) -> None:
    """Show what was found in one picture.

    KEY is the picture's key as `upload` and `search` show it; the upload prefix may be left out.
    """
    screen = Screen(as_json=as_json)
    connection = connect(ctx.obj, target)
    found = _find(connection, key)
    if as_json:
        screen.document(found)
    screen.show(result_page(found))


def _find(connection: Connection, key: str) -> Result:
    deleted: Result | None = None
    for candidate in dict.fromkeys([key, connection.prefix + key]):
        found = connection.service.results.get(candidate)
        if found is not None and found["status"] != Status.DELETED:
            return found
        deleted = deleted or found
    if deleted is not None:
        raise NotFoundError(f"no result for {key!r}: the picture was deleted ({deleted['processedAt']}).")
    raise NotFoundError(
        f"no result for {key!r}: if it was uploaded a moment ago, wait a second; `labelstack search` and "
        "`labelstack watch` show the keys there are."
    )


@click.command()
@json_option
@target_options
@click.pass_context
def labels(ctx: click.Context, target: Target, as_json: bool) -> None:
    """List all labels and how many pictures carry each."""
    screen = Screen(as_json=as_json)
    counts = connect(ctx.obj, target).service.results.label_counts()
    if as_json:
        screen.document(counts)
    elif counts:
        screen.show(counts_table(counts))
    else:
        screen.note("no labels yet: upload a picture with `labelstack upload PATH --wait`.")


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="LABEL...")
@click.option(
    "--min-confidence",
    type=click.FloatRange(0, 100),
    default=0,
    show_default=True,
    metavar="PERCENT",
    help="Every label with at least this confidence.",
)
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="At most so many pictures.")
@click.option("--order", type=click.Choice(["newest", "confidence"]), default="newest", show_default=True)
@click.option("--cursor", help="Go on where an earlier search ended (its `cursor` in --json).")
@json_option
@target_options
@click.pass_context
def search(
    ctx: click.Context,
    target: Target,
    names: tuple[str, ...],
    min_confidence: float,
    limit: int,
    order: Literal["newest", "confidence"],
    cursor: str | None,
    as_json: bool,
) -> None:
    """Find the pictures that carry every one of the LABELs (in any case).

    --order confidence puts those first that are surest of the first label.
    """
    screen = Screen(as_json=as_json)
    results = connect(ctx.obj, target).service.results
    found: list[Match] = []
    while True:
        page = results.search(
            names,
            min_confidence=Decimal(str(min_confidence)),
            order=order,
            limit=min(PAGE, limit - len(found)),
            cursor=cursor,
        )
        found += page.items
        cursor = page.cursor
        if cursor is None or len(found) >= limit:
            break
    if as_json:
        screen.document({"items": found, **({"cursor": cursor} if cursor else {})})
    elif found:
        screen.show(matches_table(found))
        more = "; there are more: raise --limit" if cursor else ""
        screen.note(f"{count_text(len(found), 'picture')}{more}")
    else:
        screen.note(
            f"no picture carries {' and '.join(repr(name) for name in names)}; `labelstack labels` lists what there is."
        )
