"""The workflow: its start for each event, and its steps, the pipeline's methods one by one with JSON state in between.

`inspect` ends pictures that need no Rekognition call, and names the missing detectors of the others. `recognise` calls
one detector, in a branch of its own, and `store` writes the answers. `fail` records a permanent error, and `notify`
publishes the stored result. Step Functions knows their errors by their class's name.

Step Functions takes 256 KB of state. Answers travel compressed: 350 KB of analysis, the most that a result keeps, come
to less than half of that. Pictures do not travel: each step that needs one reads it from the bucket.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from ..results import table
from ..results.codes import Code
from ..results.document import json_ready
from ..results.errors import ResultsError
from ..results.item import Item
from ..results.order import Position
from . import errors
from .detectors import Detector
from .errors import LabellingError, PictureRejectedError, TransientError
from .events import Deadline, Ended, EventKind, ObjectEvent
from .metrics import Metrics
from .outbox import Outbox
from .pipeline import Pipeline, Recorder
from .s3_objects import StoredObject

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_stepfunctions import SFNClient

State = dict[str, Any]
Step = Callable[[State, Deadline], State]

LONGEST_EXECUTION_S: Final = 300
"""The limit of an Express workflow: docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html."""
client_config: Final = partial(table.client_config, read_timeout_s=LONGEST_EXECUTION_S + 5, attempts=3)
"""The configuration of the Step Functions client: a slow execution does not start again."""


def run(client: SFNClient, state_machine_arn: str, event: ObjectEvent) -> Ended:
    """Run an execution to its end. Raises TransientError with its error, or the reason why it could not start.

    Waiting is what bounds the executions: a function that only started them would start as many as there are messages.
    """
    state = json.dumps({"event": encode_event(event)})
    try:
        answer = client.start_sync_execution(stateMachineArn=state_machine_arn, input=state)
    except (ClientError, BotoCoreError) as error:
        raise TransientError(f"the workflow could not be run: {error}") from error
    if answer["status"] != "SUCCEEDED":
        raise error_of(answer.get("error") or answer["status"])
    return Ended(json.loads(answer["output"])["outcome"])


@dataclass(frozen=True)
class StepFunction:
    """The edge of a step: one state in, one out, metrics, log lines with keys."""

    step: Step
    metrics: Metrics
    logger: Logger

    def handle(self, state: State, context: LambdaContext) -> State:
        """Run the step and return the next state."""
        about = state.get("event") or state.get("stored") or {}
        self.logger.thread_safe_append_keys(key=about.get("key"), version_id=about.get("version_id"))
        try:
            after = self.step(state, Deadline.of(context))
            self.logger.info("Step done", outcome=after.get("outcome"))
            return after
        except (LabellingError, ResultsError) as error:
            self.logger.warning("Step failed", error_type=type(error).__name__, error=str(error))
            raise
        finally:
            self.metrics.publish()
            self.logger.thread_safe_clear_keys()


# --- steps


def inspect(pipeline: Pipeline, state: State, deadline: Deadline) -> State:
    """Return a final state if no Rekognition call is needed, else the state with the `missing` detectors."""
    event = decode_event(state["event"])
    with pipeline.open([event], deadline) as batch:
        try:
            return _ended(state, pipeline.process(event, batch))
        except errors.DetectorsMissingError as error:
            return {
                "event": encode_event(error.event),
                "stored": asdict(error.stored),
                "missing": {str(detector): detector in error.detectors for detector in pipeline.settings.detectors},
            }


def recognise(pipeline: Pipeline, state: State, deadline: Deadline) -> State:
    """Ask one detector. A rejection of the picture is an answer too; other errors are the workflow's business."""
    detector = state["detector"]
    try:
        answer = pipeline.ask(Detector(detector), StoredObject(**state["stored"]), deadline)
    except PictureRejectedError as rejection:
        return {"detector": detector, "rejected": {"code": str(rejection.code), "detail": rejection.detail}}
    return {"detector": detector, "answer": encode_answer(answer)}


def store(pipeline: Pipeline, state: State, deadline: Deadline) -> State:
    """Store the detectors' answers and return the final state."""
    event, stored = decode_event(state["event"]), StoredObject(**state["stored"])
    branches = state["answers"]
    # A detector with a known answer was not called, and has neither.
    answers = [decode_answer(branch["answer"]) for branch in branches if "answer" in branch]
    failures = [failure for branch in branches if (failure := _failure(branch))]
    with pipeline.open([event], deadline) as batch:
        return _ended(state, pipeline.complete(event, stored, answers, failures, batch))


def fail(recorder: Recorder, state: State, deadline: Deadline) -> State:
    """Write the FAILED result of an earlier step's permanent error. Raises what `Recorder` raises."""
    code = getattr(error_of(state["failure"]["Error"]), "code", None)
    return _ended(state, recorder.record_failure(decode_event(state["event"]), code))


def notify(outbox: Outbox, state: State, deadline: Deadline) -> State:
    """Publish the stored result, if it is unannounced. Raises what `DeliveringOutbox` raises."""
    return {**state, "announced": outbox.resume(decode_event(state["event"]).key)}


def _ended(state: State, ended: Ended) -> State:
    return {"event": state["event"], "outcome": str(ended.outcome)}


# --- what travels


_ERRORS: Final[Mapping[str, type[LabellingError]]] = {
    name: error
    for name, error in vars(errors).items()
    if isinstance(error, type) and issubclass(error, (TransientError, errors.ObjectGoneError, errors.AnnouncementError))
} | {
    # To the queue it is the same: the result is stored, and not published yet.
    "AnnouncementClaimedError": errors.AnnouncementError,
    # Lambda refuses to run another instance: a quota too, which passes.
    "Lambda.TooManyRequestsException": errors.RekognitionThrottledError,
    "TableUnavailableError": errors.StorageError,
}


def error_of(name: str) -> LabellingError:
    """Return the error that a step failed with, by the name that Step Functions gives it."""
    return _ERRORS.get(name, TransientError)(f"a step of the workflow failed: {name}")


def _failure(branch: State) -> LabellingError | None:
    if "rejected" in branch:
        return PictureRejectedError(Code(branch["rejected"]["code"]), branch["rejected"]["detail"])
    return error_of(branch["error"]) if "error" in branch else None


def encode_event(event: ObjectEvent) -> State:
    """Return an event as state."""
    return {**asdict(event), "kind": str(event.kind), "position": list(event.position)}


def decode_event(state: State) -> ObjectEvent:
    """Decode the output of `encode_event`."""
    return ObjectEvent(**{**state, "kind": EventKind(state["kind"]), "position": Position(*state["position"])})


def encode_answer(item: Item) -> str:
    """Return the item of a detector's answer as compressed text."""
    text = json.dumps(json_ready(dict(item)), ensure_ascii=False, separators=(",", ":"))
    return base64.b85encode(zlib.compress(text.encode(), level=9)).decode()


def decode_answer(packed: str) -> Item:
    """Decode the output of `encode_answer`; all numbers are decimals, as DynamoDB gives them."""
    item: Item = json.loads(zlib.decompress(base64.b85decode(packed)), parse_float=Decimal, parse_int=Decimal)
    return item
