"""What the detectors find in a picture: what is known of its bytes already, and what must be asked.

Both pipelines are made of these pieces. The queue's function asks all detectors in one go (`analyse`). The workflow
sees whether it must ask any (`recall`), asks each in a branch of its own (`ask`), and brings their answers together
as `analyse` does (`gather`).
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from handlers.labelling import picture
from handlers.labelling.detectors import Detector, DetectorSettings
from handlers.labelling.errors import (
    AnswersMissingError,
    LabellingError,
    ObjectGoneError,
    PictureRejectedError,
    StorageError,
)
from handlers.labelling.pacing import Deadline
from handlers.labelling.ports import Answers, Objects, PacedRecogniser, StoredObject
from handlers.labelling.preparation import Preparation
from handlers.labelling.sharing import SingleFlight
from handlers.labelling.tally import Count, Tally
from handlers.results.cache import Answer, PictureHeader
from handlers.results.document import Analysis
from handlers.results.errors import TableUnavailableError

Heard: TypeAlias = Mapping[Detector, Answer | LabellingError]
"""What came of asking some detectors, in the order of the settings."""


@dataclass(frozen=True)
class Analysed:
    """All that is known of a picture's bytes."""

    header: PictureHeader
    analysis: Analysis
    truncated: tuple[str, ...]
    reused: bool
    """Nothing had to be asked."""


@dataclass(frozen=True)
class _Survey:
    """What is known of a picture's bytes before anything is asked."""

    known: Mapping[str, Answer]
    missing: tuple[Detector, ...]
    """The detectors that must be asked."""
    header: PictureHeader | None
    """As read from the picture; None when nothing is missing, as then no byte is read."""


@dataclass(frozen=True)
class Analysing:
    """Thread-safe. Raises PictureRejectedError, ObjectGoneError, TransientError and TableUnavailableError."""

    settings: DetectorSettings
    objects: Objects
    preparation: Preparation
    recogniser: PacedRecogniser
    answers: Answers
    tally: Tally
    operations: Executor
    """Runs the operations of a picture at the same time; not the executor that runs the pictures."""
    warn: Callable[[str], None]
    _flights: SingleFlight[Analysed] = field(default_factory=SingleFlight, init=False)

    def analyse(self, stored: StoredObject, deadline: Deadline, *, anew: bool) -> Analysed:
        """Ask what is not known. Of callers with the same bytes at the same time one asks."""
        analysed, led = self._flights.do(
            (stored.etag, stored.size_bytes, anew), lambda: self._analyse(stored, deadline, anew=anew)
        )
        if led:
            return analysed
        self.tally.add(Count.REKOGNITION_CALLS_SAVED, len(self.settings.detectors))
        return replace(analysed, reused=True)

    def recall(self, stored: StoredObject, *, anew: bool) -> Analysed:
        """All that is known, if that is enough. Raises AnswersMissingError."""
        survey = self._survey(stored, anew=anew)
        if survey.missing:
            raise AnswersMissingError(survey.missing)
        return self._whole(survey.known, stored, {})

    def ask(self, detector: Detector, stored: StoredObject, deadline: Deadline) -> Answer:
        """Ask one detector about a picture that `recall` has seen."""
        with self.preparation.ready(stored, self._read_header(stored), deadline) as (prepared, header):
            return self._ask(detector, prepared, header, deadline)

    def gather(self, stored: StoredObject, heard: Heard, *, anew: bool) -> Analysed:
        """Bring together what was heard of the detectors that were asked, and what was known of the others."""
        known = self._known(stored, anew=anew)
        if lost := [one for one in self.settings.detectors if one not in heard and one not in known]:
            raise StorageError(f"the cached answers of {', '.join(lost)} are gone")
        return self._whole({name: answer for name, answer in known.items() if name not in heard}, stored, heard)

    def _survey(self, stored: StoredObject, *, anew: bool) -> _Survey:
        """Look up what is known, and at the picture if that is not all. `anew`: as if nothing were known."""
        picture.check_size(stored.size_bytes)
        known = self._known(stored, anew=anew)
        self.tally.add(Count.REKOGNITION_CALLS_SAVED, len(known))
        missing = tuple(detector for detector in self.settings.detectors if detector not in known)
        # Read even if other detectors' answers are known: what one can take by reference, another may not.
        return _Survey(known, missing, self._read_header(stored) if missing else None)

    def _analyse(self, stored: StoredObject, deadline: Deadline, *, anew: bool) -> Analysed:
        survey = self._survey(stored, anew=anew)
        if survey.header is None:
            return self._whole(survey.known, stored, {})
        with self.preparation.ready(stored, survey.header, deadline) as (prepared, header):
            heard = self._ask_all(survey.missing, prepared, header, deadline)
        return self._whole(survey.known, stored, heard)

    def _known(self, stored: StoredObject, *, anew: bool) -> Mapping[str, Answer]:
        return {} if anew else self.answers.find(stored.etag, stored.size_bytes, self.settings.fingerprints)

    def _whole(self, known: Mapping[str, Answer], stored: StoredObject, heard: Heard) -> Analysed:
        """Keep what was heard, and bring it together with what was known."""
        answers = {str(name): one for name, one in heard.items() if isinstance(one, Answer)}
        if answers:
            # What was paid for is kept, even when another detector failed.
            self._keep(stored, answers)
        if errors := [one for one in heard.values() if isinstance(one, LabellingError)]:
            # A picture that one detector rejects is not tried again because another was throttled.
            raise next((error for error in errors if isinstance(error, PictureRejectedError)), errors[0])
        whole = {**known, **answers}
        analysis = Analysis()
        for answer in whole.values():
            analysis.update(answer.analysis)
        truncated = tuple(name for answer in whole.values() for name in answer.truncated)
        # That of a detector that was asked knows of a conversion.
        header = next(iter((answers or known).values())).header
        return Analysed(header, analysis, truncated, reused=not heard)

    def _read_header(self, stored: StoredObject) -> PictureHeader:
        start, for_text = b"", Detector.TEXT in self.settings.detectors
        for length in picture.HEADER_READS_BYTES:
            start = self.objects.read_start(stored, length)
            header = picture.read_header(start, stored.size_bytes, for_text=for_text)
            if header:
                return header
        return picture.unread_header(start, stored.size_bytes)

    def _ask_all(
        self, detectors: Sequence[Detector], stored: StoredObject, header: PictureHeader, deadline: Deadline
    ) -> Heard:
        """Ask the detectors at the same time; all are waited for."""
        first, *others = detectors
        running: dict[Detector, Future[Answer]] = {
            detector: self.operations.submit(
                # Log lines of the operation carry the keys of the picture's.
                contextvars.copy_context().run, self._ask, detector, stored, header, deadline
            )
            for detector in others
        }  # fmt: skip
        heard: dict[Detector, Answer | LabellingError] = {}
        for detector in detectors:
            try:
                heard[detector] = (
                    self._ask(first, stored, header, deadline) if detector is first else running[detector].result()
                )
            except LabellingError as error:
                heard[detector] = error
        return heard

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
