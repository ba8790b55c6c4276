"""LabelWorkflow alone."""

import json
from typing import Any, cast

import pytest

from components import state_machine
from components.buckets import UploadBucket
from components.label_workflow import LabelWorkflow, LabelWorkflowArgs
from tests.recording import ACCOUNT, REGION, Record, once, record

SQS = f"arn:aws:sqs:{REGION}:{ACCOUNT}:"
QUEUE, DEAD_LETTERS = f"{SQS}flow-events-0a1b2c3", f"{SQS}flow-dead-letters-0a1b2c3"
TABLE = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/results"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:flow-"
MACHINE = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:flow-workflow-0a1b2c3"
RULE = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/flow-events-0a1b2c3"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:results"
ANNOUNCED: dict[str, Any] = {
    "results_bucket": {"name": "documents", "arn": "arn:aws:s3:::documents"},
    "topic": {"arn": TOPIC},
    "notify_min_confidence": 80,
}


@pytest.fixture(scope="module")
def record_workflow(pipeline_arguments: dict[str, Any]) -> Any:
    """Return a function that makes a component with some arguments and returns the record."""

    def make(**arguments: Any) -> Record:
        args = cast(LabelWorkflowArgs, (pipeline_arguments | {"service": "flow-test"} | arguments))
        return record(lambda: LabelWorkflow("flow", args))

    return once(make)


def statements(recorded: Record, name: str) -> list[dict[str, Any]]:
    """Return the rights of a role, without writing to a function's own log."""
    policy = recorded.single("aws:iam/rolePolicy:RolePolicy", f"flow-{name}-policy").policy()
    return [statement for statement in policy["Statement"] if statement["Action"][0] != "logs:CreateLogStream"]


def actions(recorded: Record, name: str) -> set[str]:
    return {action for statement in statements(recorded, name) for action in statement["Action"]}


def function(recorded: Record, name: str) -> dict[str, Any]:
    return dict(recorded.single("aws:lambda/function:Function", f"flow-{name}").inputs)


def variables(recorded: Record, name: str) -> dict[str, str]:
    return dict(function(recorded, name)["environment"]["variables"])


def test_machine_is_an_express_one_of_the_steps(record_workflow: Any) -> None:
    machine = record_workflow(**ANNOUNCED).single("aws:sfn/stateMachine:StateMachine")

    steps = {name: f"{FUNCTION}{name}-0a1b2c3" for name in ("inspect", "recognise", "store", "fail", "notify")}
    assert machine.inputs["type"] == "EXPRESS"
    assert json.loads(machine.inputs["definition"]) == state_machine.definition(steps, ["labels", "faces"])


def test_machine_s_role_runs_its_steps_logs_and_traces_and_no_more(record_workflow: Any) -> None:
    invoke, logs, traces = statements(record_workflow(**ANNOUNCED), "workflow")

    steps = ("inspect", "recognise", "store", "fail", "notify")
    assert invoke["Action"] == ["lambda:InvokeFunction"]
    assert invoke["Resource"] == [f"{FUNCTION}{name}-0a1b2c3" for name in steps]
    assert (logs["Resource"], traces["Resource"]) == ("*", "*")
    assert {action.split(":")[0] for action in logs["Action"]} == {"logs"}
    assert {action.split(":")[0] for action in traces["Action"]} == {"xray"}
    assert len(logs["Action"]) == 8
    assert len(traces["Action"]) == 4


def test_role_is_taken_by_step_functions_alone(record_workflow: Any) -> None:
    role = record_workflow().single("aws:iam/role:Role", "flow-workflow")

    [trust] = role.policy("assumeRolePolicy")["Statement"]
    assert trust["Principal"] == {"Service": "states.amazonaws.com"}


def test_executions_are_logged_without_their_data_and_traced(record_workflow: Any) -> None:
    recorded = record_workflow(log_retention_days=30)

    group = recorded.single("aws:cloudwatch/logGroup:LogGroup", "flow-workflow-logs")
    machine = recorded.single("aws:sfn/stateMachine:StateMachine")
    assert group.inputs["name"] == "/aws/vendedlogs/states/flow-workflow-0a1b2c3"
    assert group.inputs["retentionInDays"] == 30
    logging = machine.inputs["loggingConfiguration"]
    assert (logging["level"], logging["includeExecutionData"]) == ("ALL", False)
    assert logging["logDestination"].endswith(":log-group:/aws/vendedlogs/states/flow-workflow-0a1b2c3:*")
    assert machine.inputs["tracingConfiguration"] == {"enabled": True}
    assert "flow-workflow-policy" in machine.dependencies


def test_events_of_the_bucket_s_objects_come_by_eventbridge(record_workflow: Any) -> None:
    recorded = record_workflow()

    notification = recorded.single("aws:s3/bucketNotification:BucketNotification")
    rule = recorded.single("aws:cloudwatch/eventRule:EventRule")
    target = recorded.single("aws:cloudwatch/eventTarget:EventTarget")
    assert (notification.inputs["bucket"], notification.inputs["eventbridge"]) == ("pictures", True)
    assert "queues" not in notification.inputs
    assert rule.policy("eventPattern") == {
        "source": ["aws.s3"],
        "detail-type": ["Object Created", "Object Deleted"],
        "detail": {"bucket": {"name": ["pictures"]}},
    }
    assert (target.inputs["rule"], target.inputs["arn"]) == ("flow-events-0a1b2c3", QUEUE)
    assert target.inputs["deadLetterConfig"] == {"arn": DEAD_LETTERS}


def test_only_this_rule_may_send_to_the_queues(record_workflow: Any) -> None:
    recorded = record_workflow()

    for name, queue in (("events", QUEUE), ("dead-letters", DEAD_LETTERS)):
        policy = recorded.single("aws:sqs/queuePolicy:QueuePolicy", f"flow-{name}-policy").policy()
        [allowed] = [statement for statement in policy["Statement"] if statement["Effect"] == "Allow"]
        assert allowed["Principal"] == {"Service": "events.amazonaws.com"}
        assert (allowed["Action"], allowed["Resource"]) == (["sqs:SendMessage"], queue)
        assert allowed["Condition"] == {"ArnEquals": {"aws:SourceArn": RULE}}
    target = recorded.single("aws:cloudwatch/eventTarget:EventTarget")
    assert "flow-events-policy" in target.dependencies


def test_queue_outlasts_the_function_that_waits_for_executions(record_workflow: Any) -> None:
    recorded = record_workflow(max_receive_count=7)

    start, queue = function(recorded, "start"), recorded.single("aws:sqs/queue:Queue", "flow-events")
    assert start["timeout"] > state_machine.LONGEST_S
    assert queue.inputs["visibilityTimeoutSeconds"] == 6 * start["timeout"]
    assert queue.policy("redrivePolicy") == {"deadLetterTargetArn": DEAD_LETTERS, "maxReceiveCount": 607}


@pytest.mark.parametrize(
    ("tps", "batch_size", "batches", "size"),
    [(5, 10, 2, 2), (1, 10, 2, 1), (30, 10, 3, 10), (50, 10, 5, 10), (7, 3, 2, 3), (1000, 10, 100, 10)],
)
def test_mapping_runs_no_more_executions_than_the_quota_has_calls(
    record_workflow: Any, tps: float, batch_size: int, batches: int, size: int
) -> None:
    mapping = record_workflow(rekognition_tps=tps, batch_size=batch_size).single(
        "aws:lambda/eventSourceMapping:EventSourceMapping", "flow-start-workflow"
    )

    assert (mapping.inputs["scalingConfig"]["maximumConcurrency"], mapping.inputs["batchSize"]) == (batches, size)
    # Lambda asks for two batches at least.
    assert batches * size <= max(tps, 2)
    assert mapping.inputs["functionResponseTypes"] == ["ReportBatchItemFailures"]


def test_starter_may_run_this_machine_and_no_other(record_workflow: Any) -> None:
    recorded = record_workflow()

    [run] = [
        statement for statement in statements(recorded, "start") if statement["Action"] == ["states:StartSyncExecution"]
    ]
    assert run["Resource"] == MACHINE
    assert variables(recorded, "start")["STATE_MACHINE_ARN"] == MACHINE
    assert not {
        action
        for action in actions(recorded, "start")
        if action.split(":")[0] in ("s3", "rekognition", "sns", "lambda")
    }


def test_each_step_may_do_its_own_duty_alone(record_workflow: Any) -> None:
    recorded = record_workflow(**ANNOUNCED)

    services = {
        step: {action.split(":")[0] for action in actions(recorded, step)}
        for step in ("inspect", "recognise", "store", "fail", "notify")
    }
    assert services == {
        "inspect": {"s3", "dynamodb"},
        "recognise": {"s3", "rekognition"},
        "store": {"dynamodb"},
        "fail": {"dynamodb"},
        "notify": {"dynamodb", "s3", "sns"},
    }
    assert "s3:GetObject" not in actions(recorded, "notify")
    assert {name for name in actions(recorded, "recognise") if name.startswith("rekognition")} == {
        "rekognition:DetectLabels",
        "rekognition:DetectFaces",
    }


def test_what_decodes_pictures_can_read_no_other_than_the_version_it_is_named(
    record_workflow: Any, pipeline_arguments: dict[str, Any]
) -> None:
    args = pipeline_arguments | {"service": "flow-test"}

    ours = record(lambda: LabelWorkflow("flow", cast(LabelWorkflowArgs, args | {"bucket": UploadBucket("uploads")})))

    assert "s3:GetObject" not in actions(ours, "recognise")
    assert "s3:GetObject" in actions(record_workflow(), "recognise")  # of a bucket that may keep no versions


def test_without_announcements_there_is_no_notify(record_workflow: Any) -> None:
    recorded = record_workflow()

    names = {resource.name for resource in recorded.of("aws:lambda/function:Function")}
    assert names == {f"flow-{name}" for name in ("start", "inspect", "recognise", "store", "fail", "record-failure")}
    assert "Notify" not in recorded.single("aws:sfn/stateMachine:StateMachine").inputs["definition"]


def test_only_what_decodes_pictures_has_the_memory_for_it(record_workflow: Any) -> None:
    recorded = record_workflow(memory_mb=2048, timeout_seconds=90)

    memory = {resource.name: resource.inputs["memorySize"] for resource in recorded.of("aws:lambda/function:Function")}
    assert memory.pop("flow-recognise") == 2048
    assert set(memory.values()) == {256}
    assert function(recorded, "recognise")["timeout"] == 90


def test_steps_are_told_the_settings(record_workflow: Any) -> None:
    recorded = record_workflow(**ANNOUNCED, rekognition_endpoint="http://127.0.0.1:4601")

    recognise, notify = variables(recorded, "recognise"), variables(recorded, "notify")
    assert (recognise["DETECTORS"], recognise["MAX_LABELS"], recognise["MIN_CONFIDENCE"]) == (
        "labels,faces",
        "12",
        "72.5",
    )
    assert recognise["AWS_ENDPOINT_URL_REKOGNITION"] == "http://127.0.0.1:4601"
    assert (notify["RESULTS_BUCKET"], notify["TOPIC_ARN"]) == ("documents", TOPIC)
    assert "DETECTORS" not in notify


def test_dead_letters_are_recorded_as_in_the_other_pipeline(record_workflow: Any) -> None:
    mapping = record_workflow().single("aws:lambda/eventSourceMapping:EventSourceMapping", "flow-record-failure")

    assert mapping.inputs["eventSourceArn"] == DEAD_LETTERS
