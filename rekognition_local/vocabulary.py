"""The service's vocabulary: labels with parents, aliases and categories, and the moderation taxonomy.

Labels: the part of model 3.0 that this server can see, as answers of the service spell it. Moderation: taxonomy 7
(docs.aws.amazon.com/rekognition/latest/dg/moderation-api.html).
"""

from __future__ import annotations

from dataclasses import dataclass

LABEL_MODEL_VERSION = "3.0"
MODERATION_MODEL_VERSION = "7.0"
TEXT_MODEL_VERSION = "3.0"


@dataclass(frozen=True, slots=True)
class LabelEntry:
    """What the vocabulary knows of a label; parents are all ancestors, in alphabetical order as the service has."""

    name: str
    parents: tuple[str, ...] = ()
    category: str | None = None
    aliases: tuple[str, ...] = ()


_ANIMALS = "Animals and Pets"
_NATURE = "Nature and Outdoors"
_PERSON = "Person Description"
_EXPRESSION = "Expressions and Emotions"
_TEXT = "Text and Documents"

_ENTRIES = (
    LabelEntry("Animal", (), _ANIMALS),
    LabelEntry("Mammal", ("Animal",), _ANIMALS),
    LabelEntry("Pet", ("Animal",), _ANIMALS),
    LabelEntry("Cat", ("Animal", "Mammal", "Pet"), _ANIMALS),
    LabelEntry("Dog", ("Animal", "Canine", "Mammal", "Pet"), _ANIMALS),
    LabelEntry("Canine", ("Animal", "Mammal"), _ANIMALS),
    LabelEntry("Bird", ("Animal",), _ANIMALS),
    LabelEntry("Horse", ("Animal", "Mammal"), _ANIMALS),
    LabelEntry("Person", (), _PERSON, ("Human",)),
    LabelEntry("People", ("Person",), _PERSON),
    LabelEntry("Crowd", ("Person",), _PERSON),
    LabelEntry("Head", ("Person",), _PERSON),
    LabelEntry("Face", ("Head", "Person"), _PERSON),
    LabelEntry("Happy", ("Face", "Head", "Person"), _EXPRESSION),
    LabelEntry("Smile", ("Face", "Happy", "Head", "Person"), _EXPRESSION),
    LabelEntry("Photography", (), "Hobbies and Interests"),
    LabelEntry("Portrait", ("Face", "Head", "Person", "Photography"), "Hobbies and Interests"),
    LabelEntry("Outdoors", (), _NATURE),
    LabelEntry("Nature", ("Outdoors",), _NATURE),
    LabelEntry("Sky", ("Nature", "Outdoors"), _NATURE),
    LabelEntry("Night", ("Nature", "Outdoors"), _NATURE),
    LabelEntry("Starry Sky", ("Nature", "Night", "Outdoors", "Sky"), _NATURE),
    LabelEntry("Water", (), _NATURE),
    LabelEntry("Mountain", ("Nature", "Outdoors"), _NATURE),
    LabelEntry("Plant", (), "Plants and Flowers"),
    LabelEntry("Flower", ("Plant",), "Plants and Flowers"),
    LabelEntry("Tree", ("Plant",), "Plants and Flowers"),
    LabelEntry("Text", (), _TEXT),
    LabelEntry("Page", ("Text",), _TEXT),
    LabelEntry("QR Code", (), "Technology and Computing"),
    LabelEntry("Transportation", (), "Transport and Logistics"),
    LabelEntry("Vehicle", ("Transportation",), "Vehicles and Automotive"),
    LabelEntry("Car", ("Transportation", "Vehicle"), "Vehicles and Automotive", ("Automobile",)),
    LabelEntry("Motorcycle", ("Transportation", "Vehicle"), "Vehicles and Automotive"),
    LabelEntry("Cup", (), "Kitchen and Dining"),
    LabelEntry("Food", (), "Food and Beverage"),
)
LABELS: dict[str, LabelEntry] = {entry.name: entry for entry in _ENTRIES}


def entry_of(name: str) -> LabelEntry:
    """The vocabulary's entry, or a bare one for a name that it does not hold."""
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
    """A moderation label and its ancestors as (name, parent, taxonomy level from 1), from the label upwards.

    A name outside the taxonomy stands alone at level 1.
    """
    if name not in MODERATION_PARENTS:
        return [(name, "", 1)]
    names = [name]
    while MODERATION_PARENTS[names[-1]]:
        names.append(MODERATION_PARENTS[names[-1]])
    return [(each, MODERATION_PARENTS[each], len(names) - i) for i, each in enumerate(names)]
