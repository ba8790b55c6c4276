"""State machines and EventBridge's rules in the cloud have the program's properties, and changes reach them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from labelstack.errors import UnsupportedError
from tests.labelstack.engines.conftest import Stack

MACHINE = """
trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
    "Principal": {"Service": "states.amazonaws.com"}}]}
role = aws.iam.Role("r", assume_role_policy=pulumi.Output.json_dumps(trust))
logs = aws.cloudwatch.LogGroup("l")
machine = aws.sfn.StateMachine("m", type="EXPRESS", role_arn=role.arn, %s,
    definition=pulumi.Output.json_dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True, %s}}}))
pulumi.export("arn", machine.arn)
"""
RULE = """
queue = aws.sqs.Queue("q")
dead = aws.sqs.Queue("d")
rule = aws.cloudwatch.EventRule("e", description=%r, event_pattern=pulumi.Output.json_dumps(
    {"source": ["shop"], "detail-type": ["Sold"]}), tags={"own": %r})
aws.cloudwatch.EventTarget("t", rule=rule.name, target_id="queue", arn=queue.arn,
    dead_letter_config={"arn": dead.arn})
pulumi.export("rule", rule.name)
pulumi.export("url", queue.url)
"""


def machine(more: str, state: str) -> str:
    return MACHINE % (more, state)


def test_state_machine_is_made_as_set_and_changes_in_place(stack: Stack) -> None:
    logging = """logging_configuration={"log_destination": pulumi.Output.concat(logs.arn, ":*"), "level": "ALL",
        "include_execution_data": False}, tracing_configuration={"enabled": True}, tags={"own": "yes"}"""
    arn = stack.up(machine(logging, '"Result": 1')).outputs["arn"]
    states = stack.cloud.client("stepfunctions")
    first = states.describe_state_machine(stateMachineArn=arn)

    again = stack.up(machine('tags={"other": "yes"}', '"Result": 2'))

    assert again.outputs["arn"] == arn
    assert first["type"] == "EXPRESS"
    assert first["loggingConfiguration"]["level"] == "ALL"
    [destination] = first["loggingConfiguration"]["destinations"]
    assert destination["cloudWatchLogsLogGroup"]["logGroupArn"].endswith(":*")
    second = states.describe_state_machine(stateMachineArn=arn)
    assert json.loads(second["definition"])["States"]["A"]["Result"] == 2
    assert second["loggingConfiguration"]["level"] == "OFF"
    tags = {tag["key"]: tag["value"] for tag in states.list_tags_for_resource(resourceArn=arn)["tags"]}
    assert (tags.get("own"), tags.get("other")) == (None, "yes")


def test_state_machine_goes_with_the_stack(stack: Stack) -> None:
    arn = stack.up(machine("tags={}", '"Result": 1')).outputs["arn"]

    stack.destroy()

    states = stack.cloud.client("stepfunctions")
    assert arn not in [listed["stateMachineArn"] for listed in states.list_state_machines()["stateMachines"]]


def test_rule_sends_matching_events_to_its_target(stack: Stack) -> None:
    outputs = stack.up(RULE % ("Sales", "yes")).outputs
    events, sqs = stack.cloud.client("events"), stack.cloud.client("sqs")
    entries = [
        {"Source": "shop", "DetailType": kind, "Detail": json.dumps({"kind": kind})} for kind in ("Returned", "Sold")
    ]

    events.put_events(Entries=entries)

    messages = sqs.receive_message(QueueUrl=outputs["url"], WaitTimeSeconds=5, MaxNumberOfMessages=10)["Messages"]
    assert [json.loads(message["Body"])["detail"]["kind"] for message in messages] == ["Sold"]


def test_rule_and_target_are_configured_as_set_and_change_in_place(stack: Stack) -> None:
    name = stack.up(RULE % ("Sales", "yes")).outputs["rule"]

    moved = (RULE % ("All sales", "no")).replace('{"arn": dead.arn}', '{"arn": queue.arn}')
    outputs = stack.up(moved).outputs

    assert outputs["rule"] == name
    events = stack.cloud.client("events")
    rule = events.describe_rule(Name=name)
    assert rule["Description"] == "All sales"
    assert json.loads(rule["EventPattern"])["detail-type"] == ["Sold"]
    tags = {tag["Key"]: tag["Value"] for tag in events.list_tags_for_resource(ResourceARN=rule["Arn"])["Tags"]}
    assert tags["own"] == "no"
    [target] = events.list_targets_by_rule(Rule=name)["Targets"]
    assert (target["Id"], target["DeadLetterConfig"]) == ("queue", {"Arn": target["Arn"]})


def test_rule_and_target_go_with_the_stack(stack: Stack) -> None:
    name = stack.up(RULE % ("Sales", "yes")).outputs["rule"]

    stack.destroy()

    assert name not in [rule["Name"] for rule in stack.cloud.client("events").list_rules()["Rules"]]


def test_property_that_is_not_applied_is_named(stack: Stack) -> None:
    with pytest.raises(UnsupportedError, match="encryptionConfiguration"):
        stack.up(machine('encryption_configuration={"type": "AWS_OWNED_KEY"}', '"Result": 1'))


def test_events_of_a_bucket_name_the_version(stack: Stack) -> None:
    outputs = stack.up(
        """
bucket = aws.s3.Bucket("b", force_destroy=True)
aws.s3.BucketVersioning("v", bucket=bucket.bucket, versioning_configuration={"status": "Enabled"})
queue = aws.sqs.Queue("q")
rule = aws.cloudwatch.EventRule("e", event_pattern=pulumi.Output.json_dumps({"source": ["aws.s3"],
    "detail": {"bucket": {"name": [bucket.bucket]}}}))
target = aws.cloudwatch.EventTarget("t", rule=rule.name, arn=queue.arn)
aws.s3.BucketNotification("n", bucket=bucket.bucket, eventbridge=True,
    opts=pulumi.ResourceOptions(depends_on=[target]))
pulumi.export("bucket", bucket.bucket)
pulumi.export("url", queue.url)
"""
    ).outputs
    s3, sqs = stack.cloud.client("s3"), stack.cloud.client("sqs")
    put = s3.put_object(Bucket=outputs["bucket"], Key="a b+ü.jpg", Body=b"x")
    marker = s3.delete_object(Bucket=outputs["bucket"], Key="a b+ü.jpg")
    s3.delete_object(Bucket=outputs["bucket"], Key="a b+ü.jpg", VersionId=put["VersionId"])

    events: list[dict[str, Any]] = []
    while len(events) < 3:  # each receive waits, and fails the test when nothing comes
        messages = sqs.receive_message(QueueUrl=outputs["url"], WaitTimeSeconds=5, MaxNumberOfMessages=10)["Messages"]
        events += [json.loads(message["Body"]) for message in messages]
    events.sort(key=lambda event: str(event["detail"]["object"]["sequencer"]))
    assert [event["detail"]["object"]["version-id"] for event in events] == [
        put["VersionId"],
        marker["VersionId"],
        put["VersionId"],
    ]
    assert [event["detail"].get("deletion-type") for event in events] == [
        None,
        "Delete Marker Created",
        "Permanently Deleted",
    ]


COMPONENT = """
class Holder(pulumi.ComponentResource):
    def __init__(self, kind, aliases):
        super().__init__(f"own:parts:{kind}", "holder", None, pulumi.ResourceOptions(aliases=aliases))
        queue = aws.sqs.Queue("q", opts=pulumi.ResourceOptions(parent=self))
        pulumi.export("url", queue.url)

"""


def test_what_a_component_holds_stays_when_its_type_becomes_an_alias(stack: Stack) -> None:
    first = stack.up(COMPONENT + 'Holder("Old", [])')

    second = stack.up(COMPONENT + 'Holder("New", [pulumi.Alias(type_="own:parts:Old")])')

    assert second.outputs["url"] == first.outputs["url"]
    assert (second.created, second.deleted) == (0, 0)
    assert stack.destroy() == 1


def test_renamed_resource_stays_by_its_alias(stack: Stack) -> None:
    program = "queue = aws.sqs.Queue({name!r}, opts=pulumi.ResourceOptions(aliases={aliases}))\n"
    program += 'pulumi.export("url", queue.url)'
    first = stack.up(program.format(name="q", aliases="[]"))

    second = stack.up(program.format(name="p", aliases='[pulumi.Alias(name="q")]'))

    assert second.outputs["url"] == first.outputs["url"]
