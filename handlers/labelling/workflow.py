"""The workflow's steps: the pipeline's methods one by one, with JSON state between them.

`inspect` ends pictures that need no Rekognition call, and names the missing detectors of the others. `recognise` calls
one detector, in a branch of its own, and `store` writes the answers. `fail` records a permanent error, and `notify`
publishes the stored result.

Step Functions takes 256 KB of state. Answers travel compressed: 350 KB of analysis, the most that a result keeps, come
to less than half of that. Pictures do not travel: each step that needs one reads it from the bucket.
"""

from __future__ import annotations

import base64
import json
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from aws_lambda_powertools import Logger
from aws_lambda_powertools import Metrics as EmbeddedMetrics

from ..results.codes import Code
from ..results.document import json_ready
from ..results.errors import ResultsError
from ..results.item import MAX_ANALYSIS_BYTES, Answer, PictureHeader, trimmed
from ..results.order import Position
from .detectors import Detector
from .errors import (
    AnnouncementError,
    ConversionDelayedError,
    LabellingError,
    ObjectGoneError,
    PictureRejectedError,
    RekognitionDeniedError,
    RekognitionServerError,
    RekognitionThrottledError,
    RekognitionTimeoutError,
    StorageError,
    TransientError,
)
from .events import EventKind, ObjectEvent
from .failure import FailureRecorder
from .metrics import Metrics
from .outbox import Outbox
from .pipeline import DetectorsMissingError, Ended, Pipeline
from .ports import Deadline, StoredObject

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

State = dict[str, Any]


@dataclass(frozen=True)
class LabellingSteps:
    """The steps that label. Each raises what `Pipeline` raises."""

    pipeline: Pipeline

    def inspect(self, state: Mapping[str, Any], deadline: Deadline) -> State:
        """Return a final state if no Rekognition call is needed, else the state with the `missing` detectors."""
        event = decode_event(state["event"])
        with self.pipeline.open([event]) as batch:
            try:
                return _ended(state, self.pipeline.process(event, batch, deadline))
            except DetectorsMissingError as error:
                return {
                    "event": encode_event(error.event),
                    "stored": encode_object(error.stored),
                    "missing": {
                        str(detector): detector in error.detectors for detector in self.pipeline.settings.detectors
                    },
                }

    def recognise(self, state: Mapping[str, Any], deadline: Deadline) -> State:
        """Ask one detector. A rejection of the picture is an answer too; other errors are the workflow's business."""
        detector = Detector(state["detector"])
        try:
            return encode_answer(detector, self.pipeline.ask(detector, decode_object(state["stored"]), deadline))
        except PictureRejectedError as rejection:
            return encode_rejection(detector, rejection)

    def store(self, state: Mapping[str, Any], deadline: Deadline) -> State:
        """Store the detectors' answers and return the final state."""
        event, stored = decode_event(state["event"]), decode_object(state["stored"])
        answers: dict[str, Answer] = {}
        errors: list[LabellingError] = []
        for branch in state["answers"]:
            try:
                # A detector with a known answer was not called.
                if answer := decode_answer(branch):
                    answers[Detector(branch["detector"])] = answer
            except LabellingError as error:
                errors.append(error)
        with self.pipeline.open([event]) as batch:
            return _ended(state, self.pipeline.complete(event, stored, answers, errors, batch))


def fail(recorder: FailureRecorder, state: Mapping[str, Any], deadline: Deadline) -> State:
    """Write the FAILED result of an earlier step's permanent error. Raises what `FailureRecorder` raises."""
    code = getattr(error_of(state["failure"]["Error"]), "code", None)
    return _ended(state, recorder.record(decode_event(state["event"]), code))


def notify(outbox: Outbox, state: Mapping[str, Any], deadline: Deadline) -> State:
    """Publish the stored result, if it is unannounced. Raises what `Outbox` raises."""
    return {**state, "announced": outbox.resume(decode_event(state["event"]).key)}


Step = Callable[[Mapping[str, Any], Deadline], State]
"""One of these steps; Step Functions knows its errors by their class's name."""


@dataclass(frozen=True)
class StepFunction:
    """The edge of a step: one state in, one out, metrics, log lines with keys."""

    step: Step
    metrics: Metrics
    logger: Logger
    embedded: EmbeddedMetrics
    clock: Callable[[], float] = time.monotonic

    def handle(self, state: dict[str, Any], context: LambdaContext) -> State:
        """Run the step and return the next state."""
        result: State = self.logger.inject_lambda_context(self._handle)(state, context)
        return result

    def _handle(self, state: dict[str, Any], context: LambdaContext) -> State:
        deadline = Deadline.of(context, self.clock)
        about = state.get("event") or state.get("stored") or {}
        self.logger.thread_safe_append_keys(key=about.get("key"), version_id=about.get("version_id"))
        try:
            after = self.step(state, deadline)
            self.logger.info("Step done", outcome=after.get("outcome"))
            return after
        except (LabellingError, ResultsError) as error:
            self.logger.warning("Step failed", error_type=type(error).__name__, error=str(error))
            raise
        finally:
            self.metrics.publish(self.embedded)
            self.logger.thread_safe_clear_keys()


# --- what travels


_ERRORS: Final[Mapping[str, type[LabellingError]]] = {
    error.__name__: error
    for error in (
        ObjectGoneError,
        RekognitionThrottledError,
        RekognitionTimeoutError,
        RekognitionServerError,
        RekognitionDeniedError,
        ConversionDelayedError,
        StorageError,
        AnnouncementError,
    )
} | {
    # To the queue it is the same: the result is stored, and not published yet.
    "AnnouncementClaimedError": AnnouncementError,
    # Lambda refuses to run another instance: a quota too, which passes.
    "Lambda.TooManyRequestsException": RekognitionThrottledError,
    "TableUnavailableError": StorageError,
}


def error_of(name: str) -> LabellingError:
    """Return the error that a step failed with, by the name that Step Functions gives it."""
    return _ERRORS.get(name, TransientError)(f"a step of the workflow failed: {name}")


def _ended(state: Mapping[str, Any], ended: Ended) -> State:
    return {"event": state["event"], "outcome": str(ended.outcome)}


def encode_event(event: ObjectEvent) -> State:
    """Return an event as state."""
    return {**asdict(event), "kind": str(event.kind), "position": list(event.position)}


def decode_event(state: Mapping[str, Any]) -> ObjectEvent:
    """Decode the output of `encode_event`."""
    return ObjectEvent(**{**state, "kind": EventKind(state["kind"]), "position": Position(*state["position"])})


def encode_object(stored: StoredObject) -> State:
    """Return an object version as state."""
    return {**asdict(stored), "modified_at": stored.modified_at.isoformat()}


def decode_object(state: Mapping[str, Any]) -> StoredObject:
    """Decode the output of `encode_object`."""
    return StoredObject(**{**state, "modified_at": datetime.fromisoformat(state["modified_at"])})


def encode_rejection(detector: Detector, rejection: PictureRejectedError) -> State:
    """Return as state that a detector, or looking at the picture for it, rejected the picture."""
    return {"detector": str(detector), "rejected": {"code": str(rejection.code), "detail": rejection.detail}}


def encode_answer(detector: Detector, answer: Answer) -> State:
    """Encode a detector's answer as state."""
    analysis, cut = trimmed(answer.analysis, MAX_ANALYSIS_BYTES)
    content = {
        "analysis": json_ready(analysis),
        "header": json_ready(asdict(answer.header)),
        "truncated": sorted({*answer.truncated, *cut}),
    }
    packed = zlib.compress(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode(), level=9)
    return {"detector": str(detector), "answer": base64.b85encode(packed).decode()}


def decode_answer(branch: Mapping[str, Any]) -> Answer | None:
    """Return a detector's answer, or None if it was not called. Raises its rejection, or the branch's error."""
    if "rejected" in branch:
        raise PictureRejectedError(Code(branch["rejected"]["code"]), branch["rejected"]["detail"])
    if "error" in branch:
        raise error_of(branch["error"])
    if "answer" not in branch:
        return None
    text = zlib.decompress(base64.b85decode(branch["answer"])).decode()
    # As the detectors give them, all numbers of an analysis are decimals; of a header, those that are not whole.
    header = json.loads(text, parse_float=Decimal)["header"]
    content = json.loads(text, parse_float=Decimal, parse_int=Decimal)
    return Answer(content["analysis"], PictureHeader(**header), tuple(content["truncated"]))
