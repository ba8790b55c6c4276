"""What one write of a result changes in the table: pure.

A write is ONE transaction: the image item, the entries of labels that came, changed or went, and the counters. It is
pinned to the image item it was planned on, so that two writers at once cannot both succeed. DynamoDB takes 100
actions: image + counters + 49 entries that come + 49 that go.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from handlers.results import keys
from handlers.results.codes import Status
from handlers.results.document import Label, Result
from handlers.results.order import Position, State
from handlers.results.pending import OUTBOX_ATTRIBUTES, Pending

MAX_LABELS: Final = 49

Item: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True)
class PutImage:
    """Write the image item, if the stored one is still in the state that was read (None: still absent)."""

    item: Item
    read: State | None
    pending: Pending | None = None
    """What the stored item must still have in its outbox, when that goes on with the new item."""


@dataclass(frozen=True)
class PutEntry:
    """Write the entry of one label."""

    item: Item


@dataclass(frozen=True)
class DeleteEntry:
    """Remove the entry of one label."""

    pk: str
    sk: str


@dataclass(frozen=True)
class Count:
    """Add to the label counters of one shard; amounts are never zero."""

    pk: str
    sk: str
    amounts: Mapping[str, int]


Action: TypeAlias = PutImage | PutEntry | DeleteEntry | Count


@dataclass(frozen=True)
class Write:
    """A result with what belongs to it and is not shown to users."""

    result: Result
    event_time: str
    fingerprint: str | None = None
    """Which detectors and settings made the analysis."""
    expires_at_s: int | None = None
    """Seconds since 1970 after which DynamoDB may remove the item (tombstones)."""
    pending: Pending | None = None
    """The announcement that the result waits for; None where results are not announced."""
    moves: bool = False
    """It is the stored result at a later position: what that one waits for, this one waits for."""

    @property
    def state(self) -> State:
        """Where the result stands in the order."""
        return State(
            Position(self.result["sequencer"], self.event_time),
            Status(self.result["status"]),
            self.result.get("versionId"),
        )


def plan(write: Write, stored: Item | None) -> list[Action]:
    """The actions that put `write` in place of the `stored` image item; [] if it must not.

    Which entries there are follows from the image item. To read them too would be no better: a query that runs while
    another writer commits can see some items from before and some from after.
    """
    read = State.of(stored) if stored else None
    if read and not read.yields_to(write.state):
        return []
    old = {item["sk"]: item for item in entries(document(stored))} if stored else {}
    new = {item["sk"]: item for item in entries(write.result)}
    pk = keys.image_pk(write.result["key"])
    carried = Pending.of(stored) if stored and write.moves else None
    image = image_item(write)
    if carried and stored:
        image = carried.kept_in(stored, image)
    actions: list[Action] = [PutImage(image, read, carried)]
    actions += [PutEntry(item) for sk, item in new.items() if old.get(sk) != item]
    actions += [DeleteEntry(pk, sk) for sk in old if sk not in new]
    amounts: Counter[str] = Counter(item["label"] for item in new.values())
    amounts.subtract(item["label"] for item in old.values())
    changed = {label: amount for label, amount in sorted(amounts.items()) if amount}
    if changed:
        actions.append(Count(keys.COUNTERS_PK, keys.counter_sk(write.result["key"]), changed))
    return actions


def image_item(write: Write) -> Item:
    """The image item: the result document, and the attributes the table needs."""
    result = write.result
    item: dict[str, Any] = {
        "pk": keys.image_pk(result["key"]),
        "sk": keys.META,
        **result,
        "eventTime": write.event_time,
    }
    if write.fingerprint is not None:
        item["fingerprint"] = write.fingerprint
    if write.expires_at_s is not None:
        item["expiresAt"] = write.expires_at_s
    if write.pending is not None:
        item |= write.pending.attributes()
    if result["status"] != Status.DELETED:
        item["gsi2pk"] = keys.status_partition(result["status"])
        item["gsi2sk"] = keys.by_time(result["processedAt"], result["key"])
    return item


def entries(result: Result) -> list[Item]:
    """One item per label, for search; of names that differ only in case, the surest."""
    surest: dict[str, Label] = {}
    for label in result.get("labels", []):
        sk = keys.label_sk(label["name"])
        if sk not in surest or label["confidence"] > surest[sk]["confidence"]:
            surest[sk] = label
    if len(surest) > MAX_LABELS:
        raise ValueError(f"{len(surest)} labels: a transaction has room for {MAX_LABELS}")
    return [_entry(result, sk, label) for sk, label in surest.items()]


def _entry(result: Result, sk: str, label: Label) -> Item:
    key = result["key"]
    item: dict[str, Any] = {
        "pk": keys.image_pk(key),
        "sk": sk,
        "gsi1pk": keys.label_partition(label["name"]),
        "gsi1sk": keys.by_confidence(label["confidence"], key),
        "gsi2pk": keys.label_partition(label["name"]),
        "gsi2sk": keys.by_time(result["processedAt"], key),
        "key": key,
        "label": label["name"],
        "confidence": label["confidence"],
        "processedAt": result["processedAt"],
    }
    if version_id := result.get("versionId"):
        item["versionId"] = version_id
    return item


_INTERNAL: Final = frozenset(
    {"pk", "sk", "gsi1pk", "gsi1sk", "gsi2pk", "gsi2sk", "eventTime", "fingerprint", "expiresAt", *OUTBOX_ATTRIBUTES}
)


def document(item: Item) -> Result:
    """The result document in an image item."""
    # The table holds only what `image_item` wrote.
    return {name: value for name, value in item.items() if name not in _INTERNAL}  # type: ignore[return-value]
