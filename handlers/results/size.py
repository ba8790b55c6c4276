"""Fitting a result into a DynamoDB item, and saying what was cut.

An item holds 400 KB, names and values; how they count is on the page CapacityUnitCalculations.html of the DynamoDB
developer guide. A crowd with hundreds of boxes, or a page of print, can be more: the largest lists are shortened, the
least certain first, until it fits.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final, Literal, TypeAlias, cast

from handlers.results.document import Analysis, Label

_Names: TypeAlias = Literal["parents", "aliases", "categories"]

MAX_ANALYSIS_BYTES: Final = 350_000
"""Leaves room in the 400 KB for the rest of the item, a key of 1,024 bytes several times among it."""


def size_bytes(value: object) -> int:
    """At least as many bytes as DynamoDB counts for the value."""
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, bool) or value is None:
        return 1
    if isinstance(value, (int, Decimal)):
        return len(str(value)) // 2 + 3
    if isinstance(value, Mapping):
        return 3 + sum(size_bytes(name) + size_bytes(item) + 1 for name, item in value.items())
    if isinstance(value, (list, tuple)):
        return 3 + sum(size_bytes(item) + 1 for item in value)
    raise TypeError(f"a result holds no {type(value).__name__}")


def trimmed(analysis: Analysis, max_bytes: int = MAX_ANALYSIS_BYTES) -> tuple[Analysis, list[str]]:
    """The analysis cut to `max_bytes`, and the names of the parts that lost something, sorted."""
    if size_bytes(analysis) <= max_bytes:
        return analysis, []
    smaller = copy.deepcopy(analysis)
    cut: set[str] = set()
    while size_bytes(smaller) > max_bytes:
        name = max(_PARTS, key=lambda part: _PARTS[part][0](smaller))
        if _PARTS[name][0](smaller) == 0:
            break
        _PARTS[name][1](smaller)
        cut.add(name)
    return smaller, sorted(cut)


def _list_size(name: str) -> Callable[[Analysis], int]:
    return lambda analysis: size_bytes(_list(analysis, name)) if _list(analysis, name) else 0


def _halve_list(name: str) -> Callable[[Analysis], None]:
    def halve(analysis: Analysis) -> None:
        items = _list(analysis, name)
        items[:] = _surest_half(items)

    return halve


def _list(analysis: Analysis, name: str) -> list[Any]:
    return cast("dict[str, list[Any]]", analysis).get(name, [])


def _surest_half(items: list[Any]) -> list[Any]:
    """The surer half, in the order it had."""
    surest = sorted(range(len(items)), key=lambda index: items[index]["confidence"], reverse=True)
    return [items[index] for index in sorted(surest[: len(items) // 2])]


def _instances_size(analysis: Analysis) -> int:
    return sum(size_bytes(label["instances"]) for label in analysis.get("labels", []) if label["instances"])


def _halve_instances(analysis: Analysis) -> None:
    labels: list[Label] = analysis.get("labels", [])
    most = max(len(label["instances"]) for label in labels)
    for label in labels:
        # Labels with few boxes keep them all: a crowd loses boxes, its one dog does not.
        while len(label["instances"]) > most // 2:
            label["instances"] = _surest_half(label["instances"])


def _names_size(part: _Names) -> Callable[[Analysis], int]:
    return lambda analysis: sum(size_bytes(label[part]) for label in analysis.get("labels", []) if label[part])


def _drop_names(part: _Names) -> Callable[[Analysis], None]:
    def drop(analysis: Analysis) -> None:
        for label in analysis.get("labels", []):
            label[part] = []

    return drop


# Labels themselves are at most 49 and never cut: search and the counters rely on them.
_PARTS: Final[dict[str, tuple[Callable[[Analysis], int], Callable[[Analysis], None]]]] = {
    "labels.instances": (_instances_size, _halve_instances),
    "labels.parents": (_names_size("parents"), _drop_names("parents")),
    "labels.aliases": (_names_size("aliases"), _drop_names("aliases")),
    "labels.categories": (_names_size("categories"), _drop_names("categories")),
    "faces": (_list_size("faces"), _halve_list("faces")),
    "moderation": (_list_size("moderation"), _halve_list("moderation")),
    "text": (_list_size("text"), _halve_list("text")),
}
