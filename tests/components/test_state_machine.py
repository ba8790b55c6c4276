"""The workflow's definition: every state leads on, every task retries what passes, nothing is caught by accident."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from components import state_machine
from handlers.labelling import errors as labelling_errors
from handlers.results import errors as results_errors

NAMES = ("inspect", "recognise", "store", "fail", "notify")
STEPS = {name: f"arn:aws:lambda:eu-central-1:123456789012:function:{name}" for name in NAMES}
QUIET = {name: arn for name, arn in STEPS.items() if name != "notify"}
DETECTORS = ("labels", "faces", "moderation", "text")
LAMBDA = {
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
}
STORAGE = {"StorageError", "TableUnavailableError"}
PASSING = {"RekognitionThrottledError", "RekognitionServerError", "RekognitionTimeoutError", "ConversionDelayedError"}
# Errors that each task retries itself, beside Lambda's.
RETRIED = {
    "Inspect": STORAGE,
    "labels asked": STORAGE | PASSING | {"RekognitionDeniedError"},
    "faces asked": STORAGE | PASSING | {"RekognitionDeniedError"},
    "moderation asked": STORAGE | PASSING | {"RekognitionDeniedError"},
    "text asked": STORAGE | PASSING | {"RekognitionDeniedError"},
    "Store": STORAGE,
    "Fail": STORAGE,
    "Notify": STORAGE | {"AnnouncementError", "AnnouncementClaimedError"},
}


def machines(machine: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield a state machine and its branches."""
    yield machine
    for state in machine["States"].values():
        for branch in state.get("Branches", ()):
            yield from machines(branch)


def tasks(definition: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return all tasks, by name."""
    states = [pair for machine in machines(definition) for pair in machine["States"].items()]
    return {name: state for name, state in states if state["Type"] == "Task"}


def following(state: Mapping[str, Any]) -> set[str]:
    """Return the states that may come next."""
    more = [branch["Next"] for branch in (*state.get("Catch", ()), *state.get("Choices", ()))]
    return {*more, *(state[name] for name in ("Next", "Default") if name in state)}


@pytest.mark.parametrize("steps", [STEPS, QUIET], ids=["announcing", "quiet"])
def test_every_state_is_reached_and_leads_to_an_end(steps: dict[str, str]) -> None:
    for machine in machines(state_machine.definition(steps, DETECTORS)):
        states = machine["States"]
        reached, waiting = set(), {machine["StartAt"]}
        while waiting:
            name = waiting.pop()
            reached.add(name)
            waiting |= following(states[name]) - reached
        assert reached == set(states)
        for state in states.values():
            ends = state.get("End") is True or state["Type"] == "Succeed"
            assert ends != bool(following(state) - {catcher["Next"] for catcher in state.get("Catch", ())})


def test_names_are_unique_in_the_whole_machine_as_aws_wants() -> None:
    names = [name for machine in machines(state_machine.definition(STEPS, DETECTORS)) for name in machine["States"]]

    assert len(set(names)) == len(names)
    assert all(len(name) <= 80 for name in names)


def test_each_task_retries_by_name_what_passes_with_full_jitter() -> None:
    by_name = tasks(state_machine.definition(STEPS, DETECTORS))

    assert set(by_name) == set(RETRIED)
    for name, task in by_name.items():
        retried = [error for retrier in task["Retry"] for error in retrier["ErrorEquals"]]
        assert set(retried) == RETRIED[name] | LAMBDA
        assert len(set(retried)) == len(retried)
        for retrier in task["Retry"]:
            assert retrier["JitterStrategy"] == "FULL"
            assert retrier["BackoffRate"] == 2
            assert 1 <= retrier["IntervalSeconds"] <= retrier["MaxDelaySeconds"] <= 20
            assert 2 <= retrier["MaxAttempts"] <= 6


def test_names_of_our_errors_are_those_of_classes() -> None:
    definition = json.dumps(state_machine.definition(STEPS, DETECTORS))
    known = {*vars(labelling_errors), *vars(results_errors)}

    ours = {name for names in RETRIED.values() for name in names}
    assert ours <= known
    assert all(f'"{name}"' in definition for name in ours)
    assert {name for name in state_machine.PERMANENT if "." not in name} <= known


def test_what_a_detector_fails_at_is_an_answer_and_stops_no_other() -> None:
    parallel = state_machine.definition(STEPS, DETECTORS)["States"]["Recognise"]

    for detector, branch in zip(DETECTORS, parallel["Branches"], strict=True):
        [catch] = branch["States"][f"{detector} asked"]["Catch"]
        assert catch == {"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": f"{detector} failed"}
        assert branch["States"][f"{detector} failed"]["Parameters"] == {
            "detector": detector,
            "error.$": "$.failure.Error",
        }


@pytest.mark.parametrize("state", ["Recognise", "Store"])
def test_what_is_permanent_is_recorded_and_nothing_else_is_caught(state: str) -> None:
    states = state_machine.definition(STEPS, DETECTORS)["States"]

    [catch] = states[state]["Catch"]
    assert catch["ErrorEquals"] == ["RekognitionDeniedError", "States.DataLimitExceeded"]
    assert (catch["Next"], catch["ResultPath"]) == ("Fail", "$.failure")
    # The queue tries again what outlasts the retries elsewhere: the execution must fail by its error's name.
    assert [name for name in ("Inspect", "Fail", "Notify") if "Catch" in states[name]] == []


def test_detector_is_given_what_it_needs_and_no_more() -> None:
    parameters = tasks(state_machine.definition(STEPS, DETECTORS))["faces asked"]["Parameters"]

    assert parameters == {
        "FunctionName": STEPS["recognise"],
        "Payload": {"detector": "faces", "stored.$": "$.stored"},
    }


def test_only_enabled_detectors_have_a_branch() -> None:
    states = state_machine.definition(STEPS, ["text"])["States"]

    assert [branch["StartAt"] for branch in states["Recognise"]["Branches"]] == ["text needed?"]


def test_without_announcements_nothing_is_notified() -> None:
    definition = state_machine.definition(QUIET, DETECTORS)

    assert "Notify" not in json.dumps(definition)
    assert definition["States"]["Ended?"]["Choices"][0]["Next"] == "Done"
    assert [definition["States"][name].get("End") for name in ("Store", "Fail")] == [True, True]


def test_execution_ends_before_express_workflows_must() -> None:
    assert state_machine.definition(STEPS, DETECTORS)["TimeoutSeconds"] < 300
