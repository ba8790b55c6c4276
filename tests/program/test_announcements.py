"""The program's results bucket and topic."""

import json
from typing import Any

import pytest

from components.notifications import ATTRIBUTES
from tests.recording import ACCOUNT, PROJECT, REGION, Record, record_stack

FUNCTIONS = ("process-image", "record-failure")


def with_settings(**settings: str) -> Record:
    return record_stack("dev", {f"labelstack:{name}": value for name, value in settings.items()})


def actions(recorded: Record, function: str) -> set[str]:
    policy: dict[str, Any] = recorded.single("aws:iam/rolePolicy:RolePolicy", f"labelstack-{function}-policy").policy()
    return {action for statement in policy["Statement"] for action in statement["Action"]}


@pytest.mark.parametrize("stack", ["dev", "local", "prod"])
def test_each_stack_has_both(stack: str) -> None:
    outputs = record_stack(stack).outputs

    assert outputs["resultsBucket"] == "labelstack-documents-0a1b2c3"
    assert outputs["topicArn"] == f"arn:aws:sns:{REGION}:{ACCOUNT}:labelstack-notifications-0a1b2c3"


def test_without_them_there_is_no_trace_of_them() -> None:
    recorded = with_settings(resultsBucket="false", notifications="false")

    assert not {"resultsBucket", "topicArn"} & set(recorded.outputs)
    assert not [r for r in recorded.resources if "documents" in r.name or "notifications" in r.name]
    for function in FUNCTIONS:
        inputs = recorded.single("aws:lambda/function:Function", f"labelstack-{function}").inputs
        assert not {"RESULTS_BUCKET", "TOPIC_ARN"} & set(inputs["environment"]["variables"])
        assert "sns:Publish" not in actions(recorded, function)


def test_subscribers_and_their_filter_come_from_the_settings() -> None:
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:mine"
    recorded = with_settings(
        notifyEmails="zoo@example.org", notifyQueues=f'["{queue}"]', notifyFilter='{"flagged": ["true"]}'
    )

    subscriptions = recorded.of("aws:sns/topicSubscription:TopicSubscription")
    assert {subscription.inputs["endpoint"] for subscription in subscriptions} == {"zoo@example.org", queue}
    assert {subscription.inputs["filterPolicy"] for subscription in subscriptions} == {'{"flagged":["true"]}'}


def test_filters_know_the_attributes_that_messages_have() -> None:
    schema = json.loads((PROJECT / "api" / "notification.schema.json").read_text())

    assert set(ATTRIBUTES) == set(schema["$defs"]["Attributes"]["properties"])
