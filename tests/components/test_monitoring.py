"""Monitoring alone: every alarm, its topic, the dashboard."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any, cast

import pytest

from components import alarms
from components.errors import InvalidArgumentError
from components.monitoring import Monitoring, MonitoringArgs
from components.watched import ApiReference, PipelineReference
from handlers.labelling.metrics import UPLOAD_TO_RESULT, Metric
from tests.recording import ACCOUNT, REGION, Record, Resource, once, record

TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:pipe-alarms-0a1b2c3"
OPS_TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:ops"
MACHINE = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:label"
REST: ApiReference = {"kind": "rest", "metric_dimensions": {"ApiName": "pipe-api", "Stage": "v1"}}
HTTP: ApiReference = {"kind": "http", "metric_dimensions": {"ApiId": "a1b2c3", "Stage": "v1"}}
PIPELINE: PipelineReference = {
    "service": "pipe-test",
    "queue_name": "pipe-events-1",
    "dead_letter_queue_name": "pipe-dead-letters-1",
    "function_name": "pipe-process-image-1",
    "failure_recorder_name": "pipe-record-failure-1",
    "detectors": ["labels", "faces"],
}
ALARM, DASHBOARD = "aws:cloudwatch/metricAlarm:MetricAlarm", "aws:cloudwatch/dashboard:Dashboard"
METRICS_PAGE = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"


@once
def record_monitoring(pipeline: PipelineReference = PIPELINE, **arguments: Any) -> Record:
    args = cast(MonitoringArgs, {"pipeline": pipeline, "commands": "labelstack", **arguments})
    return record(lambda: Monitoring("pipe", args))


def everything(api: ApiReference = REST) -> Record:
    pipeline: PipelineReference = {**PIPELINE, "state_machine_arn": MACHINE}
    return record_monitoring(pipeline, api=api, daily_cost_bound_usd=5, emails=["ops@example.org"])


def alarm(recorded: Record, name: str) -> dict[str, Any]:
    return dict(recorded.single(ALARM, f"pipe-{name}").inputs)


def names(recorded: Record) -> list[str]:
    return [resource.name.removeprefix("pipe-") for resource in recorded.of(ALARM)]


def test_watches_functions_queues_and_rekognition() -> None:
    assert names(record_monitoring()) == [
        "account-rekognition-throttles",
        "dead-letters",
        "oldest-upload",
        "pictures-failed",
        "process-image-errors",
        "process-image-slow",
        "process-image-throttles",
        "record-failure-errors",
        "record-failure-slow",
        "record-failure-throttles",
        "rekognition-throttles",
    ]


def test_watches_what_else_there_is() -> None:
    more = {
        name for name in set(names(everything())) - set(names(record_monitoring())) if not name.startswith("start-")
    }

    assert more == {"api-errors", "api-slow", "daily-cost", "workflow-failed", "workflow-timed-out"}


@pytest.mark.parametrize(
    ("name", "metric", "dimensions", "statistic", "threshold"),
    [
        ("start-errors", "AWS/Lambda Errors", {"FunctionName": "pipe-process-image-1"}, "Sum", 1),
        ("start-throttles", "AWS/Lambda Throttles", {"FunctionName": "pipe-process-image-1"}, "Sum", 1),
        ("start-slow", "AWS/Lambda Duration", {"FunctionName": "pipe-process-image-1"}, "p99", 54_000),
        ("record-failure-slow", "AWS/Lambda Duration", {"FunctionName": "pipe-record-failure-1"}, "p99", 27_000),
        (
            "dead-letters",
            "AWS/SQS ApproximateNumberOfMessagesVisible",
            {"QueueName": "pipe-dead-letters-1"},
            "Maximum",
            1,
        ),
        ("oldest-upload", "AWS/SQS ApproximateAgeOfOldestMessage", {"QueueName": "pipe-events-1"}, "Maximum", 900),
        ("pictures-failed", "Labelstack PicturesFailed", {"service": "pipe-test"}, "Sum", 1),
        ("rekognition-throttles", "Labelstack RekognitionThrottles", {"service": "pipe-test"}, "Sum", 10),
        ("account-rekognition-throttles", "AWS/Rekognition ThrottledCount", None, "Sum", 10),
        ("workflow-failed", "AWS/States ExecutionsFailed", {"StateMachineArn": MACHINE}, "Sum", 1),
        ("workflow-timed-out", "AWS/States ExecutionsTimedOut", {"StateMachineArn": MACHINE}, "Sum", 1),
        ("api-errors", "AWS/ApiGateway 5XXError", {"ApiName": "pipe-api", "Stage": "v1"}, "Sum", 1),
        ("api-slow", "AWS/ApiGateway Latency", {"ApiName": "pipe-api", "Stage": "v1"}, "p99", 3_000),
    ],
)
def test_alarm_compares(
    name: str, metric: str, dimensions: dict[str, str] | None, statistic: str, threshold: float
) -> None:
    inputs = alarm(everything(), name)

    assert f"{inputs['namespace']} {inputs['metricName']}" == metric
    assert inputs.get("dimensions") == dimensions
    assert inputs["extendedStatistic" if statistic == "p99" else "statistic"] == statistic
    assert (inputs["threshold"], inputs["comparisonOperator"]) == (threshold, "GreaterThanOrEqualToThreshold")


def test_an_http_api_has_metrics_of_other_names() -> None:
    recorded = everything(HTTP)

    errors = alarm(recorded, "api-errors")
    assert (errors["metricName"], errors["dimensions"]) == ("5xx", {"ApiId": "a1b2c3", "Stage": "v1"})
    assert alarm(recorded, "api-slow")["metricName"] == "Latency"


def test_pauses_the_pipeline_when_the_cost_bound_is_reached() -> None:
    pauser = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:pipe-pause-1"
    pipeline: PipelineReference = {**PIPELINE, "pauser_arn": pauser, "pauser_name": "pipe-pause-1"}

    recorded = record_monitoring(pipeline, daily_cost_bound_usd=5)

    inputs = alarm(recorded, "daily-cost")
    assert inputs["alarmActions"] == [TOPIC, pauser]
    assert inputs["okActions"] == [TOPIC]
    assert inputs["alarmDescription"].endswith(
        "The pipeline is paused. The queue keeps uploads for 4 days. To resume: labelstack resume"
    )
    permission = recorded.single("aws:lambda/permission:Permission").inputs
    assert permission["function"] == pauser
    assert permission["principal"] == "lambda.alarms.cloudwatch.amazonaws.com"
    assert permission["sourceArn"].endswith("pipe-daily-cost-0a1b2c3")
    assert {"pause-errors", "pause-slow", "pause-throttles"} < set(names(recorded))
    assert not record_monitoring(daily_cost_bound_usd=5).of("aws:lambda/permission:Permission")


def test_cost_is_that_of_the_calls_that_were_answered() -> None:
    inputs = alarm(record_monitoring({**PIPELINE, "image_properties": True}, daily_cost_bound_usd=5), "daily-cost")

    result, calls, throttles = inputs["metricQueries"]
    # Two charges of 0.001 and one of 0.00075 a picture, which is two calls.
    assert result["expression"] == "(FILL(calls, 0) - FILL(throttles, 0)) * 0.00137500"
    assert [query.get("returnData") for query in (result, calls, throttles)] == [True, False, False]
    for query, name in ((calls, "RekognitionCalls"), (throttles, "RekognitionThrottles")):
        assert query["metric"] == {
            "namespace": "Labelstack",
            "metricName": name,
            "dimensions": {"service": "pipe-test"},
            "period": 86_400,
            "stat": "Sum",
        }
    assert inputs["threshold"] == 5


def test_every_alarm_tells_the_topic_and_takes_silence_for_health() -> None:
    recorded = everything()

    for resource in recorded.of(ALARM):
        assert resource.inputs["alarmActions"] == resource.inputs["okActions"] == [TOPIC], resource.name
        assert resource.inputs["treatMissingData"] == "notBreaching", resource.name


def test_every_alarm_says_what_to_do() -> None:
    to_do = ("labelstack ", "aws ", "ask AWS", "See the ")
    for resource in everything().of(ALARM):
        description = resource.inputs["alarmDescription"]
        assert description.startswith("pipe-test: "), resource.name
        assert any(words in description for words in to_do), description
        assert len(description) <= 1024, resource.name  # CloudWatch's limit


def test_only_alarms_of_the_account_may_publish_and_only_with_tls() -> None:
    policy = everything().single("aws:sns/topicPolicy:TopicPolicy").policy()

    allow, deny = policy["Statement"]
    assert allow["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert allow["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    assert (allow["Action"], allow["Resource"]) == (["sns:Publish"], TOPIC)
    assert (deny["Effect"], deny["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_mail_addresses_are_subscribed() -> None:
    subscription = everything().single("aws:sns/topicSubscription:TopicSubscription").inputs

    assert (subscription["protocol"], subscription["endpoint"]) == ("email", "ops@example.org")
    assert subscription["topic"] == TOPIC


def test_a_given_topic_is_told_and_none_is_made() -> None:
    recorded = record_monitoring(alarm_topic_arn=OPS_TOPIC)

    assert recorded.of("aws:sns/topic:Topic") == []
    assert {tuple(resource.inputs["alarmActions"]) for resource in recorded.of(ALARM)} == {(OPS_TOPIC,)}


def test_refuses_subscribers_for_a_given_topic() -> None:
    with pytest.raises(
        InvalidArgumentError,
        match=r"Monitoring pipe: emails is .*: expected none, as alarm_topic_arn has subscribers of its own",
    ):
        record_monitoring(alarm_topic_arn=OPS_TOPIC, emails=["ops@example.org"])


def test_names_the_aws_cli_where_labelstacks_outputs_are_not_there() -> None:
    described = alarm(record_monitoring(commands="aws"), "pictures-failed")["alarmDescription"]

    assert "aws logs tail --since 1h /aws/lambda/pipe-record-failure-1" in described
    assert "labelstack " not in described


def test_watches_functions_of_ones_own() -> None:
    recorded = record_monitoring(functions={"resize": {"name": "resize-1", "timeout_seconds": 10}})

    assert alarm(recorded, "resize-slow")["threshold"] == 9_000


# --- the dashboard ---------------------------------------------------------------------------------------------------


def widgets(recorded: Record) -> list[dict[str, Any]]:
    return list(json.loads(recorded.single(DASHBOARD).inputs["dashboardBody"])["widgets"])


def lines(recorded: Record) -> list[list[Any]]:
    """Return every metric of every graph, without expressions and options."""
    graphs = [widget["properties"] for widget in widgets(recorded) if widget["type"] == "metric"]
    return [
        [part for part in line if not isinstance(part, dict)]
        for graph in graphs
        for line in graph["metrics"]
        if not isinstance(line[0], dict)
    ]


def watched(resource: Resource) -> set[tuple[str, ...]]:
    """Return the metrics of an alarm: namespace, name, dimensions."""
    inputs = resource.inputs
    metrics = [query["metric"] for query in inputs.get("metricQueries", []) if "metric" in query] or [inputs]
    return {
        (metric["namespace"], metric["metricName"], *sum(sorted(metric.get("dimensions", {}).items()), ()))
        for metric in metrics
    }


@pytest.mark.parametrize("api", [REST, HTTP])
def test_the_dashboard_shows_what_the_alarms_watch(api: ApiReference) -> None:
    recorded = everything(api)

    shown = {(line[0], line[1], *_sorted_pairs(line[2:])) for line in lines(recorded)}
    watching = set().union(*(watched(resource) for resource in recorded.of(ALARM)))
    # The account's throttling is not this stack's.
    assert watching - shown == {("AWS/Rekognition", "ThrottledCount")}


def test_the_dashboard_knows_every_metric_of_ours() -> None:
    own = {line[1] for line in lines(everything()) if line[0] == "Labelstack"}

    assert own == {*Metric, UPLOAD_TO_RESULT}


def test_the_dashboard_shows_the_state_of_every_alarm() -> None:
    recorded = everything()

    (states,) = [widget for widget in widgets(recorded) if widget["type"] == "alarm"]
    assert len(states["properties"]["alarms"]) == len(recorded.of(ALARM))


def test_expressions_use_metrics_of_their_graph() -> None:
    for widget in widgets(everything()):
        metrics = widget["properties"].get("metrics", [])
        ids = {options["id"] for *_, options in metrics if isinstance(options, dict) and "id" in options}
        for expression in [line[0]["expression"] for line in metrics if isinstance(line[0], dict)]:
            assert {id for id in ("calls", "throttles", "saved") if id in expression} <= ids


def test_widgets_neither_overlap_nor_leave_the_width() -> None:
    cells = Counter(
        (x, y)
        for widget in widgets(everything())
        for x in range(widget["x"], widget["x"] + widget["width"])
        for y in range(widget["y"], widget["y"] + widget["height"])
    )

    assert max(cells.values()) == 1
    assert max(x for x, _ in cells) < 24


def test_graphs_are_of_the_stacks_region_and_the_name_is_the_services() -> None:
    recorded = everything()

    assert recorded.single(DASHBOARD).inputs["dashboardName"] == "pipe-test"
    assert {w["properties"]["region"] for w in widgets(recorded) if w["type"] == "metric"} == {REGION}


# --- documentation ---------------------------------------------------------------------------------------------------


def test_the_metrics_page_lists_what_the_functions_publish() -> None:
    table = METRICS_PAGE.read_text().partition("## Alarms")[0]
    counts = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", table, re.MULTILINE))

    assert counts.keys() == {*map(str, Metric), UPLOAD_TO_RESULT}
    assert {name for name, text in counts.items() if "milliseconds" in text} == {UPLOAD_TO_RESULT}


def test_the_metrics_page_lists_every_alarm() -> None:
    page = METRICS_PAGE.read_text()
    of_functions = {"errors", "throttles", "slow"}
    functions = {"start", "record-failure"}

    for name in names(everything()):
        label, _, kind = name.rpartition("-")
        row = f"| `<function>-{kind}` |" if label in functions and kind in of_functions else f"| `{name}` |"
        assert row in page, name


def _sorted_pairs(flat: list[str]) -> list[str]:
    return [part for pair in sorted(zip(flat[::2], flat[1::2], strict=True)) for part in pair]


def test_average_price_of_a_call_without_image_properties_is_the_price_of_a_call() -> None:
    assert alarms.usd_per_call(["labels", "text"], image_properties=False) == alarms.USD_PER_CALL
