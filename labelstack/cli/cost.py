"""`cost`: a month's price, and the savings by known content."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from labelstack import calls, prices, pricing
from labelstack.cli.backend import PROJECT
from labelstack.cli.options import NUMBER, Number, WholeNumber, command
from labelstack.cli.screen import Screen
from labelstack.cli.tables import Fitting, plain_table
from labelstack.cli.target import Target
from labelstack.errors import InputError, ProgramError
from labelstack.pricing import Estimate, Shape, Volumes

if TYPE_CHECKING:
    from settings import Settings

CENT = 0.005


class Percentage(click.ParamType[float]):
    """`10%` or `0.1`, as a fraction."""

    name = "percentage"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the fraction; wrong usage when it is none from 0 to 1."""
        text = str(value).strip()
        number = text.removesuffix("%").rstrip()
        fraction = float(number) / (100 if text.endswith("%") else 1) if NUMBER.fullmatch(number) else -1
        if not 0 <= fraction <= 1:
            self.fail(f"{value!r} is not a share: expected 0% to 100%, or 0 to 1.", param, ctx)
        return fraction


count_option = partial(click.option, type=WholeNumber(min=0), default=0, show_default=True, metavar="N")


@command(examples=["labelstack cost --stack prod --pictures 100000 --duplicates 10%"])
@count_option("--pictures", default=10_000, help="Uploads in a month.")
@click.option(
    "--average-kb", type=Number(min=0), default=800, show_default=True, metavar="KB", help="Size of a picture."
)
@click.option(
    "--duplicates", type=Percentage(), default="0%", show_default=True, help="Share of pictures with known bytes."
)
@count_option("--reads", "api_requests", help="Requests to the API in a month.")
@count_option("--page-views", help="Visits to the page in a month.")
@count_option("--picture-views", help="Views of full pictures in a month.")
@count_option("--mails", help="Mails to subscribers in a month.")
@click.option(
    "--labels", type=WholeNumber(0, 49), metavar="N", help="Labels of a picture, on average.  [default: maxLabels]"
)
@click.option("--saved", is_flag=True, help="Show what known content has saved on the deployed stack.")
@click.option(
    "--days", type=WholeNumber(1, 455), default=30, show_default=True, metavar="N", help="How far back, for --saved."
)
def cost(
    screen: Screen,
    target: Target,
    average_kb: float,
    labels: int | None,
    saved: bool,
    days: int,
    **counts: Any,
) -> None:
    """Estimate a stack's monthly cost on AWS.

    It needs no deployed stack: the settings are those in Pulumi.STACK.yaml (--stack), the prices a dated table of
    us-east-1. With --saved, it counts the Rekognition calls that known content has saved on the deployed stack.
    """
    table, settings = prices.load(), read_settings(target.stack)
    shape = shape_of(settings)
    if saved:
        connection = target.connect()
        service = f"{settings['name']}-{target.stack}"
        counted = calls.count(connection.cloud, connection.outputs, service, days)
        call_usd = pricing.rekognition_usd(table, shape, 1) / shape.detectors  # on average, at the first tier
        _show_saved(screen, counted, days, call_usd)
        return
    if shape.api == "none" and counts["api_requests"]:
        raise InputError(f"stack {target.stack} has no API to send --reads to: set labelstack:api, or leave them out.")
    if labels is not None and labels > shape.max_labels:
        raise InputError(
            f"--labels is {labels}, but stack {target.stack} keeps {shape.max_labels} at most (maxLabels)."
        )
    volumes = Volumes(average_bytes=average_kb * pricing.KB, labels=labels, **counts)
    estimate = pricing.estimate(shape, volumes, table)
    screen.document(_document(estimate, target.stack, table))
    if not screen.as_json:
        _show(screen, estimate, target.stack, table)


def read_settings(stack: str) -> Settings:
    """Return a stack's settings by its file. Raises ProgramError when there is none, or they are wrong."""
    # Here, as the settings and the engine's reader import Pulumi, which takes half a second.
    import settings as stack_settings
    from labelstack.engines import configuration

    config = configuration.read(configuration.Project.read(PROJECT), stack, {}, {})
    prefix = f"{stack_settings.NAMESPACE}:"
    try:
        return stack_settings.parse(
            {key.removeprefix(prefix): value for key, value in config.items() if key.startswith(prefix)}
        )
    except stack_settings.SettingsError as error:
        raise ProgramError(str(error)) from error


def shape_of(settings: Settings) -> Shape:
    """Return the settings that cost money."""
    return Shape(
        detectors=len(settings["detectors"]),
        image_properties=settings["imageProperties"],
        max_labels=settings["maxLabels"] if "labels" in settings["detectors"] else 0,
        memory_mb=settings["memoryMb"],
        architecture=settings["architecture"],
        api=settings["api"],
        cloudfront=settings["website"] == "cloudfront",
        monitoring=settings["monitoring"],
        daily_cost_alarm=settings["dailyCostBoundUsd"] is not None,
        results_bucket=settings["resultsBucket"],
        notifications=settings["notifications"],
        workflow=settings["pipeline"] == "workflow",
        previews=settings["previews"],
        limits_addresses=settings["api"] != "none" and settings["apiRequestsPerAddress"] is not None,
    )


def _show_saved(screen: Screen, counted: calls.Calls, days: int, call_usd: float) -> None:
    usd = counted.saved * call_usd
    said = {"days": days, "callsMade": counted.calls, "callsSaved": counted.saved, "savedUsd": round(usd, 4)}
    screen.document({**said, "source": counted.source})
    if screen.as_json:
        return
    of_all = counted.saved / ((counted.calls + counted.saved) or 1)
    screen.show(
        f"In {days} days known content saved {counted.saved:,} of {counted.calls + counted.saved:,} Rekognition calls "
        f"({of_all:.0%}): {_usd(usd)} at {call_usd:g} USD a call."
    )
    screen.note(f"Counted from {counted.source}.")


def _show(screen: Screen, estimate: Estimate, stack: str, table: prices.PriceTable) -> None:
    columns, unbroken = ("Service", "What", "Quantity", "", "USD"), ("Service", "Quantity", "USD")
    shown, narrow = plain_table(*columns, right=("Quantity", "USD"), unbroken=unbroken), []
    services = list(dict.fromkeys(line.service for line in estimate.lines))
    in_order = sorted(estimate.lines, key=lambda line: services.index(line.service))
    for service, lines in groupby(in_order, key=lambda line: line.service):
        for i, line in enumerate(lines):
            quantity, usd = f"{line.quantity:,.2f}".rstrip("0").rstrip("."), _usd(line.usd)
            title = Text(service if i == 0 else "", style="bold")
            shown.add_row(title, line.what, quantity, Text(line.unit, style="dim"), usd)
            narrow.append(
                Text.assemble((service, "bold"), f", {line.what}: {usd} ", (f"({quantity} {line.unit})", "dim"))
            )
    total = Text(_usd(estimate.total_usd), style="bold")
    shown.add_section()
    shown.add_row(Text("A month", style="bold"), "", "", "", total)
    narrow.append(Text.assemble(("A month: ", "bold"), total))
    screen.show(f"Stack {stack} on AWS, prices of {table.region} as of {table.date}")
    screen.show()
    screen.show(Fitting(shown, narrow))
    screen.show()
    if estimate.saved_calls:
        screen.show(f"Known content saves {estimate.saved_calls:,} Rekognition calls, {_usd(estimate.saved_usd)}.")
        screen.show()
    for assumption in estimate.assumptions:
        screen.show(Text(f"· {assumption}", style="dim"))


def _usd(amount: float) -> str:
    return "< $0.01" if 0 < amount < CENT else f"${amount:,.2f}"


def _document(estimate: Estimate, stack: str, table: prices.PriceTable) -> dict[str, Any]:
    return {
        "stack": stack,
        "region": table.region,
        "pricesOf": table.date,
        "currency": "USD",
        "totalUsd": round(estimate.total_usd, 4),
        "lines": [{**asdict(line), "usd": round(line.usd, 6)} for line in estimate.lines],
        "saved": {"rekognitionCalls": estimate.saved_calls, "usd": round(estimate.saved_usd, 4)},
        "assumptions": list(estimate.assumptions),
        "sources": sorted({price.source for price in table.prices.values()}),
    }
