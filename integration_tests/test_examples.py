"""Each program in `examples/`: deployed, used as its README says, destroyed, and nothing of it left."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import urllib3

from integration_tests import lanes
from integration_tests.api import ApiClient
from integration_tests.lanes import Lane
from integration_tests.leftovers import everything_on
from integration_tests.pictures import picture, sample
from integration_tests.stack import DeployedStack, reachable, wait_for
from integration_tests.test_security import enter, refused
from labelstack.clouds import Cloud

EXAMPLES = Path(__file__).parent.parent / "examples"
STACK = "dev"


@contextmanager
def deployed(name: str, lane: Lane, cloud: Cloud, folder: Path) -> Iterator[DeployedStack]:
    """Deploy an example and again, which changes nothing; destroy it afterwards, which leaves nothing."""
    before = everything_on(cloud)
    engine = lanes.engine_for(lane.engine, EXAMPLES / name, cloud, folder)
    try:
        created = engine.up(STACK).created
        again = lanes.up_again(engine, cloud, STACK)
        machine_updates = lanes.machine_updates(engine, cloud) if name == "label-workflow" else 0
        assert (again.created, again.updated, again.replaced, again.deleted) == (0, machine_updates, 0, 0)
        assert again.unchanged + machine_updates == created
        yield DeployedStack(cloud, again.outputs)
        assert lanes.drift(engine, STACK) == machine_updates
    finally:
        engine.destroy(STACK)
    assert everything_on(cloud) == before


def upload_bucket(stack: DeployedStack) -> None:
    s3, bucket = stack.client("s3"), stack.outputs["bucket"]
    versions = [s3.put_object(Bucket=bucket, Key="cat.jpg", Body=body)["VersionId"] for body in (b"1", b"2")]
    assert s3.get_object(Bucket=bucket, Key="cat.jpg", VersionId=versions[0])["Body"].read() == b"1"
    assert all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values())
    rules = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert {rule["ID"]: rule.get("Expiration", {}).get("Days") for rule in rules}["expire-uploads"] == 30


def results_store(stack: DeployedStack) -> None:
    table = stack.outputs["table"]
    row = {"pk": "IMAGE#a", "sk": "LABEL#cat", "gsi1pk": "LABEL#cat", "gsi1sk": "099#a"}
    stack.client("dynamodb").put_item(TableName=table, Item={name: {"S": text} for name, text in row.items()})
    answer = stack.client("dynamodb").query(
        TableName=table,
        IndexName="gsi1",
        KeyConditionExpression="gsi1pk = :label",
        ExpressionAttributeValues={":label": {"S": "LABEL#cat"}},
    )
    assert [item["pk"]["S"] for item in answer["Items"]] == ["IMAGE#a"]


def python_function(stack: DeployedStack) -> None:
    answer = stack.client("lambda").invoke(
        FunctionName=stack.outputs["function"], Payload=json.dumps({"name": "Ada"}).encode()
    )
    assert json.loads(answer["Payload"].read()) == {"greeting": "Hello, Ada"}
    received = stack.client("sqs").receive_message(QueueUrl=stack.outputs["queueUrl"], WaitTimeSeconds=5)
    assert [message["Body"] for message in received["Messages"]] == ["Hello, Ada"]


def image_processor(stack: DeployedStack) -> None:
    stack.client("s3").put_object(Bucket=stack.outputs["bucket"], Key="astronaut.jpg", Body=sample("astronaut.jpg"))

    def result() -> dict[str, Any]:
        key = {"pk": {"S": "IMAGE#astronaut.jpg"}, "sk": {"S": "META"}}
        answer = stack.client("dynamodb").get_item(TableName=stack.outputs["table"], Key=key, ConsistentRead=True)
        item: dict[str, Any] = answer.get("Item", {})
        return item

    item = wait_for("the picture's labels", result, lambda stored: "status" in stored)
    assert item["status"]["S"] == "LABELED"
    assert "Person" in json.dumps(item)


def previews(stack: DeployedStack) -> None:
    s3 = stack.client("s3")
    version = s3.put_object(Bucket=stack.outputs["bucket"], Key="cat.png", Body=sample("cat.png"))["VersionId"]

    def sizes() -> set[str]:
        listed = s3.list_objects_v2(Bucket=stack.outputs["previews"], Prefix=f"previews/cat.png/{version}/")
        return {entry["Key"].rpartition("/")[2] for entry in listed.get("Contents", [])}

    wait_for("both previews", sizes, lambda names: names == {"480.webp", "1600.webp"})
    s3.delete_object(Bucket=stack.outputs["bucket"], Key="cat.png", VersionId=version)
    wait_for("the previews to be gone", sizes, lambda names: not names)


def notifications(stack: DeployedStack) -> None:
    for name, body in (("astronaut.jpg", sample("astronaut.jpg")), ("text.jpg", b"This is no picture.")):
        stack.client("s3").put_object(Bucket=stack.outputs["bucket"], Key=name, Body=body)

    def documents() -> dict[str, str]:
        listed = stack.client("s3").list_objects_v2(Bucket=stack.outputs["documents"]).get("Contents", [])
        return {entry["Key"].split("/")[1]: entry["Key"] for entry in listed}

    keys = wait_for("a document of each", documents, lambda keys: set(keys) == {"astronaut.jpg", "text.jpg"})
    answer = stack.client("s3").get_object(Bucket=stack.outputs["documents"], Key=keys["text.jpg"])
    assert json.loads(answer["Body"].read())["code"] == "NOT_AN_IMAGE"

    def receive() -> list[dict[str, Any]]:
        answer = stack.client("sqs").receive_message(QueueUrl=stack.outputs["queueUrl"], MaxNumberOfMessages=10)
        return [json.loads(message["Body"]) for message in answer.get("Messages", [])]

    messages = wait_for("a message about a person", receive, bool)
    assert [(message["key"], message["status"]) for message in messages] == [("astronaut.jpg", "LABELED")]


def monitoring(stack: DeployedStack) -> None:
    stack.client("s3").put_object(Bucket=stack.outputs["bucket"], Key="text.jpg", Body=b"This is no picture.")
    pages = stack.client("cloudwatch").get_paginator("describe_alarms").paginate(AlarmNamePrefix="watch-")
    alarms = {alarm["AlarmName"].rpartition("-")[0]: alarm for page in pages for alarm in page["MetricAlarms"]}
    (watched,) = alarms["watch-process-image-errors"]["Dimensions"]
    (service,) = alarms["watch-pictures-failed"]["Dimensions"]
    assert {tuple(alarm["AlarmActions"]) for alarm in alarms.values()} == {(stack.outputs["alarmTopicArn"],)}

    def metrics() -> list[dict[str, Any]]:
        return [line for line in stack.log_events(watched["Value"]) if "PicturesRejected" in line]

    (line,) = wait_for("metrics in the log of the function that is watched", metrics, bool)
    assert (line["service"], line["PicturesRejected"]) == (service["Value"], [1])
    body = stack.client("cloudwatch").get_dashboard(DashboardName=stack.outputs["dashboardName"])["DashboardBody"]
    assert watched["Value"] in body


def label_workflow(stack: DeployedStack) -> None:
    image_processor(stack)
    answer = stack.client("stepfunctions").describe_state_machine(stateMachineArn=stack.outputs["stateMachineArn"])
    branches = json.loads(answer["definition"])["States"]["Recognise"]["Branches"]
    assert [branch["StartAt"] for branch in branches] == ["labels needed?", "faces needed?"]


def label_api(stack: DeployedStack) -> None:
    api = ApiClient(stack.outputs["url"])
    body = picture("example")
    key = api.upload(body)
    stored = stack.client("s3").get_object(Bucket=stack.outputs["bucket"], Key=key)
    assert stored["Body"].read() == body
    assert api.get("/labels").json["labels"] == []


def website(stack: DeployedStack) -> None:
    url, headers = reachable(stack.outputs["url"])
    page = urllib3.request("GET", url, headers=headers, retries=False, timeout=60)
    assert page.status == 200
    assert "connect-src 'self' blob: https://api.example;" in page.data.decode()
    config = urllib3.request("GET", f"{url}config.json", headers=headers, retries=False, timeout=60)
    assert config.json() == {"stack": STACK, "apiUrl": "https://api.example"}


def guest_access(stack: DeployedStack) -> None:
    guest = enter(stack)
    s3, bucket = guest.client("s3"), stack.outputs["bucket"]
    s3.put_object(Bucket=bucket, Key=f"uploads/{guest.id}/own.jpg", Body=b"own")
    assert refused(s3.put_object, Bucket=bucket, Key="uploads/somebody/else.jpg", Body=b"not his")


USES: dict[str, Callable[[DeployedStack], None]] = {
    "guest-access": guest_access,
    "image-processor": image_processor,
    "label-api": label_api,
    "monitoring": monitoring,
    "notifications": notifications,
    "label-workflow": label_workflow,
    "previews": previews,
    "python-function": python_function,
    "results-store": results_store,
    "upload-bucket": upload_bucket,
    "website": website,
}

# The capabilities that an example needs; IAM is part of what guests are for.
NEEDS = {"guest-access": ("cognito", "iam_enforced"), "label-api": ("http_api",)}
NEEDS["previews"] = ("s3_on_eventbridge",)


def test_every_example_is_used() -> None:
    assert {file.parent.name for file in EXAMPLES.glob("*/__main__.py")} == set(USES)


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.needs(*NEEDS.get(name, ()))) for name in USES])
def test_example_works_alone_and_leaves_nothing(name: str, lane: Lane, cloud: Cloud, tmp_path: Path) -> None:
    with deployed(name, lane, cloud, tmp_path) as stack:
        USES[name](stack)
