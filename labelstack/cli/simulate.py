"""`simulate`: what changed settings of labels would do to results that are stored."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal

import click
from rich.text import Text

from handlers.results.label_rules import LabelRules
from labelstack.cli.cost import read_settings
from labelstack.cli.options import command, json_option, target_options
from labelstack.cli.repair_target import repair_target
from labelstack.cli.screen import Screen, count_text, visible
from labelstack.cli.tables import plain_table
from labelstack.cli.target import Target
from labelstack.repair.simulation import Change, Simulation, simulate

SHOWN = 50


@command(
    "simulate", short_help="Show what new rules of labels would change.", examples=["labelstack simulate --stack dev"]
)
@click.option("--prefix", default="", help="Only pictures whose keys start with this.")
@json_option
@target_options
@click.pass_context
def simulate_labels(ctx: click.Context, target: Target, prefix: str, as_json: bool) -> None:
    """Show the effect of labelBlocklist, labelAllowlist, labelAliases and minConfidenceByLabel.

    It applies the settings in Pulumi.STACK.yaml (--stack), deployed or not, to Rekognition's stored answers. It writes
    nothing, and costs only the reading of the table. `labelstack up` and `labelstack reprocess --labels` apply the
    rules. Labels below the confidence that Rekognition was called with cannot appear.
    """
    screen, settings = Screen(as_json=as_json), read_settings(target.stack)
    confidences = {name: Decimal(str(value)) for name, value in (settings["minConfidenceByLabel"] or {}).items()}
    rules = LabelRules.of(settings["labelBlocklist"], settings["labelAllowlist"], settings["labelAliases"], confidences)
    stack = repair_target(ctx.obj, target, None)
    simulation = simulate(stack.table.walk_labels(prefix), rules, Decimal(str(settings["minConfidence"])))
    if as_json:
        screen.document(asdict(simulation))
    else:
        _show(screen, simulation)


def _show(screen: Screen, simulation: Simulation) -> None:
    table = plain_table("Label", "Change", "Pictures", "For example", right=("Pictures",))
    rows = [(name, "lost", change) for name, change in simulation.lost.items()]
    rows += [(name, "gained", change) for name, change in simulation.gained.items()]
    rows.sort(key=lambda row: (-row[2].pictures, row[0]))
    for name, kind, change in rows[:SHOWN]:
        examples = ", ".join(map(visible, change.examples))
        table.add_row(visible(name), Text(kind, "yellow"), f"{change.pictures:,}", Text(examples, "dim"))
    if rows:
        screen.show(table)
    if len(rows) > SHOWN:
        screen.note(f"{SHOWN} of {len(rows)} changes shown; all with --json")
    screen.note(
        f"{count_text(simulation.pictures, 'picture')}, of which {simulation.changed.pictures:,} would change"
        f"{_examples(simulation.unlabeled)}."
    )


def _examples(unlabeled: Change) -> str:
    if not unlabeled.pictures:
        return ""
    return f"; {unlabeled.pictures:,} would show no label at all, for example {visible(unlabeled.examples[0])}"
