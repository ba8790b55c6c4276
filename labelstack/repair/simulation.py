"""A simulation of other rules of labels on stored results."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from handlers.results.document import Label, Result
from handlers.results.label_rules import LabelRules

EXAMPLES = 3


@dataclass
class Change:
    """The number of affected pictures, and the first of their keys."""

    pictures: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, key: str) -> None:
        """Count a picture."""
        self.pictures += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append(key)


@dataclass
class Simulation:
    """The changes that a simulation counts."""

    pictures: int = 0
    changed: Change = field(default_factory=Change)
    unlabeled: Change = field(default_factory=Change)
    """Pictures that show labels now, and would show none."""
    lost: dict[str, Change] = field(default_factory=dict)
    """Pictures by the label that they would lose."""
    gained: dict[str, Change] = field(default_factory=dict)
    """Pictures by the label that they would gain."""


def simulate(results: Iterable[tuple[Result, list[Label]]], rules: LabelRules, min_confidence: Decimal) -> Simulation:
    """Apply rules to results, each with all labels that Rekognition gave it, without storing anything.

    A picture that comes twice, because it is relabelled meanwhile, counts with its last result.
    """
    simulation = Simulation()
    for key, (before, after) in {
        result["key"]: (_names(result.get("labels", [])), _names(rules.shown(labels, min_confidence)))
        for result, labels in results
    }.items():
        simulation.pictures += 1
        if before == after:
            continue
        simulation.changed.add(key)
        if before and not after:
            simulation.unlabeled.add(key)
        for name in sorted(before - after):
            simulation.lost.setdefault(name, Change()).add(key)
        for name in sorted(after - before):
            simulation.gained.setdefault(name, Change()).add(key)
    return simulation


def _names(labels: Iterable[Label]) -> set[str]:
    return {label["name"] for label in labels}
