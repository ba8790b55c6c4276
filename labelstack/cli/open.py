"""`open`: the stack's page in a browser."""

from __future__ import annotations

import webbrowser

import click

from labelstack.cli.options import command, target_options
from labelstack.cli.screen import Screen
from labelstack.cli.target import Target, reach
from labelstack.errors import NoOutputsError

OUTPUT = "websiteUrl"


@command("open", examples=["labelstack open --print"])
@click.option("--print", "only_print", is_flag=True, help="Print the address only.")
@target_options
@click.pass_context
def open_page(ctx: click.Context, target: Target, only_print: bool) -> None:
    """Open the stack's page in a browser. Without a browser, print its address."""
    url = reach(ctx.obj, target)[1].get(OUTPUT)
    if not isinstance(url, str):
        raise NoOutputsError(
            f"stack {target.stack!r} has no page: set labelstack:website to s3 or cloudfront (and labelstack:api to "
            "rest or http, or labelstack:siteMode to guest), then deploy the stack."
        )
    click.echo(url)
    if not only_print and not webbrowser.open(url):
        Screen().note("no browser starts here: open the address in yours.")
