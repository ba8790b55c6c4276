"""`simulate`: what changed settings of labels would do to results that are stored."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal

from rich.text import Text

from handlers.results.label_rules import LabelRules
from labelstack.cli.cost import read_settings
from labelstack.cli.options import command, prefix_option
from labelstack.cli.repair_target import RepairTarget
from labelstack.cli.screen import Screen, count_text, visible
from labelstack.cli.tables import plain_table
from labelstack.cli.target import Target
from labelstack.repair.simulation import Simulation, simulate

SHOWN = 50


@command(
    "simulate", short_help="Show what new rules of labels would change.", examples=["labelstack simulate --stack dev"]
)
@prefix_option
def simulate_labels(screen: Screen, target: Target, prefix: str) -> None:
    """Show the effect of labelBlocklist, labelAllowlist, labelAliases and minConfidenceByLabel.

    It applies the settings in Pulumi.STACK.yaml (--stack), deployed or not, to Rekognition's stored answers. It writes
    nothing, and costs only the reading of the table. `labelstack up` and `labelstack reprocess --labels` apply the
    rules. Labels below the confidence that Rekognition was called with cannot appear.
    """
    settings = read_settings(target.stack)
    confidences = {name: Decimal(str(value)) for name, value in (settings["minConfidenceByLabel"] or {}).items()}
    rules = LabelRules.of(settings["labelBlocklist"], settings["labelAllowlist"], settings["labelAliases"], confidences)
    table = RepairTarget(target, None).table
    simulation = simulate(table.walk_labels(prefix), rules, Decimal(str(settings["minConfidence"])))
    screen.document(asdict(simulation))
    if not screen.as_json:
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
    bare = ""
    if simulation.unlabeled.pictures:
        example = visible(simulation.unlabeled.examples[0])
        bare = f"; {simulation.unlabeled.pictures:,} would show no label at all, for example {example}"
    screen.note(
        f"{count_text(simulation.pictures, 'picture')}, of which {simulation.changed.pictures:,} would change{bare}."
    )
