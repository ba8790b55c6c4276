"""The rules that choose and name the labels of a result. Pure.

The rules are the stack's settings `labelBlocklist`, `labelAllowlist`, `labelAliases` and `minConfidenceByLabel`. They
hold when a result is written. What Rekognition said stays with the result, so that other rules cost no other call.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Self, cast

from .document import Label

Names = frozenset[str]
"""Names of labels, in lower case."""


@dataclass(frozen=True)
class LabelRules:
    """Rules compare names without regard to case.

    A label counts under Rekognition's name and under its alias: it is shown unless one of them is blocked, where the
    allowlist has one of them, and at the higher of their confidences. All others need the stack's own `minConfidence`.
    The parents of a label go by the same names, and without those that are blocked.
    """

    blocklist: Names = frozenset()
    allowlist: Names | None = None
    """The allowed labels; None allows all, as an empty list in the settings does."""
    aliases: Mapping[str, str] = field(default_factory=dict)
    """The name to show, by name in lower case."""
    confidences: Mapping[str, Decimal] = field(default_factory=dict)
    """Confidence in percent below which a label is not shown, by name in lower case."""

    @classmethod
    def of(
        cls,
        blocklist: Collection[str] | None = None,
        allowlist: Collection[str] | None = None,
        aliases: Mapping[str, str] | None = None,
        confidences: Mapping[str, Decimal] | None = None,
    ) -> Self:
        """Return the rules of these settings; None stands for a setting that is absent."""
        return cls(
            frozenset(map(str.casefold, blocklist or ())),
            frozenset(map(str.casefold, allowlist)) if allowlist else None,
            {name.casefold(): alias for name, alias in (aliases or {}).items()},
            {name.casefold(): confidence for name, confidence in (confidences or {}).items()},
        )

    def asked_confidence(self, min_confidence: Decimal) -> Decimal:
        """Return the confidence in percent from which the rules need Rekognition's labels."""
        return min([min_confidence, *self.confidences.values()])

    @cached_property
    def fingerprint(self) -> str:
        """Return a hash of the rules, or "" if they keep every label as Rekognition names it."""
        if self.allowlist is None and not (self.blocklist or self.aliases or self.confidences):
            return ""
        facts = [
            sorted(self.blocklist),
            None if self.allowlist is None else sorted(self.allowlist),
            sorted(self.aliases.items()),
            sorted((name, str(confidence.normalize())) for name, confidence in self.confidences.items()),
        ]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]

    def shown(self, labels: Sequence[Label], min_confidence: Decimal) -> list[Label]:
        """Return the labels that are shown, the surest first; of two with the same name, the surer one."""
        if not self.fingerprint:
            return list(labels)
        by_name: dict[str, Label] = {}
        for label in sorted(labels, key=lambda each: each["confidence"], reverse=True):
            name, names = self._name(label["name"]), self._names(label["name"])
            is_allowed = self.allowlist is None or not names.isdisjoint(self.allowlist)
            least = max((self.confidences[each] for each in names if each in self.confidences), default=min_confidence)
            if is_allowed and names.isdisjoint(self.blocklist) and label["confidence"] >= least:
                parents = [
                    self._name(parent) for parent in label["parents"] if self._names(parent).isdisjoint(self.blocklist)
                ]
                shown_label = {**label, "name": name, "parents": list(dict.fromkeys(parents))}
                by_name.setdefault(name.casefold(), cast("Label", shown_label))
        return list(by_name.values())

    def _name(self, name: str) -> str:
        return self.aliases.get(name.casefold(), name)

    def _names(self, name: str) -> set[str]:
        return {name.casefold(), self._name(name).casefold()}
