"""The world in memory: a table with DynamoDB's conditions, a bucket with S3's versions, a Rekognition."""

from __future__ import annotations

import hashlib
import io
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from handlers.labelling.decoder import Decoder
from handlers.labelling.decoding import Answer
from handlers.labelling.decoding.child import answered
from handlers.labelling.detectors import Detector
from handlers.labelling.errors import ObjectGoneError
from handlers.labelling.events import Deadline, EventKind, ObjectEvent
from handlers.labelling.s3_objects import S3Objects, StoredObject
from handlers.results import keys
from handlers.results.errors import ConflictError
from handlers.results.item import Change, Item
from handlers.results.keys import Place
from handlers.results.table import NOTHING, Rows
from tests.handlers.factories import BUCKET, START


class DecoderHere(Decoder):
    """Decodes in this process, so that a test starts none."""

    def __init__(self, max_pixels: int) -> None:
        super().__init__(max_pixels, memory_mb=0)
        self.max_pixels = max_pixels

    def _exchange(self, content: Iterable[bytes], request: dict[str, Any], timeout_s: float) -> Answer:
        return answered(request, io.BytesIO(b"".join(content)), self.max_pixels, lambda pixels: None)


class FakeRows(Rows):
    """Rows in memory, with the same conditions as DynamoDB's."""

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], dict[str, Any]] = {}
        self.before_commit: list[Callable[[], None]] = []
        """Called once each, before the next commits: other writers."""
        self.fail: Callable[[str], None] = lambda operation: None
        self.reads: list[int] = []
        """The number of items of each request."""
        self._lock = threading.RLock()

    def read_items(self, places: Collection[Place], *, consistent: bool = True) -> Mapping[Place, Item]:
        self.fail("read")
        self.reads.append(len(set(places)))
        with self._lock:
            return {place: dict(self.items[place]) for place in places if place in self.items}

    def partition(self, pk: str) -> list[Item]:
        """Return the items of a partition."""
        return [dict(item) for (own, _), item in sorted(self.items.items()) if own == pk]

    def image(self, key: str) -> Item | None:
        """Return the image item of a key."""
        item = self.items.get(keys.image_place(key))
        return dict(item) if item else None

    def put_items(self, items: Sequence[Item]) -> None:
        self.fail("put")
        with self._lock:
            for item in items:
                self.items[item["pk"], item["sk"]] = dict(item)

    def update(
        self,
        place: Place,
        *,
        where: Item | None = None,
        put: Item = NOTHING,
        add: Mapping[str, int] = NOTHING,
        remove: Collection[str] = (),
    ) -> bool:
        self.fail("update")
        with self._lock:
            if not self._is(place, where):
                return False
            item = self.items.get(place, {"pk": place[0], "sk": place[1]})
            # A new object, so that a test's copy of the old one stays.
            self.items[place] = {name: value for name, value in item.items() if name not in remove} | dict(put)
            self._add(place, add)
            return True

    def commit(self, changes: Sequence[Change]) -> None:
        self.fail("commit")
        if self.before_commit:
            self.before_commit.pop(0)()
        assert len(changes) <= 100, "DynamoDB takes 100 actions"
        assert len({change.place for change in changes}) == len(changes), "DynamoDB takes one action per item"
        with self._lock:
            if not all(self._is(change.place, change.where) for change in changes):
                raise ConflictError("an item is not as it was read")
            for change in changes:
                if change.add:
                    self._add(change.place, change.add)
                elif change.put:
                    self.items[change.place] = dict(change.put)
                else:
                    self.items.pop(change.place, None)

    def _add(self, place: Place, amounts: Mapping[str, int]) -> None:
        item = self.items.setdefault(place, {"pk": place[0], "sk": place[1]})
        item.update({name: item.get(name, 0) + amount for name, amount in amounts.items()})

    def _is(self, place: Place, where: Item | None) -> bool:
        item = self.items.get(place)
        return not item if where == {} else where is None or (item or {}) == {**(item or {}), **where}


VOLATILE = frozenset({"processedAt", "uploadedAt", "reused", "gsi2sk", "expiresAt"})
"""Attributes about the making of a result, not about its content."""


def comparable(items: Mapping[tuple[str, str], Mapping[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return pictures, label entries and counters other than zero, without values that depend on the time."""
    kept = {}
    for (pk, sk), item in items.items():
        if pk.startswith(keys.IMAGE):
            kept[pk, sk] = {name: value for name, value in item.items() if name not in VOLATILE}
        elif pk == keys.COUNTERS_PK:
            counts = {name: value for name, value in item.items() if name not in ("pk", "sk") and value}
            if counts:
                kept[pk, sk] = counts
    return kept


def counts_of_entries(items: Mapping[tuple[str, str], Mapping[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the expected counters, counted from the entries of labels and classes, and from the statuses."""
    counted: dict[tuple[str, str], Counter[str]] = {}
    for (pk, sk), item in items.items():
        name = ""
        if sk.startswith(keys.LABEL):
            name = keys.COUNTER_PREFIX + item["label"]
        elif sk.startswith(("TERM#FACES", "TERM#FLAGGED")):
            name = keys.TOTAL_PREFIX + sk.removeprefix("TERM#")
        elif sk == keys.META and item.get("status") != "DELETED":
            name = keys.TOTAL_PREFIX + item["status"]
        if name and pk.startswith(keys.IMAGE):
            shard = (keys.COUNTERS_PK, keys.counter_sk(item["key"]))
            counted.setdefault(shard, Counter())[name] += 1
    return {shard: dict(counts) for shard, counts in counted.items()}


def stored_object(
    key: str, content: bytes, version_id: str | None = "v1", modified_at: datetime = START
) -> StoredObject:
    """Return an object as HeadObject describes it."""
    # The content's MD5 is what S3 gives as ETag.
    etag = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return StoredObject(BUCKET, key, version_id, etag, len(content), keys.iso_ms(modified_at))


class FakeObjects(S3Objects):
    """A bucket with versions."""

    def __init__(self) -> None:
        self.versions: dict[str, list[tuple[str | None, bytes | None, datetime]]] = {}
        """By key, oldest first; content None is a delete marker."""
        self.sizes: dict[bytes, int] = {}
        """Sizes to pretend, by content."""
        self.reads: list[tuple[str, int]] = []
        self.fail: Callable[[str], None] = lambda key: None
        self._uploaded: dict[tuple[str, str | None], bytes | None] = {}

    def add(self, key: str, content: bytes | None, version_id: str | None = "v1", at: datetime = START) -> None:
        self.versions.setdefault(key, []).append((version_id, content, at))
        self._uploaded[key, version_id] = content

    def with_header(self, event: ObjectEvent) -> ObjectEvent:
        """Return an upload's event with S3's ETag and size, also of a version that no longer exists."""
        content = self._uploaded.get((event.key, event.version_id))
        if event.kind is not EventKind.CREATED or content is None:
            return event
        stored = stored_object(event.key, content)
        return replace(event, etag=stored.etag, size_bytes=self.sizes.get(content, len(content)))

    def purge(self, key: str, version_id: str) -> None:
        self.versions[key] = [version for version in self.versions[key] if version[0] != version_id]

    def open(self, key: str, version_id: str | None, length_bytes: int) -> tuple[StoredObject, bytes]:
        self.fail(key)
        self.reads.append((key, length_bytes))
        return self.head(key, version_id), self._find(key, version_id)[1][:length_bytes]

    def read_start(self, stored: StoredObject, length_bytes: int) -> bytes:
        return self.open(stored.key, stored.version_id, length_bytes)[1]

    def read(self, stored: StoredObject) -> Iterator[bytes]:
        yield self.read_start(stored, stored.size_bytes)

    def head(self, key: str, version_id: str | None) -> StoredObject:
        """Return an object version."""
        version, content, at = self._find(key, version_id)
        stored = stored_object(key, content, version, at)
        return replace(stored, size_bytes=self.sizes.get(content, stored.size_bytes))

    def _find(self, key: str, version_id: str | None) -> tuple[str | None, bytes, datetime]:
        versions = self.versions.get(key, [])
        matching = versions[-1:] if version_id is None else [each for each in versions if each[0] == version_id]
        for version, content, at in matching:
            if content is not None:
                return version, content, at
        raise ObjectGoneError(key)


@dataclass
class FakeRekognition:
    """A Rekognition. Labels are those of the content's ETag, or a default."""

    labels: dict[str, list[tuple[str, float]]] = field(default_factory=dict)
    calls: list[tuple[Detector, str]] = field(default_factory=list)
    fail: Callable[[Detector, StoredObject], None] = lambda detector, stored: None

    def detect(
        self,
        detector: Detector,
        parameters: Mapping[str, Any],
        stored: StoredObject,
        deadline: Deadline,
    ) -> Mapping[str, Any]:
        self.calls.append((detector, stored.key))
        self.fail(detector, stored)
        if detector is Detector.LABELS:
            names = self.labels.get(stored.etag, [("Cat", 97.123456)])
            return {"Labels": [{"Name": name, "Confidence": confidence} for name, confidence in names]}
        return {"FaceDetails": [], "ModerationLabels": [], "TextDetections": []}
