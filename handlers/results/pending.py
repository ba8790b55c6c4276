"""What a stored result that is still to be announced says of it, in attributes of its image item: pure.

| attribute | |
|---|---|
| `unannounced` | the announcement's id; absent: announced, or not to be |
| `claimedUntil` | until then somebody is at it, ISO 8601; "": nobody |
| `gsi1pk`, `gsi1sk` | `UNANNOUNCED`, `<time>#<key>`: only once announcing it has failed, so that such can be listed |
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from handlers.results import keys
from handlers.results.document import Result

NOBODY: Final = ""
OUTBOX_ATTRIBUTES: Final = ("unannounced", "claimedUntil", "gsi1pk", "gsi1sk")
"""All that are removed when the result is announced."""


@dataclass(frozen=True)
class Pending:
    """An announcement that waits, and until when somebody has taken it on."""

    id: str
    claimed_until: str

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> Self | None:
        """What an image item waits for."""
        return cls(item["unannounced"], item["claimedUntil"]) if "unannounced" in item else None

    def attributes(self) -> dict[str, str]:
        """As an image item has it."""
        return {"unannounced": self.id, "claimedUntil": self.claimed_until}

    @staticmethod
    def failing(since: str, key: str) -> dict[str, str]:
        """What lists an image item among those whose announcement has failed."""
        return {"gsi1pk": keys.UNANNOUNCED, "gsi1sk": keys.by_time(since, key)}

    @staticmethod
    def kept_in(stored: Mapping[str, Any], image: Mapping[str, Any]) -> dict[str, Any]:
        """The new image item with what the stored one waits for."""
        return {**image, **{name: stored[name] for name in OUTBOX_ATTRIBUTES if name in stored}}


def announcement_id(result: Result, event_time: str) -> str:
    """Stands for one terminal result of one version: the same whoever announces it, and however often."""
    facts = [result["key"], result.get("versionId"), result["sequencer"], event_time, str(result["status"])]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]
