"""The engine of the lane deploys, leaves alone, changes and removes on the lane's cloud."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from integration_tests import lanes
from integration_tests.conftest import PROJECT
from integration_tests.lanes import Engine, Lane
from integration_tests.leftovers import everything_on
from integration_tests.stack import DeployedStack
from labelstack.clouds import Cloud

PROGRAM = """
import json

import pulumi
import pulumi_aws as aws

settings = pulumi.Config("labelstack")
trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
role = aws.iam.Role("small", assume_role_policy=json.dumps({"Version": "2012-10-17", "Statement": [trust]}))
function = aws.lambda_.Function(
    "small",
    role=role.arn,
    handler="handler.handle",
    runtime=settings.get("runtime") or "python3.13",
    architectures=[settings.require("architecture")],
    code=pulumi.AssetArchive({"handler.py": pulumi.FileAsset("handler.py")}),
    timeout=30,
)
queue = aws.sqs.Queue("small")
pulumi.export("function", function.name)
pulumi.export("queue", queue.name)
"""


class Small:
    """A project with one function, whose answer can be changed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "Pulumi.yaml").write_text("name: small\nruntime: python\n")
        (folder / "Pulumi.local.yaml").write_text("config:\n  aws:region: us-east-1\n")
        (folder / "__main__.py").write_text(PROGRAM)
        self.answer("one")

    def answer(self, word: str) -> None:
        """Change the function's answer."""
        (self.folder / "handler.py").write_text(f"def handle(event, context):\n    return {word!r}\n")


@pytest.fixture
def small(tmp_path: Path) -> Small:
    """Return the project."""
    return Small(tmp_path)


@pytest.fixture
def engine(lane: Lane, cloud: Cloud, small: Small) -> Iterator[Engine]:
    """Yield the lane's engine on that project."""
    small_engine = lanes.engine_for(lane.engine, small.folder, cloud, small.folder / ".stacks")
    yield small_engine
    small_engine.destroy("local")


def ask(cloud: Cloud, function: str) -> object:
    return json.load(cloud.client("lambda").invoke(FunctionName=function)["Payload"])


def test_deploying_again_changes_nothing(engine: Engine) -> None:
    first = engine.up("local")

    second = engine.up("local")

    assert (first.created, second.created, second.unchanged) == (3, 0, 3)
    assert (second.updated, second.replaced, second.deleted) == (0, 0, 0)
    assert second.outputs == first.outputs


def test_changed_handler_is_what_answers(engine: Engine, cloud: Cloud, small: Small) -> None:
    function = engine.up("local").outputs["function"]
    before = ask(cloud, function)
    small.answer("two")

    changed = engine.up("local")

    assert (changed.updated, changed.unchanged) == (1, 2)
    assert (before, ask(cloud, function)) == ("one", "two")


def test_destroying_leaves_nothing(engine: Engine, cloud: Cloud) -> None:
    outputs = engine.up("local").outputs

    removed = engine.destroy("local")

    assert removed == 3
    with pytest.raises(ClientError, match="ResourceNotFound"):
        cloud.client("lambda").get_function(FunctionName=outputs["function"])
    assert not cloud.client("sqs").list_queues(QueueNamePrefix=outputs["queue"]).get("QueueUrls")
    assert engine.up("local").created == 3, "nothing is in the way of another deployment"


# Settings that make resources that the stack's file does not have, as far as a cloud can.
MORE = {"apiAccess": "api_key", "pipeline": "workflow"}
MORE_BY_CAPABILITY = {"cloudfront": {"website": "cloudfront"}, "cognito": {"guestAccess": "true"}}


@pytest.mark.parametrize("with_more", [False, True], ids=["as-the-file-says", "with-more"])
def test_the_project_s_own_stack_is_left_alone_and_removed_whole(
    lane: Lane, cloud: Cloud, tmp_path: Path, with_more: bool
) -> None:
    settings = {"name": "whole", "apiLogRole": "account"}
    if with_more:
        settings |= MORE
        for capability, extra in MORE_BY_CAPABILITY.items():
            settings |= extra if getattr(cloud.capabilities, capability) else {}
    config = {f"labelstack:{key}": value for key, value in settings.items()}
    before = everything_on(cloud)
    engine = lanes.engine_for(lane.engine, PROJECT, cloud, tmp_path)
    try:
        first = engine.up(lane.stack, config)
        second = lanes.up_again(engine, cloud, lane.stack, config)
        machine_updates = lanes.machine_updates(engine, cloud) if with_more else 0
        assert (second.created, second.updated, second.replaced, second.deleted) == (0, machine_updates, 0, 0)
        assert second.unchanged + machine_updates == first.created > 50
        if not with_more:  # LocalStack's EventBridge gives a workflow other keys
            stack = DeployedStack(cloud, second.outputs)
            uploads = [stack.upload(key, b"no picture") for key in ("a%2Fb+c d.jpg", "ä/<&>.png")]
            assert {result["status"] for result in stack.wait_for_results(uploads)} == {"REJECTED"}
        assert lanes.drift(engine, lane.stack) == machine_updates
    finally:
        removed = engine.destroy(lane.stack)
    assert removed == first.created
    assert everything_on(cloud) == before
