"""`labelstack resume`."""

from __future__ import annotations

from typing import Any

import pytest

from tests.labelstack.cli.conftest import Run
from tests.labelstack.cli.fakes import OUTPUTS, FakeBackend


class FakeLambda:
    """One event source mapping, which goes through `states`."""

    def __init__(self, *states: str) -> None:
        self.states = list(states)
        self.turned_on: list[str] = []

    def list_event_source_mappings(self, FunctionName: str) -> dict[str, Any]:
        """Return the processor's mappings."""
        assert FunctionName == "the-processor"
        return {"EventSourceMappings": [{"UUID": "m-1", "State": self.states.pop(0)}]}

    def update_event_source_mapping(self, *, UUID: str, Enabled: bool) -> dict[str, Any]:
        """Turn it on."""
        assert Enabled
        self.turned_on.append(UUID)
        return {"State": "Enabling"}

    def get_event_source_mapping(self, UUID: str) -> dict[str, Any]:
        """Return the next state; the last one stays."""
        return {"State": self.states.pop(0) if len(self.states) > 1 else self.states[0]}


class FakeSqs:
    """A queue in which three messages wait."""

    def get_queue_attributes(self, **_: Any) -> dict[str, Any]:
        """Count the waiting messages."""
        return {"Attributes": {"ApproximateNumberOfMessages": "3", "ApproximateNumberOfMessagesNotVisible": "0"}}


@pytest.fixture
def resumed(run: Run, backend: FakeBackend) -> Any:
    """Return a function that runs the command on a mapping that goes through these states."""
    backend.deployer.deployed["local"] = {**OUTPUTS, "queueUrl": "https://sqs.example/events"}

    def resume_on(*states: str, timeout: str = "5") -> Any:
        client = FakeLambda(*states)
        backend.cloud.others = {"lambda": client, "sqs": FakeSqs()}
        return run("resume", "--timeout", timeout), client

    return resume_on


@pytest.mark.parametrize("state", ["Disabled", "Disabling"])
def test_takes_pictures_from_the_queue_again(resumed: Any, state: str) -> None:
    done, client = resumed(state, "Enabling", "Enabled")

    assert (done.exit_code, client.turned_on) == (0, ["m-1"])
    assert "the pipeline runs again: 3 messages in its queue." in done.stderr


def test_says_that_nothing_is_paused(resumed: Any) -> None:
    done, client = resumed("Enabled")

    assert (done.exit_code, client.turned_on) == (0, [])
    assert "the pipeline is not paused." in done.stderr


def test_says_how_far_it_came_in_time(resumed: Any) -> None:
    done, _ = resumed("Disabled", "Enabling", timeout="0.05")

    assert done.exit_code == 1
    assert "the event source mapping m-1 is Enabling, not Enabled: try again." in done.stderr
