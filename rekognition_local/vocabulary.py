"""The service's vocabulary: labels with parents, aliases and categories, and the moderation taxonomy.

Labels: the part of model 3.0 that this server can see (``data/README.md``). Moderation: taxonomy 7
(docs.aws.amazon.com/rekognition/latest/dg/moderation-api.html).
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

LABEL_MODEL_VERSION = "3.0"
MODERATION_MODEL_VERSION = "7.0"
TEXT_MODEL_VERSION = "3.0"


@dataclass(frozen=True, slots=True)
class LabelEntry:
    """The vocabulary's entry of a label; parents are all ancestors, in the service's alphabetical order."""

    name: str
    parents: tuple[str, ...] = ()
    category: str | None = None
    aliases: tuple[str, ...] = ()


def read_labels(path: Path) -> dict[str, LabelEntry]:
    """Read a table of labels, with the nearest ancestors of each. Raises KeyError for a parent that has no row."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = {row["label"]: row for row in csv.DictReader(file)}

    def ancestors(label: str) -> set[str]:
        parents = {name for name in rows[label]["parents"].split(";") if name}
        return parents.union(*(ancestors(parent) for parent in parents))

    return {
        label: LabelEntry(
            label,
            tuple(sorted(ancestors(label))),
            row["category"] or None,
            tuple(alias for alias in row["aliases"].split(";") if alias),
        )
        for label, row in rows.items()
    }


DATA = Path(__file__).parent / "data"
LABELS = read_labels(DATA / "labels.csv")


def entry_of(name: str) -> LabelEntry:
    """Return the vocabulary's entry, or a bare one for a name that it does not hold."""
    return LABELS.get(name) or LabelEntry(name)


_TAXONOMY = """
Explicit
  Explicit Nudity
    Exposed Male Genitalia
    Exposed Female Genitalia
    Exposed Buttocks or Anus
    Exposed Female Nipple
  Explicit Sexual Activity
  Sex Toys
Non-Explicit Nudity of Intimate parts and Kissing
  Non-Explicit Nudity
    Bare Back
    Exposed Male Nipple
    Partially Exposed Buttocks
    Partially Exposed Female Breast
    Implied Nudity
  Obstructed Intimate Parts
    Obstructed Female Nipple
    Obstructed Male Genitalia
  Kissing on the Lips
Swimwear or Underwear
  Female Swimwear or Underwear
  Male Swimwear or Underwear
Violence
  Weapons
  Graphic Violence
    Weapon Violence
    Physical Violence
    Self-Harm
    Blood & Gore
    Explosions and Blasts
Visually Disturbing
  Death and Emaciation
    Emaciated Bodies
    Corpses
  Crashes
    Air Crash
Drugs & Tobacco
  Products
    Pills
  Drugs & Tobacco Paraphernalia & Use
    Smoking
Alcohol
  Alcohol Use
    Drinking
  Alcoholic Beverages
Rude Gestures
  Middle Finger
Gambling
Hate Symbols
  Nazi Party
  White Supremacy
  Extremist
"""


def _moderation_parents(taxonomy: str) -> dict[str, str]:
    parents: dict[str, str] = {}
    path: list[str] = []
    for line in taxonomy.strip().splitlines():
        level = (len(line) - len(line.lstrip())) // 2
        path[level:] = [line.strip()]
        parents[line.strip()] = path[level - 1] if level else ""
    return parents


# Each moderation label's parent; "" for those at the top, as the service answers.
MODERATION_PARENTS: dict[str, str] = _moderation_parents(_TAXONOMY)


def moderation_line(name: str) -> list[tuple[str, str, int]]:
    """Return a moderation label and its ancestors as (name, parent, taxonomy level from 1), from the label upwards.

    A name outside the taxonomy stands alone at level 1.
    """
    if name not in MODERATION_PARENTS:
        return [(name, "", 1)]
    names = [name]
    while MODERATION_PARENTS[names[-1]]:
        names.append(MODERATION_PARENTS[names[-1]])
    return [(each, MODERATION_PARENTS[each], len(names) - i) for i, each in enumerate(names)]
