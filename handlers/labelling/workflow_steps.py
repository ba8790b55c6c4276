"""The workflow's steps: what the queue's function does in one go (`processing`), each piece on its own.

`inspect` ends with everything that needs no Rekognition; for the rest it says which detectors are to be asked. Each is
asked in a branch of its own (`recognise`), and `store` ends with what they said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from handlers.labelling.detectors import Detector
from handlers.labelling.errors import AnswersMissingError, LabellingError, PictureRejectedError
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
    ended,
)
from handlers.results.cache import Answer


@dataclass(frozen=True)
class WorkflowSteps:
    """The steps that label; each takes the state and gives what becomes of it. Raises what `ImageProcessing` raises."""

    processing: ImageProcessing

    def inspect(self, state: Mapping[str, Any], deadline: Deadline) -> State:
        """End with what needs no Rekognition; otherwise say which detectors are `missing`."""
        event = decode_event(state["event"])
        if self.processing.is_foreign(event):
            return ended(state, Outcome.FOREIGN)
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
            return ended(state, self.processing.conclude(event, found, seen))

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
            return ended(state, self.processing.conclude(examined.event, found, seen))
