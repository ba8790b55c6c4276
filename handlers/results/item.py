"""The table's items: what each holds, and what one write of a result changes. Pure.

A write is one transaction: the image item, the entries of labels and terms that came, changed or went, and the
counters. It is conditional on the image item it was planned on, so that of two writers at once only one succeeds.
DynamoDB takes 100 actions: image + counters + 49 label entries that come + 49 that go. Terms that have no room beside
them come before and go after it: a search looks at the image item too, so that such an entry shows nothing.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any, Final, Self, TypeAlias, cast

from . import keys
from .codes import Code, Status, sentence
from .document import Analysis, Capture, Label, Result
from .keys import Place
from .order import Position, State

MAX_LABELS: Final = 49
TRANSACTION_ACTIONS: Final = 100
"""DynamoDB's limit."""
TERMS_LAYOUT: Final = 2
"""Attribute `terms` of an image item whose terms are in the table, and which is counted; layout 1 is not counted, and
older tables have no terms either (`labelstack migrate`).
"""
FACTS_LAYOUT: Final = "facts1"
"""In the fingerprint of a result with all facts that this version reads in a file; other ones `migrate` brings up."""
MAX_ANALYSIS_BYTES: Final = 350_000
"""An item holds 400 KB: this leaves room for the rest of it, a key of 1,024 bytes several times among it."""
_MAX_BODY_BYTES: Final = 300_000

Item: TypeAlias = Mapping[str, Any]


# --- the outbox, on the image item


UNCLAIMED: Final = ""
OUTBOX_ATTRIBUTES: Final = ("unannounced", "claimedUntil", "gsi1pk", "gsi1sk")
"""All that go when the result has been published."""


@dataclass(frozen=True)
class OutboxEntry:
    """A stored result that waits to be published.

    On the image item: `unannounced` is the id, `claimedUntil` (ISO 8601, or "") until when a function is at it, and
    `gsi1pk`, `gsi1sk` list those that could not be published.
    """

    id: str
    claimed_until: str

    @classmethod
    def of(cls, item: Item | None) -> Self | None:
        """Return the outbox entry of an image item, if any."""
        return cls(item["unannounced"], item["claimedUntil"]) if item and "unannounced" in item else None

    def attributes(self) -> dict[str, str]:
        """Return it as an image item has it."""
        return {"unannounced": self.id, "claimedUntil": self.claimed_until}


def publication_id(result: Result, event_time: str) -> str:
    """Return the id of one terminal result of one version: the same whoever publishes it, and however often."""
    facts = [result["key"], result.get("versionId"), result["sequencer"], event_time, str(result["status"])]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]


# --- writes and their transactions


@dataclass(frozen=True)
class Change:
    """One item's change: another item takes its place, amounts are added to its numbers, or it goes."""

    place: Place
    put: Item | None = None
    add: Mapping[str, int] = field(default_factory=dict)
    where: Item | None = None
    """Attributes that the stored item must have; {} if there must be none, None for whatever there is."""


@dataclass(frozen=True)
class Write:
    """A result with what belongs to it and is not shown to users."""

    result: Result
    event_time: str
    fingerprint: str | None = None
    """A fingerprint of all that shaped the result: detectors and their settings, rules of labels, facts kept."""
    all_labels: Sequence[Label] | None = None
    """Rekognition's labels, where the stack's rules show other ones."""
    expires_at_s: int | None = None
    """Seconds since 1970 after which DynamoDB may remove the item (tombstones)."""
    outbox: OutboxEntry | None = None
    """None where results are not published."""
    moves: bool = False
    """It is the stored result at a later position: what that one waits for, this one waits for."""

    @property
    def state(self) -> State:
        """Return the result's position."""
        return State.of({**self.result, "eventTime": self.event_time})


@dataclass(frozen=True)
class Snapshot:
    """The image item of a picture as it was read; None where there was none."""

    image: Item | None

    @property
    def state(self) -> State | None:
        """Return its position."""
        return State.of(self.image) if self.image else None


def plan(write: Write, stored: Item | None) -> list[Change]:
    """Return the changes that put `write` in place of the `stored` image item, its own first; [] if it must not.

    The first 100 are one transaction. Of the others, those that put an item come before it, and those that remove one
    after it.

    Which entries there are follows from the image item. To read them too would be no better: a query that runs while
    another writer commits can see some items from before and some from after.
    """
    if stored and not State.of(stored).yields_to(write.state):
        return []
    old = _by_place(entries(document(stored))) if stored else {}
    new = _by_place(entries(write.result))
    old_terms = _by_place(term_entries(document(stored))) if stored and "terms" in stored else {}
    new_terms = _by_place(term_entries(write.result))
    image, as_read = image_item(write), ["sequencer", "eventTime", "status"]
    if stored and write.moves and "unannounced" in stored:
        image |= {name: stored[name] for name in OUTBOX_ATTRIBUTES if name in stored}
        as_read += ["unannounced", "claimedUntil"]
    where = {name: stored[name] for name in as_read} if stored else {}
    changes = [Change((image["pk"], image["sk"]), image, where=where)]
    changes += [Change(place, item) for place, item in new.items() if old.get(place) != item]
    changes += [Change(place) for place in old if place not in new]
    amounts = Counter(_counters(image, new.values()))
    amounts.subtract(_counters(stored or {}, old.values()))
    if changed := {name: amount for name, amount in sorted(amounts.items()) if amount}:
        changes.append(Change((keys.COUNTERS_PK, keys.counter_sk(write.result["key"])), add=changed))
    changes += [Change(place, item) for place, item in new_terms.items() if old_terms.get(place) != item]
    room = TRANSACTION_ACTIONS - len(changes)
    going = [(place, item) for place, item in old_terms.items() if place not in new_terms]
    # After the transaction, another writer's entry of the same term must stay.
    changes += [
        Change(place, where=None if number < room else {"gsi2sk": item["gsi2sk"]})
        for number, (place, item) in enumerate(going)
    ]
    return changes


def _counters(image: Item, labels: Iterable[Item]) -> list[str]:
    """Return the counters that count an image item, with its labels' entries."""
    totals = [image["status"], *keys.classes(document(image))] if image.get("terms") == TERMS_LAYOUT else []
    return [*(keys.TOTAL_PREFIX + name for name in totals), *(keys.COUNTER_PREFIX + item["label"] for item in labels)]


def _by_place(items: Sequence[Item]) -> dict[Place, Item]:
    return {(item["pk"], item["sk"]): item for item in items}


_SETTLED: Final = frozenset({Status.LABELED, Status.REJECTED})


def moved(stored: Item | None, version_id: str | None, position: Position) -> Write | None:
    """Return the write that moves the stored result of this version, otherwise unchanged, to a later position.

    None if another version's result is stored, or none, or one that failed.
    """
    if stored is None or stored.get("versionId") != version_id or stored["status"] not in _SETTLED:
        return None
    result = document(stored)
    result["sequencer"] = position.sequencer
    return Write(result, position.event_time, stored.get("fingerprint"), stored.get("allLabels"), moves=True)


def all_labels(stored: Item) -> list[Label]:
    """Return Rekognition's labels of a stored result's picture, whatever the rules show of them."""
    return cast("list[Label]", stored.get("allLabels", stored.get("labels", [])))


# --- items


def image_item(write: Write) -> dict[str, Any]:
    """Return the image item: the result document, and the attributes the table needs."""
    result = write.result
    item: dict[str, Any] = {"pk": keys.IMAGE + result["key"], "sk": keys.META, **result, "eventTime": write.event_time}
    more = {"fingerprint": write.fingerprint, "allLabels": write.all_labels, "expiresAt": write.expires_at_s}
    item |= {name: value for name, value in more.items() if value is not None}
    if write.outbox is not None:
        item |= write.outbox.attributes()
    if result["status"] != Status.DELETED:
        item["gsi2pk"] = keys.STATUS + result["status"]
        item["gsi2sk"] = keys.sort_key(result["processedAt"], result["key"])
        item["terms"] = TERMS_LAYOUT
    return item


def term_entries(result: Result) -> list[Item]:
    """Return one item per term of a LABELED result, and one for its date, for search."""
    if result["status"] != Status.LABELED:
        return []
    key, date = result["key"], keys.date_of(result)
    times = dict.fromkeys(keys.terms(result), result["processedAt"]) | {keys.year_term(int(date[:4])): date}
    return [
        {
            "pk": keys.IMAGE + key,
            "sk": keys.TERM + term,
            "gsi2pk": keys.TERM + term,
            "gsi2sk": keys.sort_key(time, key),
            "key": key,
        }
        for term, time in times.items()
    ]


def entries(result: Result) -> list[Item]:
    """Return one item per label, for search; of names that differ only in case, the surest."""
    surest: dict[str, Label] = {}
    for label in result.get("labels", []):
        sk = keys.label_sk(label["name"])
        if sk not in surest or label["confidence"] > surest[sk]["confidence"]:
            surest[sk] = label
    if len(surest) > MAX_LABELS:
        raise ValueError(f"{len(surest)} labels: a transaction has room for {MAX_LABELS}")
    key, version_id = result["key"], result.get("versionId")
    return [
        {
            "pk": keys.IMAGE + key,
            "sk": sk,
            "gsi1pk": sk,
            "gsi1sk": keys.sort_key(keys.confidence_sort(label["confidence"]), key),
            "gsi2pk": sk,
            "gsi2sk": keys.sort_key(result["processedAt"], key),
            "key": key,
            "label": label["name"],
            "confidence": label["confidence"],
            "processedAt": result["processedAt"],
            **({"versionId": version_id} if version_id else {}),
        }
        for sk, label in surest.items()
    ]


_INTERNAL: Final = frozenset(
    {"pk", "sk", "gsi2pk", "gsi2sk", "eventTime", "fingerprint", "terms", "allLabels", "expiresAt", *OUTBOX_ATTRIBUTES}
)


def document(item: Item) -> Result:
    """Return the result document in an image item."""
    # The table holds only what `image_item` wrote.
    return {name: value for name, value in item.items() if name not in _INTERNAL}  # type: ignore[return-value]


def unreadable_item(message_id: str, body: str, received_at: str) -> Item:
    """Return the item of a queue message that is not an S3 event, for a person to look at; it never expires."""
    return {
        "pk": keys.UNREADABLE + message_id,
        "sk": keys.META,
        "status": Status.FAILED,
        "code": Code.UNREADABLE_MESSAGE,
        "message": sentence(Code.UNREADABLE_MESSAGE),
        "messageId": message_id,
        "body": keys.cut_to_bytes(body, _MAX_BODY_BYTES),
        "processedAt": received_at,
        "gsi2pk": keys.STATUS + "UNREADABLE",
        "gsi2sk": keys.sort_key(received_at, message_id),
    }


# --- known content: what Rekognition said of some bytes, whatever their key


@dataclass(frozen=True)
class PictureHeader:
    """Facts from the first bytes of a picture; None where they are unknown."""

    format: str
    width: int | None
    """The width as a person sees it, turned by its orientation; `height` too."""
    height: int | None
    converted: bool = False
    """Rekognition sees a converted copy."""
    capture: Capture | None = None
    """The camera's facts."""
    facts: str = ""
    """The facts that are kept, as in a result's fingerprint; "" as long as it has all, or of an older version."""


@dataclass(frozen=True)
class Answer:
    """One detector's answer, and the picture's header: with all answers known, no byte is read."""

    analysis: Analysis
    header: PictureHeader
    truncated: tuple[str, ...] = ()


def content_places(etag: str, size_bytes: int, fingerprints: Mapping[str, str]) -> set[Place]:
    """Return where the answers of these detectors and settings about some bytes are: an item for each detector."""
    pk = keys.content_pk(etag, size_bytes)
    return {(pk, _content_sk(name, fingerprint)) for name, fingerprint in fingerprints.items()}


def _content_sk(detector: str, fingerprint: str) -> str:
    return f"ANALYSIS#{detector}={fingerprint}"


def content_item(
    etag: str, size_bytes: int, detector: str, fingerprint: str, answer: Answer, expires_at_s: int
) -> Item:
    """Return the item of one detector's answer."""
    analysis, cut = trimmed(answer.analysis)
    return {
        "pk": keys.content_pk(etag, size_bytes),
        "sk": _content_sk(detector, fingerprint),
        "fingerprints": {detector: fingerprint},
        "analyses": {detector: analysis},
        **{name: fact for name, fact in asdict(answer.header).items() if name != "capture" or fact},
        "truncated": sorted({*answer.truncated, *cut}),
        "expiresAt": expires_at_s,
    }


def answers_in(item: Item, fingerprints: Mapping[str, str], now_s: float) -> dict[str, Answer]:
    """Return the answer in an item, by its detector; none when it has expired, or is to other settings."""
    # DynamoDB removes expired items within days, not at once.
    if item["expiresAt"] <= now_s:
        return {}
    width, height = (None if side is None else int(side) for side in (item["width"], item["height"]))
    converted, capture, facts = item.get("converted", False), item.get("capture"), item.get("facts", "")
    header = PictureHeader(item["format"], width, height, converted, capture, facts)
    return {
        name: Answer(analysis, header, tuple(item["truncated"]))
        for name, analysis in item["analyses"].items()
        if item["fingerprints"][name] == fingerprints.get(name)
    }


# --- fitting an analysis into an item


def size_bytes(value: object) -> int:
    """Return at least as many bytes as DynamoDB counts for the value.

    docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
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
    """Return the analysis cut to `max_bytes`, and the names of the parts that lost something, sorted.

    A crowd with hundreds of boxes, or a page of print, can be more than an item holds: the largest lists are
    shortened, the least certain first, until it fits. Labels themselves are never cut: search relies on them.
    """
    if size_bytes(analysis) <= max_bytes:
        return analysis, []
    smaller, cut = copy.deepcopy(analysis), set[str]()
    while size_bytes(smaller) > max_bytes:
        sizes = {part: sum(size_bytes(values) for values in _lists(smaller, part) if values) for part in _PARTS}
        largest = max(_PARTS, key=sizes.__getitem__)
        if sizes[largest] == 0:
            break
        _shorten(_lists(smaller, largest), by_confidence=largest not in _NAMES)
        cut.add(largest)
    return smaller, sorted(cut)


_NAMES: Final = ("labels.parents", "labels.aliases", "labels.categories")
_PARTS: Final = ("labels.instances", *_NAMES, "faces", "moderation", "text")


def _lists(analysis: Analysis, part: str) -> list[list[Any]]:
    """Return the lists that are shortened for a part: one of the analysis, or one of each label."""
    whole = cast("dict[str, list[Any]]", analysis)
    name, _, of_label = part.partition(".")
    return [label[of_label] for label in whole.get(name, [])] if of_label else [whole.get(name, [])]


def _shorten(lists: list[list[Any]], *, by_confidence: bool) -> None:
    """Halve the longest of the lists, and keep shorter ones: a crowd loses boxes, its one dog does not."""
    most = max(len(values) for values in lists)
    for values in lists:
        if not by_confidence:
            values.clear()
        while len(values) > most // 2:
            surest = sorted(range(len(values)), key=lambda index: values[index]["confidence"], reverse=True)
            values[:] = [values[index] for index in sorted(surest[: len(values) // 2])]
