"""The workflow's steps: what the queue's function does in one go (`processing`), each piece on its own.

`inspect` ends with everything that needs no Rekognition; for the rest it says which detectors are to be asked. Each is
asked in a branch of its own (`recognise`), and `store` ends with what they said. Announcing is a step of its own too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from handlers.labelling.announcing import Announcing
from handlers.labelling.detectors import Detector
from handlers.labelling.errors import AnswersMissingError, LabellingError, PictureRejectedError
from handlers.labelling.failure import FailureRecording
from handlers.labelling.pacing import Deadline
from handlers.labelling.processing import Examined, ImageProcessing, Outcome
from handlers.labelling.workflow_state import (
    State,
    decode_event,
    decode_heard,
    decode_object,
    encode_event,
    encode_heard,
    encode_object,
    error_of,
)
from handlers.results.cache import Answer
from handlers.results.document import Result
from handlers.results.outbox import Outbox
from handlers.results.pending import Pending


@dataclass(frozen=True)
class AnnouncedLater:
    """Leaves announcing to the workflow's next step: what is stored waits for whoever comes."""

    outbox: Outbox

    def open(self, result: Result, event_time: str) -> Pending:
        """For the write of a result that nobody has taken on to announce yet."""
        return self.outbox.open(result, event_time, claimed=False)

    def announce(self, result: Result, pending: Pending) -> None:
        """Nothing: it waits in the outbox."""

    def resume(self, key: str) -> bool:
        """Nothing: it waits in the outbox."""
        return False


@dataclass(frozen=True)
class WorkflowSteps:
    """The steps that label; each takes the state and gives what becomes of it. Raises what `ImageProcessing` raises."""

    processing: ImageProcessing

    def inspect(self, state: Mapping[str, Any], deadline: Deadline) -> State:
        """End with what needs no Rekognition; otherwise say which detectors are `missing`."""
        event = decode_event(state["event"])
        if self.processing.is_foreign(event):
            return _ended(state, Outcome.FOREIGN)
        with self.processing.alone(event):
            seen = self.processing.results.read(event.key)
            found = self.processing.examine(event, seen)
            if isinstance(found, Examined):
                examined, analysing = found, self.processing.analysing
                try:
                    found = self.processing.judge(
                        examined, seen, lambda: analysing.recall(examined.stored, anew=examined.anew)
                    )
                except AnswersMissingError as missing:
                    return {
                        "event": encode_event(examined.event),
                        "stored": encode_object(examined.stored),
                        "missing": {str(one): one in missing.detectors for one in self.processing.settings.detectors},
                    }
            return _ended(state, self.processing.conclude(event, found, seen))

    def recognise(self, state: Mapping[str, Any], deadline: Deadline) -> State:
        """Ask one detector. That a picture is rejected is an answer; other errors are the workflow's business."""
        detector, stored = Detector(state["detector"]), decode_object(state["stored"])
        try:
            return encode_heard(detector, self.processing.analysing.ask(detector, stored, deadline))
        except PictureRejectedError as rejection:
            return encode_heard(detector, rejection)

    def store(self, state: Mapping[str, Any], deadline: Deadline) -> State:
        """End with what the detectors said."""
        examined = Examined(decode_event(state["event"]), decode_object(state["stored"]))
        heard: dict[Detector, Answer | LabellingError] = {}
        for one in state["answers"]:
            if (answer := decode_heard(one)) is not None:
                heard[Detector(one["detector"])] = answer
        with self.processing.alone(examined.event):
            seen = self.processing.results.read(examined.event.key)
            found = self.processing.judge(
                examined,
                seen,
                lambda: self.processing.analysing.gather(examined.stored, heard, anew=examined.anew),
            )
            return _ended(state, self.processing.conclude(examined.event, found, seen))


@dataclass(frozen=True)
class NotifyStep:
    """Announces what the steps before have stored."""

    announcing: Announcing

    def notify(self, state: Mapping[str, Any], deadline: Deadline) -> State:
        """Announce the picture's result, if it still waits. Raises what `Announcing` raises."""
        announced = self.announcing.resume(decode_event(state["event"]).key)
        return {**state, "announced": announced}


@dataclass(frozen=True)
class FailureStep:
    """Records what the steps before have failed at."""

    recording: FailureRecording

    def record(self, state: Mapping[str, Any], deadline: Deadline) -> State:
        """Write the picture's FAILED result. Raises what `FailureRecording` raises."""
        error = error_of(state["failure"]["Error"])
        code = getattr(error, "code", None)
        return _ended(state, self.recording.record(decode_event(state["event"]), code))


def _ended(state: Mapping[str, Any], outcome: str) -> State:
    return {"event": state["event"], "outcome": str(outcome)}
