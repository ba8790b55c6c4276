"""From one S3 event to one terminal result, or to its being older than what is known.

The queue's function does all of it in one go (`process`). The workflow does it in steps (`workflow_steps`), out of the
same pieces: `examine` what the event asks for, `judge` the picture, `conclude` by storing and announcing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias, cast

from handlers.labelling.analysing import Analysed, Analysing
from handlers.labelling.detectors import DetectorSettings
from handlers.labelling.errors import ObjectGoneError, PictureRejectedError, StorageError
from handlers.labelling.events import EventKind, ObjectEvent, iso_ms
from handlers.labelling.pacing import Deadline
from handlers.labelling.ports import Announcer, Objects, Results, StoredObject
from handlers.labelling.sharing import KeyedLocks
from handlers.labelling.tally import Count, Tally
from handlers.labelling.tombstone import tombstone
from handlers.results.codes import Status
from handlers.results.document import Result
from handlers.results.errors import TableUnavailableError
from handlers.results.order import FIRST
from handlers.results.plan import Write
from handlers.results.size import trimmed
from handlers.results.writer import Snapshot


class Outcome(StrEnum):
    """What became of an event."""

    LABELED = "LABELED"
    REJECTED = "REJECTED"
    DELETED = "DELETED"
    STALE = "STALE"
    """What is stored is newer, or the same and done."""
    UNCHANGED = "UNCHANGED"
    """A version was purged that is not the current one."""
    FOREIGN = "FOREIGN"
    """The event is about another bucket."""


_COUNTS = {
    Outcome.LABELED: Count.PICTURES_LABELED,
    Outcome.REJECTED: Count.PICTURES_REJECTED,
    Outcome.DELETED: Count.PICTURES_DELETED,
    Outcome.STALE: Count.STALE_EVENTS,
}


@dataclass(frozen=True)
class Examined:
    """An upload, or what is current, that is to be judged."""

    event: ObjectEvent
    """At its place in the order, which for a repair follows from what is stored."""
    stored: StoredObject

    @property
    def anew(self) -> bool:
        """Whether what is known of its bytes does not count."""
        return self.event.made_before is not None


Found: TypeAlias = Write | Outcome
"""What is to be stored because of an event; or its outcome, when that is nothing."""


@dataclass(frozen=True)
class ImageProcessing:
    """Processes events; thread-safe, and meant to be called for all pictures of a batch at once.

    Raises TransientError when the same event may succeed later; AnnouncementError and AnnouncementClaimedError when the
    result is stored, but not announced.
    """

    bucket: str
    settings: DetectorSettings
    objects: Objects
    analysing: Analysing
    results: Results
    tally: Tally
    now: Callable[[], datetime]
    announcing: Announcer | None = None
    """None where results are not announced."""
    tell: Callable[[Result], None] = lambda result: None
    """Told of each result that was stored, for the log."""
    _locks: KeyedLocks = field(default_factory=KeyedLocks, init=False)

    def process(self, event: ObjectEvent, deadline: Deadline) -> Outcome:
        """Bring the table to what the event says."""
        if self.is_foreign(event):
            return Outcome.FOREIGN
        with self.alone(event):
            seen = self.results.read(event.key)
            found = self.recognise(event, seen, deadline)
            return self.conclude(event, found, seen)

    def is_foreign(self, event: ObjectEvent) -> bool:
        """Whether the event is about another bucket; counted if so."""
        foreign = event.bucket != self.bucket
        if foreign:
            self.tally.add(Count.IGNORED_EVENTS)
        return foreign

    def recognise(self, event: ObjectEvent, seen: Snapshot, deadline: Deadline) -> Found:
        """What is to be stored because of the event; or its outcome, when that is nothing."""
        examined = self.examine(event, seen)
        if not isinstance(examined, Examined):
            return examined
        return self.judge(examined, seen, lambda: self.analysing.analyse(examined.stored, deadline, anew=examined.anew))

    @contextmanager
    def alone(self, event: ObjectEvent) -> Iterator[None]:
        """Events of one key in one batch wait for each other instead of racing for the same rows."""
        try:
            with self._locks.hold(event.key):
                yield
        except TableUnavailableError as error:
            raise StorageError(str(error)) from error

    def examine(self, event: ObjectEvent, seen: Snapshot) -> Examined | Found:
        """What the event asks for, given what is stored."""
        if event.kind is EventKind.ASKED and seen.state:
            event = replace(event, position=seen.state.position.next())
        if seen.state and seen.state.settles(event.position, event.uploaded_version):
            return Outcome.STALE
        if event.kind is EventKind.REMOVED:
            return tombstone(event, self.now())
        try:
            stored = self.objects.head(event.key, event.uploaded_version)
        except ObjectGoneError:
            return self._gone(event, seen)
        if self._needs_no_analysis(event, seen, stored) and self.results.advance(
            seen, stored.version_id, event.position
        ):
            return Outcome.UNCHANGED
        return Examined(event, stored)

    def judge(self, examined: Examined, seen: Snapshot, analyse: Callable[[], Analysed]) -> Found:
        """The picture's result by what `analyse` finds in it."""
        try:
            return self._result(examined.event, examined.stored, analyse)
        except ObjectGoneError:
            return self._gone(examined.event, seen)

    def _gone(self, event: ObjectEvent, seen: Snapshot) -> Found:
        if event.kind is EventKind.ASKED and (seen.state is None or seen.state.status is Status.DELETED):
            return Outcome.STALE
        return tombstone(event, self.now())

    def conclude(self, event: ObjectEvent, found: Found, seen: Snapshot) -> Outcome:
        """Store what was found, and have it announced."""
        outcome = found if isinstance(found, Outcome) else self.store(event, found, seen)
        if outcome in _COUNTS:
            self.tally.add(_COUNTS[outcome])
        if self.announcing and outcome in (Outcome.STALE, Outcome.UNCHANGED):
            # Whoever stored it may have died, or been refused, before it was announced.
            self.announcing.resume(event.key)
        elif self.announcing and isinstance(found, Write) and found.pending:
            self.announcing.announce(found.result, found.pending)
        return outcome

    def _needs_no_analysis(self, event: ObjectEvent, seen: Snapshot, stored: StoredObject) -> bool:
        """Whether the stored result will do, if it is of this version."""
        image = seen.image
        if image is None or image.get("etag") != stored.etag:
            return False
        match event.kind:
            case EventKind.PURGED:
                return True
            case EventKind.ASKED:
                is_old = event.made_before is not None and image["processedAt"] < event.made_before
                return not is_old and image.get("fingerprint") == self.settings.whole_fingerprint
            case _:  # the upload's own event, late: a repair has been faster
                return image["sequencer"] == FIRST.sequencer and event.version_id is not None

    def store(self, event: ObjectEvent, write: Write, seen: Snapshot) -> Outcome:
        """Store it, unless something newer is stored."""
        if not self.results.write(write, seen):
            return Outcome.STALE
        self.tell(write.result)
        outcome = Outcome(write.result["status"])
        if event.kind is EventKind.CREATED and outcome is not Outcome.DELETED:
            self.tally.time_upload_to_result((self.now() - event.time).total_seconds() * 1000)
        return outcome

    def _result(self, event: ObjectEvent, stored: StoredObject, analyse: Callable[[], Analysed]) -> Write:
        uploaded_at = event.time if event.kind is EventKind.CREATED else stored.modified_at
        result = cast(
            "Result",
            {
                "key": event.key,
                "bucket": event.bucket,
                "status": Status.LABELED,
                "sequencer": event.position.sequencer,
                "etag": stored.etag,
                "sizeBytes": stored.size_bytes,
                "uploadedAt": iso_ms(uploaded_at),
                "detectors": [str(detector) for detector in self.settings.detectors],
            },
        )
        if stored.version_id:
            result["versionId"] = stored.version_id
        try:
            _add(analyse(), result)
        except PictureRejectedError as error:
            result["status"] = Status.REJECTED
            result["code"] = error.code
            result["message"] = error.sentence
        result["processedAt"] = iso_ms(self.now())
        event_time = iso_ms(event.time)
        pending = self.announcing.open(result, event_time) if self.announcing else None
        return Write(result, event_time, fingerprint=self.settings.whole_fingerprint, pending=pending)


def _add(analysed: Analysed, result: Result) -> None:
    analysis, cut = trimmed(analysed.analysis)
    result.update(cast("Result", analysis))
    result["format"] = analysed.header.format
    if analysed.header.width is not None and analysed.header.height is not None:
        result["width"], result["height"] = analysed.header.width, analysed.header.height
    if analysed.header.converted:
        result["converted"] = True
    result["reused"] = analysed.reused
    if lost := sorted({*analysed.truncated, *cut}):
        result["truncated"] = lost
