"""From one S3 event to one terminal result.

`Pipeline.process` is the whole way, top to bottom. The queue's function calls it for each event of a batch. The
workflow's steps (`workflow.py`) call the same methods.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from ..results import keys
from ..results.codes import Code, Status
from ..results.errors import TableUnavailableError
from ..results.item import (
    Answer,
    Item,
    OutboxEntry,
    PictureHeader,
    Snapshot,
    Write,
    answers_in,
    content_item,
    content_places,
    moved,
)
from ..results.order import FIRST
from ..results.table import ResultsWriter
from . import picture
from .decoder import Preparation
from .detectors import Answers, Detector, DetectorSettings
from .errors import (
    DetectorsMissingError,
    LabellingError,
    ObjectGoneError,
    PictureRejectedError,
    RekognitionDeniedError,
    StorageError,
)
from .events import Deadline, Ended, EventKind, ObjectEvent, Outcome
from .metrics import Metric, Metrics
from .outbox import Outbox
from .rekognition import Detect
from .s3_objects import S3Objects, StoredObject


@dataclass
class Batch:
    """Data that the events of one batch share: their items in the table, and Rekognition's latest answers."""

    deadline: Deadline
    images: dict[str, Snapshot] = field(default_factory=dict)
    known: dict[keys.Content, Answers] = field(default_factory=dict)
    new_answers: dict[keys.Content, dict[str, Answer]] = field(default_factory=dict)
    """Answers of this batch. They count even where a repair wants nothing that was known before."""
    rejections: dict[keys.Content, PictureRejectedError] = field(default_factory=dict)
    new_content: list[Item] = field(default_factory=list)
    """Known content for the table, written in one request when the batch ends."""
    _locks: dict[object, threading.Lock] = field(default_factory=dict)

    def lock(self, of: object) -> threading.Lock:
        """Return the lock of a key or of some content: its events wait for each other."""
        return self._locks.setdefault(of, threading.Lock())


@dataclass(frozen=True)
class Recorder:
    """Stores results and publishes them. `images` has the stored states of pictures that were read already.

    Raises TableUnavailableError when the same event may succeed later; AnnouncementError and AnnouncementClaimedError
    when the result is stored, but not published.
    """

    bucket: str
    results: ResultsWriter
    outbox: Outbox | None
    """None where results go to the table alone."""
    metrics: Metrics
    now: Callable[[], datetime]

    def image(self, key: str, images: dict[str, Snapshot]) -> Snapshot:
        """Return the stored state of a picture, as it was read or written last."""
        if key not in images:
            images[key] = self.results.read(key)
        return images[key]

    def store(self, event: ObjectEvent, write: Write, images: dict[str, Snapshot]) -> Ended:
        """Store a result and publish it, unless something newer is stored. One that only moves is not published."""
        image = self.image(event.key, images)
        if write.moves:
            self.results.write(write, image)
            del images[event.key]
            return self.leave(Outcome.UNCHANGED, image)
        outcome = Outcome(write.result["status"])
        if self.outbox and outcome is not Outcome.DELETED:
            write = replace(write, outbox=self.outbox.entry(write.result, write.event_time))
        stored = self.results.write(write, image)
        if stored is None:
            del images[event.key]
            return self.leave(Outcome.STALE, self.image(event.key, images))
        images[event.key] = stored
        self.metrics.add(Metric[f"PICTURES_{outcome}"])
        if event.kind is EventKind.CREATED and outcome in (Outcome.LABELED, Outcome.REJECTED):
            uploaded_at = datetime.fromisoformat(event.position.event_time)
            self.metrics.time_upload_to_result((self.now() - uploaded_at).total_seconds() * 1000)
        if self.outbox and write.outbox:
            self.outbox.deliver(write.result, write.outbox)
        return Ended(outcome, write.result)

    def leave(self, outcome: Outcome, image: Snapshot) -> Ended:
        """Keep the stored result, and publish it if it is unannounced: its writer may have crashed, or been refused."""
        if outcome is Outcome.STALE:
            self.metrics.add(Metric.STALE_EVENTS)
        if self.outbox and image.image and OutboxEntry.of(image.image):
            self.outbox.resume(image.image["key"])
        return Ended(outcome)

    def ignore(self) -> Ended:
        """Ignore an event of another bucket."""
        self.metrics.add(Metric.IGNORED_EVENTS)
        return Ended(Outcome.FOREIGN)

    def record_failure(self, event: ObjectEvent, code: Code | None = None) -> Ended:
        """Write the failure of an event that used up its attempts, unless a better result is stored.

        The reason is `code`, or the noted one. Publish a stored result that could not be published before.
        """
        if event.bucket != self.bucket:
            return self.ignore()
        images: dict[str, Snapshot] = {}
        image = self.image(event.key, images)
        state = image.state
        # A repair that fails leaves the stored result.
        if state and (event.kind is EventKind.REPAIR or state.settles(event.position, event.uploaded_version)):
            return self.leave(Outcome.STALE, image)
        # A tombstone needs nothing that can have failed but the table.
        if event.kind is EventKind.REMOVED:
            return self.store(event, event.tombstone(self.now()), images)
        code = code or self.results.attempt_code(event.key, event.position) or Code.RETRIES_EXHAUSTED
        return self.store(event, event.failed(self.now(), code), images)


@dataclass(frozen=True)
class Pipeline(Recorder):
    """Labels pictures; thread-safe, and meant to be called for all events of a batch at once.

    Raises TransientError too when the same event may succeed later.
    """

    settings: DetectorSettings
    objects: S3Objects
    preparation: Preparation
    rekognition: Detect | None
    """None in a step of the workflow that asks nothing: it raises DetectorsMissingError where it would have to."""
    cache_days: int
    operations: Executor
    """Runs the operations of a picture at the same time; not the executor that runs the pictures."""
    warn: Callable[[str], None]

    @contextmanager
    def open(self, events: Sequence[ObjectEvent], deadline: Deadline) -> Iterator[Batch]:
        """Read the items of some events in one request, and store new known content in one after the events."""
        batch = Batch(deadline)
        images = {event.key: keys.image_place(event.key) for event in events if event.bucket == self.bucket}
        contents = {
            (event.etag, event.size_bytes): content_places(event.etag, event.size_bytes, self.settings.fingerprints)
            for event in events
            if event.bucket == self.bucket and event.etag and event.size_bytes is not None
        }
        try:
            items = self.results.rows.read_items({*images.values()}.union(*contents.values()))
        except TableUnavailableError as error:
            self.warn(f"Reading the whole batch failed; each event reads its own items: {error}")
        else:
            batch.images |= {key: Snapshot(items.get(place)) for key, place in images.items()}
            for content, places in contents.items():
                batch.known[content] = self._answers([items[place] for place in places if place in items])
        try:
            yield batch
        finally:
            try:
                self.results.rows.put_items(batch.new_content)
            except TableUnavailableError as error:
                self.warn(f"Caching the answers failed; the pictures are still labelled: {error}")

    def process(self, event: ObjectEvent, batch: Batch) -> Ended:
        """Apply an event to the table: read it, look at the picture and ask Rekognition if need be, store, announce."""
        if event.bucket != self.bucket:
            return self.ignore()
        with batch.lock(event.key):
            image = self.image(event.key, batch.images)
            state = image.state
            event = event.after(state)
            if state and state.settles(event.position, event.uploaded_version):
                return self.leave(Outcome.STALE, image)
            if event.kind is EventKind.REMOVED:
                return self.store(event, event.tombstone(self.now()), batch.images)
            try:
                stored, start = event.uploaded_object, b""
                if stored is None:
                    stored, start = self.objects.open(event.key, event.uploaded_version, picture.HEADER_READS_BYTES[0])
                kept = self._keep_stored(event, stored, start, image, batch)
                if kept is None and event.labels_only:
                    return self.leave(Outcome.UNCHANGED, image)
                write = kept or self._judge(event, stored, start, batch)
            except ObjectGoneError:
                if event.kind is EventKind.REPAIR and (state is None or state.status is Status.DELETED):
                    return self.leave(Outcome.STALE, image)
                write = event.tombstone(self.now())
            return self.store(event, write, batch.images)

    def ask(self, detector: Detector, stored: StoredObject, deadline: Deadline) -> Item:
        """Ask one detector about a picture; return its answer as an item of known content."""
        batch = Batch(deadline)
        self._ask([detector], stored, self._look(stored), batch)
        return batch.new_content[0]

    def complete(
        self, event: ObjectEvent, stored: StoredObject, items: list[Item], errors: list[LabellingError], batch: Batch
    ) -> Ended:
        """Store answers of detectors that were asked elsewhere. Raises the first of their errors."""
        with batch.lock(event.key):
            try:
                known = self._known(event, stored, batch)
                batch.new_content += items
                if errors:
                    raise _decisive(errors)
                answers = self._answers(items)
                if lost := [name for name in self.settings.detectors if name not in answers and name not in known]:
                    raise StorageError(f"the known answers of {', '.join(lost)} are gone")
                write = self.settings.labeled(event, stored, known, answers, self.now())
            except PictureRejectedError as rejection:
                write = self.settings.rejected(event, stored, rejection, self.now())
            except ObjectGoneError:
                write = event.tombstone(self.now())
            return self.store(event, write, batch.images)

    # --- known content

    def _known(self, event: ObjectEvent, stored: StoredObject, batch: Batch) -> Answers:
        """Return Rekognition's earlier answers for these bytes, by detector; none if a repair wants new ones."""
        content = (stored.etag, stored.size_bytes)
        if event.processed_before:
            return {}
        if content not in batch.known:
            items = self.results.rows.read_items(content_places(*content, self.settings.fingerprints))
            batch.known[content] = self._answers(list(items.values()))
        return batch.known[content]

    def _answers(self, items: Sequence[Item]) -> dict[str, Answer]:
        now_s = self.now().timestamp()
        known = [answers_in(item, self.settings.fingerprints, now_s) for item in items]
        return {name: answer for answers in known for name, answer in answers.items()}

    def _keep_stored(
        self, event: ObjectEvent, stored: StoredObject, start: bytes, image: Snapshot, batch: Batch
    ) -> Write | None:
        """Return the write that keeps the stored result at the event's place, if it is of this version and will do."""
        if image.image is None or image.image.get("etag") != stored.etag:
            return None
        moves = moved(image.image, stored.version_id, event.position)
        if moves is None or event.kind is EventKind.PURGED:
            return moves
        if event.kind is not EventKind.REPAIR:  # the upload's own event, late: a repair has been faster
            is_faster = image.image["sequencer"] == FIRST.sequencer and event.version_id is not None
            return moves if is_faster else None
        if event.processed_before is not None and image.image["processedAt"] < event.processed_before:
            return None
        fingerprint = image.image.get("fingerprint") or ""
        if fingerprint == self.settings.whole_fingerprint:
            return moves
        of_detectors = fingerprint.partition(".")[0]
        if not event.labels_only and of_detectors != self.settings.detectors_fingerprint:
            return None
        moves = replace(moves, fingerprint=self.settings.whole_of(of_detectors))
        # Facts of the file change with its version and the settings; to read them costs no analysis.
        lacks_facts = image.image["status"] == Status.LABELED and not fingerprint.endswith(f".{self.settings.facts}")
        header = self._read_facts(stored, start, batch) if lacks_facts else None
        return self.settings.refreshed(moves, image.image, header, self.now())

    def _read_facts(self, stored: StoredObject, start: bytes, batch: Batch) -> PictureHeader | None:
        """Return the header of a picture that was labelled before; None where the file does not give it any more."""
        try:
            header = self.preparation.with_facts(stored, self._look(stored, start), batch.deadline)
        except PictureRejectedError:
            return None
        return self.settings.kept(header)

    # --- the picture

    def _judge(self, event: ObjectEvent, stored: StoredObject, start: bytes, batch: Batch) -> Write:
        """Return the picture's result from known content, and from Rekognition for the rest."""
        content = (stored.etag, stored.size_bytes)
        # Of pictures with the same bytes in a batch, only one is inspected and sent to Rekognition.
        with batch.lock(content):
            try:
                if content in batch.rejections:
                    raise batch.rejections[content]
                picture.check_size(stored.size_bytes)
                known: Answers = {**self._known(event, stored, batch), **batch.new_answers.get(content, {})}
                missing = [detector for detector in self.settings.detectors if detector not in known]
                self.metrics.add(Metric.REKOGNITION_CALLS_SAVED, len(known))
                new_answers: Answers = {}
                if missing:
                    header = self._look(stored, start)
                    if self.rekognition is None:
                        raise DetectorsMissingError(event, stored, missing)
                    new_answers = self._ask(missing, stored, header, batch)
                else:
                    known = self._with_facts(known, stored, start, batch)
            except PictureRejectedError as rejection:
                if rejection.code is not Code.OBJECT_UNREADABLE:  # which says nothing of other objects' same bytes
                    batch.rejections[content] = rejection
                return self.settings.rejected(event, stored, rejection, self.now())
        return self.settings.labeled(event, stored, known, new_answers, self.now())

    def _with_facts(self, known: Answers, stored: StoredObject, start: bytes, batch: Batch) -> Answers:
        """Return known answers with the facts that the settings keep; read and keep the facts again if they differ."""
        has_facts = all(answer.header.facts == self.settings.facts for answer in known.values())
        header = None if has_facts else self._read_facts(stored, start, batch)
        if header is None:
            return known
        known = {
            name: replace(each, header=replace(each.header, capture=header.capture, facts=header.facts))
            for name, each in known.items()
        }
        self._remember(stored, known, batch)
        return known

    def _look(self, stored: StoredObject, start: bytes = b"") -> PictureHeader:
        """Return the header of the picture. Read more bytes until it is complete."""
        for length_bytes in picture.HEADER_READS_BYTES:
            if len(start) < min(length_bytes, stored.size_bytes):
                start = self.objects.read_start(stored, length_bytes)
            header = picture.read_header(start, stored.size_bytes, for_text=Detector.TEXT in self.settings.detectors)
            if header:
                return header
        return picture.unread_header(start)

    # --- Rekognition

    def _ask(self, detectors: Sequence[Detector], stored: StoredObject, header: PictureHeader, batch: Batch) -> Answers:
        """Return the detectors' answers, and keep them, even where another detector failed. Raises the decisive error.

        Pictures that Rekognition refuses are converted.
        """
        answers, errors = ({}, []) if header.converted else self._ask_all(detectors, stored, header, batch)
        # A browser may show a picture that Rekognition cannot read: the conversion decides.
        if header.converted or any(getattr(error, "code", None) is Code.IMAGE_DAMAGED for error in errors):
            header = replace(header, converted=True)
            with self.preparation.ready(stored, header, batch.deadline) as (copy, header_of_copy):
                answers, errors = self._ask_all(detectors, copy, header_of_copy, batch)
        self._remember(stored, answers, batch)
        if errors:
            raise _decisive(errors)
        return answers

    def _ask_all(
        self, detectors: Sequence[Detector], stored: StoredObject, header: PictureHeader, batch: Batch
    ) -> tuple[Answers, list[LabellingError]]:
        """Ask the detectors at the same time, and wait for all of them."""

        def ask(detector: Detector) -> Answer | LabellingError:
            try:
                return self._detect(detector, stored, header, batch.deadline)
            except LabellingError as error:
                return error

        # Log lines of an operation carry the keys of the picture's.
        others = [self.operations.submit(copy_context().run, ask, detector) for detector in detectors[1:]]
        replies = dict(zip(detectors, [ask(detectors[0]), *(other.result() for other in others)], strict=True))
        answers: Answers = {name: reply for name, reply in replies.items() if isinstance(reply, Answer)}
        return answers, [reply for reply in replies.values() if isinstance(reply, LabellingError)]

    def _detect(self, detector: Detector, stored: StoredObject, header: PictureHeader, deadline: Deadline) -> Answer:
        assert self.rekognition is not None
        try:
            raw = self.rekognition(detector, self.settings.parameters(detector), stored, deadline)
        except ObjectGoneError as error:
            # Rekognition says the same of an object that is gone and of one it may not read: S3 knows which.
            self.objects.open(stored.key, stored.version_id, 1)
            raise RekognitionDeniedError(f"Rekognition may not read the object: {error}") from error
        return self.settings.answer(detector, raw, header)

    def _remember(self, stored: StoredObject, answers: Answers, batch: Batch) -> None:
        """Keep paid answers: for the batch, and for the table at its end."""
        content = (stored.etag, stored.size_bytes)
        batch.new_answers.setdefault(content, {}).update(answers)
        expires_at_s = int((self.now() + timedelta(days=self.cache_days)).timestamp())
        batch.new_content += [
            content_item(*content, name, self.settings.fingerprints[name], answer, expires_at_s)
            for name, answer in answers.items()
        ]


def _decisive(errors: Sequence[LabellingError]) -> LabellingError:
    """Return the error that decides: a picture that one detector rejects is not tried again for another's sake."""
    return next((error for error in errors if isinstance(error, PictureRejectedError)), errors[0])
