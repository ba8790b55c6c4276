"""The program with `pipeline: workflow`."""

import json

import pytest

from tests.recording import ACCOUNT, REGION, Record, record_stack

STEPS = ("inspect", "recognise", "store", "fail", "notify")


@pytest.fixture(params=["dev", "local", "prod"])
def recorded(request: pytest.FixtureRequest) -> Record:
    return record_stack(request.param, {"labelstack:pipeline": "workflow"})


def test_exports_the_machine_and_each_step_s_function(recorded: Record) -> None:
    machine = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:labelstack-workflow-0a1b2c3"

    assert recorded.outputs["stateMachineArn"] == machine
    assert recorded.outputs["processorFunction"] == "labelstack-start-0a1b2c3"
    for step in STEPS:
        assert recorded.outputs[f"{step}Function"] == f"labelstack-{step}-0a1b2c3"


def test_takes_the_place_of_the_queue_s_function_alone(recorded: Record) -> None:
    names = {resource.name for resource in recorded.resources}
    before = {resource.name for resource in record_stack("dev", {"labelstack:pipeline": "queue"}).resources}

    assert not [name for name in names if "process-image" in name]
    kept = {"labelstack-events", "labelstack-dead-letters", "labelstack-record-failure", "labelstack-results"}
    assert kept <= names & before
    assert not recorded.single("aws:s3/bucketNotification:BucketNotification").inputs.get("queues")


def test_queue_remains_the_default() -> None:
    recorded = record_stack("dev")

    assert not recorded.of("aws:sfn/stateMachine:StateMachine")
    assert [rule.name for rule in recorded.of("aws:cloudwatch/eventRule:EventRule")] == ["labelstack-previews-events"]
    assert "stateMachineArn" not in recorded.outputs


def test_a_step_s_errors_are_answers_and_set_off_no_alarm() -> None:
    recorded = record_stack("dev", {"labelstack:pipeline": "workflow", "labelstack:monitoring": "true"})

    alarms = {alarm.name.removeprefix("labelstack-") for alarm in recorded.of("aws:cloudwatch/metricAlarm:MetricAlarm")}
    assert {"workflow-failed", "workflow-timed-out", "start-errors", "record-failure-errors"} <= alarms
    for step in STEPS:
        assert {f"{step}-throttles", f"{step}-slow"} <= alarms
        assert f"{step}-errors" not in alarms
    watched = recorded.single("aws:cloudwatch/dashboard:Dashboard").inputs["dashboardBody"]
    assert "stateMachine:labelstack-workflow" in watched


def test_everything_of_it_is_tagged_and_logged_for_a_time(recorded: Record) -> None:
    for kind, name in (("sfn/stateMachine:StateMachine", "workflow"), ("cloudwatch/eventRule:EventRule", "events")):
        assert recorded.single(f"aws:{kind}", f"labelstack-{name}").inputs["tags"]["component"] == "labelstack"
    groups = recorded.of("aws:cloudwatch/logGroup:LogGroup")
    assert len({group.inputs["retentionInDays"] for group in groups}) == 1
    machine = recorded.single("aws:sfn/stateMachine:StateMachine")
    assert "/aws/vendedlogs/states/labelstack-workflow" in json.dumps(machine.inputs["loggingConfiguration"])
