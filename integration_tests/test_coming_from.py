"""The walk-throughs of five systems that this one replaces, each on the settings that `docs/coming-from.md` shows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from integration_tests import lanes
from integration_tests.api import ApiClient
from integration_tests.conftest import PROJECT, skip_unless
from integration_tests.lanes import Lane
from integration_tests.pictures import heic, picture, sample
from integration_tests.running import RunningCloud
from integration_tests.stack import DeployedStack, wait_for
from integration_tests.test_announcements import document, faults, inbox
from integration_tests.test_security import enter

PAGE = PROJECT / "docs" / "coming-from.md"
NOT_LINKED = {".git", ".venv", ".labelstack"}
# One of an account and region, and the first stack has set it.
LOG_ROLE = {"labelstack:apiLogRole": "account"}


def settings_of(system: int) -> str:
    """Return the block of a system on the page: a stack's file."""
    section = re.split(r"^## ", PAGE.read_text(), flags=re.MULTILINE)[system]
    assert section.startswith(f"{system}. ")
    [block] = re.findall(r"^```yaml\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    return str(block)


@contextmanager
def deployed(system: int, lane: Lane, running: RunningCloud, folder: Path) -> Iterator[DeployedStack]:
    """Deploy the project beside the first stack, with the system's block as its stack's file."""
    project = folder / "project"
    project.mkdir()
    for entry in PROJECT.iterdir():
        if entry.name not in NOT_LINKED and not entry.match("Pulumi.*.yaml"):
            (project / entry.name).symlink_to(entry)
    (project / f"Pulumi.{lane.stack}.yaml").write_text(settings_of(system))
    engine = lanes.engine_for(lane.engine, project, running.cloud, folder / "stacks")
    try:
        yield DeployedStack(running.cloud, engine.up(lane.stack, LOG_ROLE).outputs)
    finally:
        if running.is_running():
            engine.destroy(lane.stack)


Deploy = Callable[[int], Any]


@pytest.fixture
def deploy(lane: Lane, running: RunningCloud, tmp_path: Path) -> Deploy:
    """Return a function that deploys a system by its number."""
    return lambda system: deployed(system, lane, running, tmp_path)


def names_of(labels: list[Any]) -> list[str]:
    return [label["name"] for label in labels]


def test_labels_of_an_upload_are_in_the_log(deploy: Deploy) -> None:
    with deploy(1) as stack:
        stack.upload("My summer/café +1.png", sample("cat.png"))
        stack.upload("coffee.jpg", sample("coffee.jpg"))

        def logged() -> dict[str, Any]:
            lines = stack.log_events(stack.outputs["processorFunction"])
            return {line["key"]: line["labels"] for line in lines if "labels" in line}

        by_name = wait_for("the labels of both pictures", logged, lambda by_name: len(by_name) == 2)

        assert set(by_name) == {"My summer/café +1.png", "coffee.jpg"}
        labels = by_name["My summer/café +1.png"]
        assert "Cat" in names_of(labels)
        assert all(len(labels_of_one) <= 10 for labels_of_one in by_name.values())
        assert all(55 <= label["confidence"] <= 100 for labels_of_one in by_name.values() for label in labels_of_one)
        kept = stack.result("My summer/café +1.png") or {}
        assert names_of(kept["labels"]) == names_of(labels)


def test_objects_labels_and_faces_are_json_in_a_second_bucket(deploy: Deploy) -> None:
    with deploy(2) as stack, inbox(stack) as messages:
        uploads = {name: stack.upload(f"photos/{name}", sample(name)) for name in ("astronaut.jpg", "cat.png")}
        uploads["phone.heic"] = stack.upload("photos/phone.heic", heic("from a phone"))

        documents = {name: document(stack, uploaded) for name, uploaded in uploads.items()}

        assert stack.outputs["resultsBucket"] != stack.outputs["uploadBucket"]
        assert {name: faults(content, "result") for name, content in documents.items()} == {
            name: [] for name in uploads
        }
        assert {content["status"] for content in documents.values()} == {"LABELED"}
        astronaut = documents["astronaut.jpg"]
        assert "Person" in names_of(astronaut["labels"])
        assert len(astronaut["faces"]) == 1
        objects = [label for content in documents.values() for label in content["labels"] if label["instances"]]
        assert all(0 <= instance["boundingBox"]["left"] <= 1 for label in objects for instance in label["instances"])
        assert objects, "no label has a place in a picture"
        for name, uploaded in uploads.items():
            [message] = messages.wait(uploaded.key)
            assert (message["status"], message["key"]) == ("LABELED", f"photos/{name}")


def test_page_api_and_topic_work_together(deploy: Deploy) -> None:
    with deploy(3) as stack, inbox(stack) as messages:
        api = ApiClient(stack.outputs["apiUrl"])
        url, headers = stack.page_address()
        page = api.pool.request("GET", url, headers=headers)
        config = api.pool.request("GET", stack.page_address("config.json")[0], headers=headers).json()
        assert (page.status, page.headers["content-type"].partition(";")[0]) == (200, "text/html")
        assert config["apiUrl"] == stack.outputs["apiUrl"]
        origin = "/".join(str(stack.outputs["websiteUrl"]).split("/")[:3])
        headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        allowed = api.send("OPTIONS", "/generate-upload-url", headers=headers).headers
        assert allowed["access-control-allow-origin"] == origin

        key = api.upload(sample("cat.png"), "my cat.png", "image/png")
        reply = wait_for(
            "the labels",
            lambda: api.post("/detect-labels", {"key": key}),
            lambda answer: answer.status not in (202, 404),
        )

        assert (reply.status, reply.json["status"]) == (200, "LABELED")
        assert "Cat" in names_of(reply.json["labels"])
        [message] = messages.wait(key)
        assert "Cat" in names_of(message["labels"])
        topic = stack.client("sns").list_subscriptions_by_topic(TopicArn=stack.outputs["topicArn"])
        by_mail = {
            subscription["Endpoint"] for subscription in topic["Subscriptions"] if subscription["Protocol"] == "email"
        }
        assert by_mail == {"you@example.org"}


def test_guest_puts_pictures_and_reads_the_table_himself(deploy: Deploy, running: RunningCloud) -> None:
    skip_unless(running.cloud, *lanes.GUESTS)
    with deploy(4) as stack:
        assert "apiUrl" not in stack.outputs
        url, headers = stack.page_address("config.json")
        config = ApiClient(url).pool.request("GET", url, headers=headers).json()
        assert {name: config[name] for name in ("mode", "identityPoolId", "uploadBucket", "resultsTable")} == {
            "mode": "guest",
            **{name: stack.outputs[name] for name in ("identityPoolId", "uploadBucket", "resultsTable")},
        }
        guest = enter(stack)
        cat = sample("cat.png")
        pictures = {"cat.png": cat, "astronaut.jpg": sample("astronaut.jpg"), "boxes.jpg": picture("a guest's")}
        for name, body in pictures.items():
            guest.client("s3").put_object(Bucket=config["uploadBucket"], Key=f"uploads/{guest.id}/{name}", Body=body)
        dynamodb = guest.client("dynamodb")

        def item(name: str) -> dict[str, Any]:
            key = {"pk": {"S": f"IMAGE#uploads/{guest.id}/{name}"}, "sk": {"S": "META"}}
            table_item: dict[str, Any] = dynamodb.get_item(TableName=config["resultsTable"], Key=key).get("Item", {})
            return table_item

        items = {name: wait_for(f"the item of {name}", partial(item, name), bool) for name in pictures}

        assert {table_item["status"]["S"] for table_item in items.values()} == {"LABELED"}
        labels = [label["M"] for table_item in items.values() for label in table_item["labels"]["L"]]
        assert "Cat" in [label["M"]["name"]["S"] for label in items["cat.png"]["labels"]["L"]]
        assert all(Decimal(70) <= Decimal(label["confidence"]["N"]) <= 100 for label in labels)
        assert all(table_item["uploadedAt"]["S"] <= table_item["processedAt"]["S"] for table_item in items.values())


@pytest.mark.needs("http_api")
def test_result_is_read_by_http_and_the_bucket_tidies_up(deploy: Deploy) -> None:
    with deploy(5) as stack:
        api, s3, bucket = ApiClient(stack.outputs["apiUrl"]), stack.client("s3"), stack.outputs["uploadBucket"]
        uploaded = stack.upload("uploads/my cat+1.png", sample("cat.png"))

        result = api.wait_for_result(uploaded.key)

        assert api.get("/result").problem[0] == 400
        assert api.get("/result", {"key": "uploads/nobody.jpg"}).problem[0] == 404
        assert "Cat" in names_of(result["labels"])
        assert len(result["labels"]) <= 10
        assert all(70 <= label["confidence"] <= 100 for label in result["labels"])
        assert document(stack, uploaded)["labels"] == result["labels"]
        url, headers = stack.page_address()
        assert b"<html" in api.pool.request("GET", url, headers=headers).data
        assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
        rules = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
        assert [rule["Expiration"]["Days"] for rule in rules if "Days" in rule.get("Expiration", {})] == [90]
        old = [rule["NoncurrentVersionExpiration"] for rule in rules if "NoncurrentVersionExpiration" in rule]
        assert [old_rule["NoncurrentDays"] for old_rule in old] == [30]
        tags = {tag["Key"]: tag["Value"] for tag in s3.get_bucket_tagging(Bucket=bucket)["TagSet"]}
        assert {"team": "photography", "cost-centre": "4711", "project": "labelstack"}.items() <= tags.items()
    left = {left_bucket["Name"] for left_bucket in s3.list_buckets()["Buckets"]}
    assert not {bucket, stack.outputs["resultsBucket"], stack.outputs["websiteBucket"]} & left


def test_page_shows_a_block_for_each_system() -> None:
    blocks = [settings_of(system) for system in range(1, 6)]

    assert len(set(blocks)) == 5
    assert "## 6" not in PAGE.read_text()
