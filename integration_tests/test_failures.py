"""Rekognition throttles, denies, breaks and hangs: a picture is labeled late, or says why it failed, and none is stuck.

A lasting fault takes as many attempts as a message has. So all pictures are uploaded at once, and each test looks at
its own.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from integration_tests.pictures import picture
from integration_tests.stack import DeployedStack, LocalRekognition, Uploaded, wait_for

FOLDER = "failures"
Fault = dict[str, Any]
THROTTLED: Fault = {"error": {"code": "ThrottlingException", "message": "Slow down", "status": 400}}
DENIED: Fault = {"error": {"code": "AccessDeniedException", "message": "User is not authorized", "status": 400}}
BROKEN: Fault = {"error": {"code": "InternalServerError", "message": "Internal error", "status": 500}}
HANGS: Fault = {"hang": True}

LASTING: dict[str, Fault] = {"denied": DENIED, "server-error": BROKEN, "hang": HANGS}
PASSING: dict[str, Fault] = {
    "throttled": {**THROTTLED, "times": 8},
    "server-error-twice": {**BROKEN, "times": 2},
    "slow": {"delayMs": 1500, "times": 4},
}
QUOTA = "quota-used-up"
NEIGHBOURS = 6
ATTEMPTS = 5
"""After so many a message goes to the dead-letter queue."""


@dataclass(frozen=True)
class IllFated:
    """Pictures that were uploaded while the faults were in force."""

    stack: DeployedStack
    uploaded: dict[str, Uploaded]


@pytest.fixture(scope="module")
def ill_fated(stack: DeployedStack, session_rekognition: LocalRekognition) -> Iterator[IllFated]:
    """Upload one picture for each fault, and healthy ones among them."""
    faults = {**LASTING, **PASSING}
    if stack.cloud.capabilities.parallel_batches:  # else all the others wait behind this one until each deadline
        faults[QUOTA] = THROTTLED
    session_rekognition.set_rules(
        [{"match": {"key": f"{FOLDER}/{name}.jpg"}, **fault} for name, fault in faults.items()]
    )
    names = [*faults, *(f"neighbour-{n}" for n in range(NEIGHBOURS))]
    run = time.monotonic_ns()  # other bytes in each run: known content would not be analysed
    uploaded = {name: stack.upload(f"{FOLDER}/{name}.jpg", picture(f"{name} {run}")) for name in names}
    yield IllFated(stack, uploaded)
    session_rekognition.set_rules([])


@pytest.mark.parametrize("number", range(NEIGHBOURS))
def test_neighbours_of_ill_fated_pictures_are_labeled(ill_fated: IllFated, number: int) -> None:
    result = ill_fated.stack.wait_for_result(ill_fated.uploaded[f"neighbour-{number}"])

    assert result["status"] == "LABELED"


@pytest.mark.parametrize("name", PASSING)
def test_fault_that_passes_ends_as_labeled(ill_fated: IllFated, name: str) -> None:
    result = ill_fated.stack.wait_for_result(ill_fated.uploaded[name])

    assert result["status"] == "LABELED"


@pytest.mark.parametrize("name", LASTING)
def test_lasting_fault_ends_as_failed_and_says_what_to_do(ill_fated: IllFated, name: str) -> None:
    result = ill_fated.stack.wait_for_result(ill_fated.uploaded[name])

    assert result["status"] == "FAILED"
    assert result["code"]
    assert result["message"].endswith(".")
    assert ill_fated.stack.label_entries(ill_fated.uploaded[name].key) == {}


@pytest.mark.needs("parallel_batches")
def test_throttled_picture_outlasts_the_attempts_of_a_message(
    ill_fated: IllFated, session_rekognition: LocalRekognition
) -> None:
    stack, throttled = ill_fated.stack, ill_fated.uploaded[QUOTA]

    def waits() -> int:
        lines = stack.log_events(stack.outputs["processorFunction"])
        return max((line["waits"] for line in lines if line.get("key") == throttled.key and "waits" in line), default=0)

    wait_for("more waits than a message has attempts", waits, lambda times: times > ATTEMPTS)

    assert stack.result(throttled.key) is None
    session_rekognition.set_rules([])
    assert stack.wait_for_result(throttled)["status"] == "LABELED"


def test_new_upload_after_a_failure_is_labeled(ill_fated: IllFated, session_rekognition: LocalRekognition) -> None:
    stack, failed = ill_fated.stack, ill_fated.uploaded["denied"]
    assert stack.wait_for_result(failed)["status"] == "FAILED"
    session_rekognition.set_rules([])

    again = stack.upload(failed.key, picture(f"second try {time.monotonic_ns()}"))

    assert stack.wait_for_result(again)["status"] == "LABELED"
