"""The workflow of one event as a state machine, in Amazon States Language: pure.

Inspect ends pictures that need no Rekognition call. For the others, each detector has a branch, Store writes the
answers, and Notify announces the result. A denied call goes to Fail, which records it. Any other error that outlasts
its retries fails the execution, under its name, and the event returns to its queue.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from .arguments import derive

State = dict[str, Any]

LONGEST_S = 240  # of an execution; AWS ends an Express workflow after 300 s
# The names are those of classes of errors (handlers/labelling/errors.py), of Lambda and of Step Functions.
PERMANENT = ("RekognitionDeniedError", "States.DataLimitExceeded")
# Errors that a retry cannot mend go to Fail.
CATCH_PERMANENT = [{"ErrorEquals": list(PERMANENT), "ResultPath": "$.failure", "Next": "Fail"}]


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


def definition(
    steps: Mapping[str, pulumi.Input[str]], detectors: Sequence[str], partition: pulumi.Input[str] = "aws"
) -> State:
    """Write the state machine; `partition` is that of the account, `aws` or another.

    `steps` are the ARNs of the functions inspect, recognise, store and fail, and of notify if results are announced.
    """
    invoke = derive(lambda known: f"arn:{known}:states:::lambda:invoke", partition)
    ended = {"Next": "Notify"} if "notify" in steps else {"End": True}
    states: State = {
        "Inspect": _task(invoke, steps["inspect"], [STORAGE], Next="Ended?"),
        "Ended?": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.outcome", "IsPresent": True, "Next": "Notify" if "Next" in ended else "Done"}],
            "Default": "Recognise",
        },
        "Recognise": {
            "Type": "Parallel",
            "Branches": [_branch(invoke, steps["recognise"], detector) for detector in detectors],
            "ResultPath": "$.answers",
            "Catch": CATCH_PERMANENT,
            "Next": "Store",
        },
        "Store": _task(invoke, steps["store"], [STORAGE], Catch=CATCH_PERMANENT, **ended),
        "Fail": _task(invoke, steps["fail"], [STORAGE], **ended),
    }
    if "notify" in steps:
        states["Notify"] = _task(invoke, steps["notify"], [STORAGE, UNANNOUNCED], End=True)
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
