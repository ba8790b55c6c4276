"""Alarms exist, watch the functions' metrics, and notify subscribers."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from integration_tests.pictures import picture
from integration_tests.stack import DeployedStack, wait_for

MakeKey = Callable[[str], str]


@dataclass(frozen=True)
class Subscriber:
    """A queue that receives the alarms' messages."""

    sqs: Any
    url: str

    def wait_for(self, alarm: str, state: str) -> dict[str, Any]:
        """Return CloudWatch's message when this alarm goes into this state."""

        def heard() -> dict[str, Any] | None:
            got = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            for message in got.get("Messages", []):
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
                said: dict[str, Any] = json.loads(json.loads(message["Body"])["Message"])
                if (said["AlarmName"], said["NewStateValue"]) == (alarm, state):
                    return said
            return None

        notice = wait_for(f"{alarm} to tell {state}", heard, lambda said: said is not None)
        assert notice is not None
        return notice


@pytest.fixture
def subscriber(stack: DeployedStack) -> Iterator[Subscriber]:
    """Yield a subscriber of the alarms while a test runs."""
    sqs, sns, topic = stack.client("sqs"), stack.client("sns"), stack.outputs["alarmTopicArn"]
    url = sqs.create_queue(QueueName=f"alarms-{uuid.uuid4().hex[:12]}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    subscription = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, ReturnSubscriptionArn=True)
    try:
        yield Subscriber(sqs, url)
    finally:
        sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
        sqs.delete_queue(QueueUrl=url)


def alarms(stack: DeployedStack) -> dict[str, dict[str, Any]]:
    """Return the stack's alarms by name, without prefix and suffix."""
    pages = stack.client("cloudwatch").get_paginator("describe_alarms").paginate()
    topic = stack.outputs["alarmTopicArn"]
    watching = [alarm for page in pages for alarm in page["MetricAlarms"] if topic in alarm["AlarmActions"]]
    return {alarm["AlarmName"].partition("-")[2].rpartition("-")[0]: alarm for alarm in watching}


def test_every_alarm_tells_the_topic_in_both_directions(stack: DeployedStack) -> None:
    by_name = alarms(stack)

    assert {
        *("process-image-errors", "process-image-slow", "process-image-throttles", "record-failure-errors"),
        *("dead-letters", "oldest-upload", "pictures-failed", "rekognition-throttles", "daily-cost"),
    } <= set(by_name)
    for name, alarm in by_name.items():
        assert alarm["ActionsEnabled"], name
        assert alarm["AlarmActions"] == alarm["OKActions"] == [stack.outputs["alarmTopicArn"]], name
        assert alarm["AlarmDescription"].startswith("labelstack-local: "), name


def test_alarms_watch_the_functions_and_queues_that_are_there(stack: DeployedStack) -> None:
    by_name = alarms(stack)

    def watched(alarm: str) -> str:
        (dimension,) = by_name[alarm]["Dimensions"]
        return str(dimension["Value"])

    assert watched("process-image-errors") == stack.outputs["processorFunction"]
    assert watched("record-failure-errors") == stack.outputs["failureRecorderFunction"]
    assert watched("oldest-upload") == stack.outputs["queueUrl"].rpartition("/")[2]
    assert watched("dead-letters") == stack.outputs["deadLetterQueueUrl"].rpartition("/")[2]


def test_functions_publish_metrics_where_the_alarms_look(stack: DeployedStack, key: MakeKey) -> None:
    stack.wait_for_result(stack.upload(key("metrics.jpg"), picture("metrics")))
    watched = alarms(stack)["rekognition-throttles"]

    def published() -> list[dict[str, Any]]:
        return [line for line in stack.log_events(stack.outputs["processorFunction"]) if "RekognitionCalls" in line]

    line = wait_for("metrics in the log", published, bool)[-1]
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == watched["Namespace"]
    assert directive["Dimensions"] == [[dimension["Name"] for dimension in watched["Dimensions"]]]
    assert {name: line[name] for (name,) in directive["Dimensions"]} == {
        dimension["Name"]: dimension["Value"] for dimension in watched["Dimensions"]
    }


def test_dashboard_shows_this_stack(stack: DeployedStack) -> None:
    name = stack.outputs["dashboardName"]

    body = json.loads(stack.client("cloudwatch").get_dashboard(DashboardName=name)["DashboardBody"])

    text = json.dumps(body)
    assert name == "labelstack-local"
    assert stack.outputs["processorFunction"] in text
    assert stack.outputs["deadLetterQueueUrl"].rpartition("/")[2] in text
    assert {alarm["AlarmArn"] for alarm in alarms(stack).values()} == set(body["widgets"][0]["properties"]["alarms"])


def test_subscribers_hear_of_an_alarm_and_of_its_end(stack: DeployedStack, subscriber: Subscriber) -> None:
    alarm, cloudwatch = alarms(stack)["oldest-upload"], stack.client("cloudwatch")

    cloudwatch.set_alarm_state(AlarmName=alarm["AlarmName"], StateValue="ALARM", StateReason="a test")
    said = subscriber.wait_for(alarm["AlarmName"], "ALARM")
    cloudwatch.set_alarm_state(AlarmName=alarm["AlarmName"], StateValue="OK", StateReason="a test")
    over = subscriber.wait_for(alarm["AlarmName"], "OK")

    assert said["AlarmDescription"] == alarm["AlarmDescription"]
    assert over["NewStateReason"] == "a test"


@pytest.mark.needs("alarms_evaluated")
def test_a_metric_at_its_threshold_sets_the_alarm_off(stack: DeployedStack, subscriber: Subscriber) -> None:
    alarm, cloudwatch = alarms(stack)["pictures-failed"], stack.client("cloudwatch")

    def fail() -> None:
        datum = {
            "MetricName": alarm["MetricName"],
            "Dimensions": alarm["Dimensions"],
            "Timestamp": datetime.now(UTC),
            "Value": 1,
            "Unit": "Count",
        }
        cloudwatch.put_metric_data(Namespace=alarm["Namespace"], MetricData=[datum])

    # Data in every minute that is looked at, until it is.
    def went_off() -> bool:
        fail()
        return bool(
            cloudwatch.describe_alarms(AlarmNames=[alarm["AlarmName"]])["MetricAlarms"][0]["StateValue"] == "ALARM"
        )

    wait_for("the alarm to go off", went_off, bool)

    assert "Threshold" in subscriber.wait_for(alarm["AlarmName"], "ALARM")["NewStateReason"]
