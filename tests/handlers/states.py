"""Runs a state machine of Amazon States Language in memory: what of it this project uses, and nothing silently.

docs.aws.amazon.com/step-functions/latest/dg/concepts-amazon-states-language.html. State goes from one to the next as
JSON text, so that what does not survive it cannot pass a test. Pauses are counted, not waited for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Function = Callable[[Any], Any]
MAX_STATE_BYTES = 256 * 1024
INVOKE = "arn:aws:states:::lambda:invoke"
KNOWN = {
    "Task": {"Resource", "Parameters", "OutputPath", "Retry", "Catch", "Next", "End"},
    "Choice": {"Choices", "Default"},
    "Parallel": {"Branches", "ResultPath", "Catch", "Next"},
    "Pass": {"Parameters", "Next", "End"},
    "Succeed": set(),
}
NEVER_CAUGHT_BY_ALL = {"States.DataLimitExceeded", "States.Runtime"}


class ExecutionFailed(Exception):
    """An execution or a branch of it, with the error's name."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


@dataclass
class Machine:
    """A state machine and the functions that its tasks invoke, by their names."""

    definition: Mapping[str, Any]
    functions: Mapping[str, Function]
    visited: list[str] = field(default_factory=list)
    retried: list[str] = field(default_factory=list)

    def run(self, data: Any) -> Any:
        """Return an execution's output. Raises ExecutionFailed."""
        return self._states(self.definition["StartAt"], self.definition["States"], data)

    def _states(self, name: str, states: Mapping[str, Mapping[str, Any]], data: Any) -> Any:
        while True:
            self.visited.append(name)
            state = states[name]
            unknown = set(state) - KNOWN[state["Type"]] - {"Type"}
            assert not unknown, f"{name}: {unknown}"
            following, data = self._state(name, state, data)
            text = json.dumps(data, ensure_ascii=False)
            if len(text.encode()) > MAX_STATE_BYTES:
                raise ExecutionFailed("States.DataLimitExceeded")
            data = json.loads(text)
            if following is None:
                return data
            name = following

    def _state(self, name: str, state: Mapping[str, Any], data: Any) -> tuple[str | None, Any]:
        match state["Type"]:
            case "Choice":
                return next(
                    (choice["Next"] for choice in state["Choices"] if _holds(choice, data)), state["Default"]
                ), data
            case "Succeed":
                return None, data
            case "Pass":
                return _next(state), _template(state["Parameters"], data)
        try:
            return _next(state), self._attempts(name, state, data)
        except ExecutionFailed as failure:
            for catcher in state.get("Catch", ()):
                if _matches(catcher["ErrorEquals"], failure.error):
                    assert catcher["ResultPath"] == "$.failure"
                    return catcher["Next"], {**data, "failure": {"Error": failure.error, "Cause": "in a test"}}
            raise

    def _attempts(self, name: str, state: Mapping[str, Any], data: Any) -> Any:
        retriers = state.get("Retry", [])
        left = [retrier["MaxAttempts"] for retrier in retriers]
        while True:
            try:
                return self._task(state, data) if state["Type"] == "Task" else self._parallel(state, data)
            except ExecutionFailed as failure:
                matching = [n for n, entry in enumerate(retriers) if _matches(entry["ErrorEquals"], failure.error)]
                # The first that matches decides, even when it has no attempts left.
                if not matching or not left[matching[0]]:
                    raise
                left[matching[0]] -= 1
                self.retried.append(f"{name}: {failure.error}")

    def _task(self, state: Mapping[str, Any], data: Any) -> Any:
        assert state["Resource"] == INVOKE
        assert state["OutputPath"] == "$.Payload"
        parameters = _template(state["Parameters"], data)
        try:
            answer = self.functions[parameters["FunctionName"]](json.loads(json.dumps(parameters["Payload"])))
        except ExecutionFailed:
            raise
        except Exception as error:  # as Lambda: whatever a function raises has its class's name
            raise ExecutionFailed(type(error).__name__) from error
        return json.loads(json.dumps(answer))

    def _parallel(self, state: Mapping[str, Any], data: Any) -> Any:
        assert state["ResultPath"] == "$.answers"
        return {
            **data,
            "answers": [self._states(branch["StartAt"], branch["States"], data) for branch in state["Branches"]],
        }


def _next(state: Mapping[str, Any]) -> str | None:
    assert ("Next" in state) != ("End" in state)
    return state.get("Next")


def _matches(errors: list[str], error: str) -> bool:
    return error in errors or ("States.ALL" in errors and error not in NEVER_CAUGHT_BY_ALL)


def _holds(choice: Mapping[str, Any], data: Any) -> bool:
    present = True
    value = data
    for part in choice["Variable"].removeprefix("$.").split("."):
        present = present and isinstance(value, dict) and part in value
        value = value[part] if present else None
    if "IsPresent" in choice:
        return present is choice["IsPresent"]
    assert present, f"{choice['Variable']} is not in the state: AWS fails the execution"
    return value is choice["BooleanEquals"]


def _template(template: Any, data: Any) -> Any:
    if not isinstance(template, dict):
        return template
    filled = {}
    for name, value in template.items():
        if name.endswith(".$"):
            value_at_path = data
            for part in [part for part in value.removeprefix("$").split(".") if part]:
                value_at_path = value_at_path[part]
            filled[name.removesuffix(".$")] = value_at_path
        else:
            filled[name] = _template(value, data)
    return filled
