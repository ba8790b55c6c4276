"""`result`, `labels` and `search`."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import click

from handlers.results import Match, Result, Status
from labelstack.cli.options import json_option, target_options
from labelstack.cli.screen import Screen, count_text
from labelstack.cli.tables import counts_table, matches_table, result_page
from labelstack.cli.target import ReadSide, Target, read_side
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
    found = _find(read_side(ctx.obj, target), key)
    if as_json:
        screen.document(found)
    screen.show(result_page(found))


def _find(side: ReadSide, key: str) -> Result:
    deleted: Result | None = None
    for candidate in dict.fromkeys([key, side.prefix + key]):
        found = side.results.get(candidate)
        if found is not None and found["status"] != Status.DELETED:
            return found
        deleted = deleted or found
    if deleted is not None:
        when = f" ({deleted['processedAt']})" if deleted["processedAt"] else ""  # the API does not tell
        raise NotFoundError(f"no result for {key!r}: the picture was deleted{when}.")
    raise NotFoundError(
        f"no result for {key!r}: if it was uploaded a moment ago, wait a second; `labelstack search` and "
        f"`labelstack watch` show the keys there are{side.blind_spot}."
    )


@click.command()
@json_option
@target_options
@click.pass_context
def labels(ctx: click.Context, target: Target, as_json: bool) -> None:
    """List all labels and how many pictures carry each.

    Of a stack with an API these are the pictures below its upload prefix, which is what an API shows.
    """
    screen = Screen(as_json=as_json)
    counts = read_side(ctx.obj, target).results.label_counts()
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

    --order confidence puts those first that are surest of the first label. Of a stack with an API, pictures below its
    upload prefix are found, which is what an API shows.
    """
    screen = Screen(as_json=as_json)
    results = read_side(ctx.obj, target).results
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
