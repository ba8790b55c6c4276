"""The workflow of one event as a state machine, in Amazon States Language: pure.

Inspect ends pictures that need no Rekognition call. For the others, each detector has a branch, Store writes the
answers, and Notify announces the result. A denied call goes to Fail, which records it. Any other error that outlasts
its retries fails the execution, under its name, and the event returns to its queue.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import pulumi

from .arguments import derive

State = dict[str, Any]

LONGEST_S = 240  # of an execution; AWS ends an Express workflow after 300 s
# The names are those of classes of errors (handlers/labelling/errors.py), of Lambda and of Step Functions.
PERMANENT = ("RekognitionDeniedError", "States.DataLimitExceeded")


@dataclass(frozen=True)
class StepArns:
    """The functions' ARNs; `notify` is None where nothing is announced."""

    inspect: pulumi.Input[str]
    recognise: pulumi.Input[str]
    store: pulumi.Input[str]
    fail: pulumi.Input[str]
    notify: pulumi.Input[str] | None = None

    def present(self) -> list[pulumi.Input[str]]:
        """Return those that there are."""
        return [arn for step in fields(self) if (arn := getattr(self, step.name)) is not None]


def _retry(errors: Sequence[str], interval_s: int, attempts: int, longest_s: int) -> State:
    """Return a retry with full jitter, so that steps that failed together do not retry together."""
    return {
        "ErrorEquals": list(errors),
        "IntervalSeconds": interval_s,
        "BackoffRate": 2,
        "MaxAttempts": attempts,
        "MaxDelaySeconds": longest_s,
        "JitterStrategy": "FULL",
    }


# docs.aws.amazon.com/step-functions/latest/dg/sfn-best-practices.html: Lambda's own errors that pass.
LAMBDA = _retry(
    [
        "Lambda.ClientExecutionTimeoutException",
        "Lambda.ServiceException",
        "Lambda.AWSLambdaException",
        "Lambda.SdkClientException",
    ],
    1,
    4,
    10,
)
# Two quotas that passing time refills: Lambda's concurrency, and below Rekognition's calls per second.
CROWDED = _retry(["Lambda.TooManyRequestsException"], 1, 6, 20)
THROTTLED = _retry(["RekognitionThrottledError"], 1, 6, 20)
STORAGE = _retry(["StorageError", "TableUnavailableError"], 1, 2, 10)
# After three failures or timeouts in a row the queue retries, which waits longer.
BROKEN = _retry(["RekognitionServerError", "RekognitionTimeoutError", "ConversionDelayedError"], 1, 2, 10)
# A right that a deployment has just given is not known everywhere at once.
DENIED = _retry(["RekognitionDeniedError"], 2, 2, 10)
UNANNOUNCED = _retry(["AnnouncementError", "AnnouncementClaimedError"], 2, 2, 10)


def definition(steps: StepArns, detectors: Sequence[str], partition: pulumi.Input[str] = "aws") -> State:
    """Write the state machine; `partition` is that of the account, `aws` or another."""
    invoke = derive(lambda known: f"arn:{known}:states:::lambda:invoke", partition)
    ended = {"Next": "Notify"} if steps.notify is not None else {"End": True}
    states: State = {
        "Inspect": _task(invoke, steps.inspect, [STORAGE], Next="Ended?"),
        "Ended?": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.outcome", "IsPresent": True, "Next": "Notify" if "Next" in ended else "Done"}],
            "Default": "Recognise",
        },
        "Recognise": {
            "Type": "Parallel",
            "Branches": [_branch(invoke, steps.recognise, detector) for detector in detectors],
            "ResultPath": "$.answers",
            "Catch": _permanent(),
            "Next": "Store",
        },
        "Store": _task(invoke, steps.store, [STORAGE], Catch=_permanent(), **ended),
        "Fail": _task(invoke, steps.fail, [STORAGE], **ended),
    }
    if steps.notify is not None:
        states["Notify"] = _task(invoke, steps.notify, [STORAGE, UNANNOUNCED], End=True)
    else:
        states["Done"] = {"Type": "Succeed"}
    return {
        "Comment": "From one event of the upload bucket to its result.",
        "StartAt": "Inspect",
        "TimeoutSeconds": LONGEST_S,
        "States": states,
    }


def _branch(invoke: pulumi.Input[str], recognise: pulumi.Input[str], detector: str) -> State:
    """Return the branch of one detector. Its error is an answer too: Store keeps the other answers."""
    ask, known, failed, needed = (f"{detector} {what}" for what in ("asked", "known", "failed", "needed?"))
    payload_parts = {"detector": detector, "stored.$": "$.stored"}
    return {
        "StartAt": needed,
        "States": {
            needed: {
                "Type": "Choice",
                "Choices": [{"Variable": f"$.missing.{detector}", "BooleanEquals": True, "Next": ask}],
                "Default": known,
            },
            ask: _task(
                invoke,
                recognise,
                [THROTTLED, BROKEN, STORAGE, DENIED],
                payload_parts,
                Catch=[{"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": failed}],
                End=True,
            ),
            known: {"Type": "Pass", "Parameters": {"detector": detector}, "End": True},
            failed: {"Type": "Pass", "Parameters": {"detector": detector, "error.$": "$.failure.Error"}, "End": True},
        },
    }


def _task(
    invoke: pulumi.Input[str],
    function: pulumi.Input[str],
    retries: Sequence[State],
    payload_parts: State | None = None,
    **more: Any,
) -> State:
    """Return a task: its function gets the state, or `payload_parts`, and returns the next state."""
    payload = {"Payload": payload_parts} if payload_parts else {"Payload.$": "$"}
    return {
        "Type": "Task",
        "Resource": invoke,
        "Parameters": {"FunctionName": function, **payload},
        "OutputPath": "$.Payload",
        "Retry": [*retries, CROWDED, LAMBDA],
        **more,
    }


def _permanent() -> list[State]:
    """Return a catch that sends errors to Fail which a retry cannot mend."""
    return [{"ErrorEquals": list(PERMANENT), "ResultPath": "$.failure", "Next": "Fail"}]
