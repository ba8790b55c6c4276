"""The use-case of `process_image`: one S3 event becomes one terminal result, or is older than what is known."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import cast

from handlers.labelling import picture
from handlers.labelling.announcing import Announcing
from handlers.labelling.detectors import Detector, DetectorSettings
from handlers.labelling.errors import LabellingError, ObjectGoneError, PictureRejectedError, StorageError
from handlers.labelling.events import EventKind, ObjectEvent, iso_ms
from handlers.labelling.pacing import Deadline
from handlers.labelling.ports import Answers, Objects, PacedRecogniser, Results, StoredObject
from handlers.labelling.preparation import Preparation
from handlers.labelling.sharing import KeyedLocks, SingleFlight
from handlers.labelling.tally import Count, Tally
from handlers.labelling.tombstone import tombstone
from handlers.results.cache import Answer, PictureHeader
from handlers.results.codes import Status
from handlers.results.document import Analysis, Result
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
class _Analysed:
    header: PictureHeader
    analysis: Analysis
    truncated: tuple[str, ...]
    reused: bool


@dataclass(frozen=True)
class ImageProcessing:
    """Processes events; thread-safe, and meant to be called for all pictures of a batch at once.

    Raises TransientError when the same event may succeed later; AnnouncementError and AnnouncementClaimedError when the
    result is stored, but not announced.
    """

    bucket: str
    settings: DetectorSettings
    objects: Objects
    preparation: Preparation
    recogniser: PacedRecogniser
    answers: Answers
    results: Results
    tally: Tally
    operations: Executor
    """Runs the operations of a picture at the same time; not the executor that runs the pictures."""
    now: Callable[[], datetime]
    warn: Callable[[str], None]
    announcing: Announcing | None = None
    """None where results are not announced."""
    tell: Callable[[Result], None] = lambda result: None
    """Told of each result that was stored, for the log."""
    _locks: KeyedLocks = field(default_factory=KeyedLocks, init=False)
    _flights: SingleFlight[_Analysed] = field(default_factory=SingleFlight, init=False)

    def process(self, event: ObjectEvent, deadline: Deadline) -> Outcome:
        """Bring the table to what the event says."""
        if event.bucket != self.bucket:
            self.tally.add(Count.IGNORED_EVENTS)
            return Outcome.FOREIGN
        try:
            # Events of one key in one batch wait for each other instead of racing for the same rows.
            with self._locks.hold(event.key):
                return self._process(event, deadline)
        except TableUnavailableError as error:
            raise StorageError(str(error)) from error

    def _process(self, event: ObjectEvent, deadline: Deadline) -> Outcome:
        seen = self.results.read(event.key)
        if event.kind is EventKind.ASKED and seen.state:
            event = replace(event, position=seen.state.position.next())
        found = self.recognise(event, seen, deadline)
        outcome = found if isinstance(found, Outcome) else self.store(event, found, seen)
        if outcome in _COUNTS:
            self.tally.add(_COUNTS[outcome])
        if self.announcing and outcome in (Outcome.STALE, Outcome.UNCHANGED):
            # Whoever stored it may have died, or been refused, before it was announced.
            self.announcing.resume(event.key)
        elif self.announcing and isinstance(found, Write) and found.pending:
            self.announcing.announce(found.result, found.pending)
        return outcome

    def recognise(self, event: ObjectEvent, seen: Snapshot, deadline: Deadline) -> Write | Outcome:
        """What is to be stored because of the event; or its outcome, when that is nothing."""
        if seen.state and seen.state.settles(event.position, event.uploaded_version):
            return Outcome.STALE
        if event.kind is EventKind.REMOVED:
            return tombstone(event, self.now())
        try:
            stored = self.objects.head(event.key, event.uploaded_version)
            if self._needs_no_analysis(event, seen, stored) and self.results.advance(
                seen, stored.version_id, event.position
            ):
                return Outcome.UNCHANGED
            return self._judge(event, stored, deadline)
        except ObjectGoneError:
            if event.kind is EventKind.ASKED and (seen.state is None or seen.state.status is Status.DELETED):
                return Outcome.STALE
            return tombstone(event, self.now())

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

    def _judge(self, event: ObjectEvent, stored: StoredObject, deadline: Deadline) -> Write:
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
            self._add_analysis(result, stored, deadline, anew=event.made_before is not None)
        except PictureRejectedError as error:
            result["status"] = Status.REJECTED
            result["code"] = error.code
            result["message"] = error.sentence
        result["processedAt"] = iso_ms(self.now())
        event_time = iso_ms(event.time)
        pending = self.announcing.open(result, event_time) if self.announcing else None
        return Write(result, event_time, fingerprint=self.settings.whole_fingerprint, pending=pending)

    def _add_analysis(self, result: Result, stored: StoredObject, deadline: Deadline, *, anew: bool) -> None:
        picture.check_size(stored.size_bytes)
        analysed, led = self._flights.do(
            (stored.etag, stored.size_bytes, anew), lambda: self._analyse(stored, deadline, anew=anew)
        )
        if not led:
            self.tally.add(Count.REKOGNITION_CALLS_SAVED, len(self.settings.detectors))
        analysis, cut = trimmed(analysed.analysis)
        result.update(cast("Result", analysis))
        result["format"] = analysed.header.format
        if analysed.header.width is not None and analysed.header.height is not None:
            result["width"], result["height"] = analysed.header.width, analysed.header.height
        if analysed.header.converted:
            result["converted"] = True
        result["reused"] = analysed.reused or not led
        if lost := sorted({*analysed.truncated, *cut}):
            result["truncated"] = lost

    def _analyse(self, stored: StoredObject, deadline: Deadline, *, anew: bool) -> _Analysed:
        cached = {} if anew else self.answers.find(stored.etag, stored.size_bytes, self.settings.fingerprints)
        known = dict(cached)
        self.tally.add(Count.REKOGNITION_CALLS_SAVED, len(known))
        missing = [detector for detector in self.settings.detectors if detector not in known]
        if missing:
            # Read even if other detectors' answers are known: what one can take by reference, another may not.
            with self.preparation.ready(stored, self._read_header(stored), deadline) as (prepared, header):
                known |= self._detect(missing, prepared, header, deadline)
        else:
            header = next(iter(known.values())).header
        analysis = Analysis()
        for answer in known.values():
            analysis.update(answer.analysis)
        truncated = tuple(name for answer in known.values() for name in answer.truncated)
        return _Analysed(header, analysis, truncated, reused=not missing)

    def _read_header(self, stored: StoredObject) -> PictureHeader:
        start, for_text = b"", Detector.TEXT in self.settings.detectors
        for length in picture.HEADER_READS_BYTES:
            start = self.objects.read_start(stored, length)
            header = picture.read_header(start, stored.size_bytes, for_text=for_text)
            if header:
                return header
        return picture.unread_header(start, stored.size_bytes)

    def _detect(
        self, detectors: Sequence[Detector], stored: StoredObject, header: PictureHeader, deadline: Deadline
    ) -> Mapping[str, Answer]:
        """Ask the detectors at the same time. All are waited for, so that what was paid for is kept."""
        first, *others = detectors
        running: dict[Detector, Future[Answer]] = {
            detector: self.operations.submit(
                # Log lines of the operation carry the keys of the picture's.
                contextvars.copy_context().run, self._ask, detector, stored, header, deadline
            )
            for detector in others
        }  # fmt: skip
        answers: dict[str, Answer] = {}
        errors: list[LabellingError] = []
        for detector in detectors:
            try:
                answers[detector] = (
                    self._ask(first, stored, header, deadline) if detector is first else running[detector].result()
                )
            except LabellingError as error:
                errors.append(error)
        if answers:
            self._keep(stored, answers)
        if errors:
            # A picture that one detector rejects is not tried again because another was throttled.
            raise next((error for error in errors if isinstance(error, PictureRejectedError)), errors[0])
        return answers

    def _ask(self, detector: Detector, stored: StoredObject, header: PictureHeader, deadline: Deadline) -> Answer:
        try:
            raw = self.recogniser.detect(detector, self.settings.parameters(detector), stored, deadline)
        except ObjectGoneError as error:
            # Rekognition says the same of an object that is gone and of one it may not read: S3 knows which.
            self.objects.head(stored.key, stored.version_id)
            raise StorageError(f"Rekognition cannot read the object: {error}") from error
        return Answer(self.settings.analysis(detector, raw), header)

    def _keep(self, stored: StoredObject, answers: Mapping[str, Answer]) -> None:
        try:
            self.answers.keep(stored.etag, stored.size_bytes, self.settings.fingerprints, answers)
        except TableUnavailableError as error:
            self.warn(f"The answers could not be cached; the picture is labelled all the same: {error}")
