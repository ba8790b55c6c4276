"""More requests than the stack's settings allow: the gateway refuses them in the words of the contract."""

from __future__ import annotations

from pathlib import Path

from integration_tests.api import ApiClient
from integration_tests.command import command_on
from integration_tests.stack import DeployedStack, wait_for


def test_too_many_requests_are_refused_with_a_problem(throttled_stack: DeployedStack) -> None:
    api = ApiClient(throttled_stack.outputs["apiUrl"])
    replies = [api.get("/health") for _ in range(10)]

    refused = [reply for reply in replies if reply.status != 200]
    assert len(refused) >= 5
    assert {reply.problem for reply in refused} == {(429, "TOO_MANY_REQUESTS")}
    assert {reply.json["detail"] for reply in refused} == {"Too many requests at once. Wait a moment and try again."}


def test_it_goes_on_when_the_moment_is_over(throttled_stack: DeployedStack) -> None:
    api = ApiClient(throttled_stack.outputs["apiUrl"])
    wait_for("a refusal", lambda: api.get("/health").status, lambda status: status == 429)

    wait_for("an answer", lambda: api.get("/health").status, lambda status: status == 200)


def test_the_command_waits_and_asks_again(throttled_stack: DeployedStack, tmp_path: Path) -> None:
    api = ApiClient(throttled_stack.outputs["apiUrl"])
    wait_for("a refusal", lambda: api.get("/health").status, lambda status: status == 429)

    done = command_on(throttled_stack, tmp_path / "command")("labels", "--json")

    assert (done.exit_code, done.stdout.strip()) == (0, "{}"), done.stderr
