"""`labelstack deployer-policy`."""

from __future__ import annotations

import json

import pytest

from labelstack.engines import listing
from labelstack.engines.listing import Registered
from tests.labelstack.cli.conftest import Run

REGISTERED = [Registered("aws:sqs/queue:Queue", "labelstack-events", {})]


@pytest.fixture
def requested(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, object]]:
    """Return the stacks whose resources a test asks for, with their overrides, without running the program."""
    calls: list[tuple[str, object]] = []

    def registered(project: object, stack: str, overrides: object) -> list[Registered]:
        calls.append((stack, overrides))
        return REGISTERED

    monkeypatch.setattr(listing, "registered", registered)
    return calls


def test_prints_the_policy_of_the_stacks_region_and_name(run: Run, requested: list[tuple[str, object]]) -> None:
    result = run("deployer-policy", "--stack", "prod", "--account", "123456789012")

    assert result.exit_code == 0, result.output
    assert requested == [("prod", {})]
    (statement,) = json.loads(result.stdout)["Statement"]
    assert statement["Resource"] == "arn:aws:sqs:us-east-1:123456789012:labelstack-*"
    assert "sqs:CreateQueue" in statement["Action"]


def test_another_region_can_be_named(run: Run, requested: list[tuple[str, object]]) -> None:
    result = run("deployer-policy", "--region", "eu-west-1")

    assert json.loads(result.stdout)["Statement"][0]["Resource"] == "arn:aws:sqs:eu-west-1:*:labelstack-*"
    assert requested == [("dev", {"aws:region": "eu-west-1"})]


def test_unknown_stack_is_an_error_in_one_sentence(run: Run) -> None:
    result = run("deployer-policy", "--stack", "nowhere")

    assert result.exit_code == 1
    assert "there is no stack nowhere" in result.stderr
