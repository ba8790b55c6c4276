"""Every deployed stack passes these tests, and on AWS these alone run. Each says how many pictures it uploads."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import urllib3

from integration_tests.api import ApiClient
from integration_tests.pictures import sample
from integration_tests.stack import DeployedStack, wait_for

MakeKey = Callable[[str], str]


@pytest.mark.smoke(pictures=1)
def test_photograph_becomes_labels_that_find_it(stack: DeployedStack, key: MakeKey) -> None:
    uploaded = stack.upload(key("cat.png"), sample("cat.png"), ContentType="image/png")

    result = stack.wait_for_result(uploaded)

    assert result["status"] == "LABELED"
    assert "Cat" in {label["name"] for label in result["labels"]}
    entries = stack.items(
        IndexName="gsi1",
        KeyConditionExpression="gsi1pk = :label",
        ExpressionAttributeValues={":label": {"S": "LABEL#cat"}},
    )
    assert uploaded.key in {entry["key"] for entry in entries}


@pytest.mark.smoke(pictures=1)
def test_file_that_is_no_picture_is_rejected(stack: DeployedStack, key: MakeKey) -> None:
    uploaded = stack.upload(key("notes.jpg"), b"This is a text file.\n" * 20)

    result = stack.wait_for_result(uploaded)

    assert (result["status"], result["code"]) == ("REJECTED", "NOT_AN_IMAGE")


@pytest.mark.smoke(pictures=1)
def test_deleted_picture_leaves_no_result(stack: DeployedStack, key: MakeKey) -> None:
    uploaded = stack.upload(key("cat.png"), sample("cat.png"), ContentType="image/png")
    stack.wait_for_result(uploaded)

    stack.delete(uploaded.key)

    wait_for("the tombstone", lambda: (stack.result(uploaded.key) or {}).get("status"), lambda s: s == "DELETED", 120)
    assert stack.label_entries(uploaded.key) == {}


@pytest.mark.smoke(pictures=1)
def test_api_tells_the_labels_of_a_picture(stack: DeployedStack, caller: ApiClient, key: MakeKey) -> None:
    uploaded = stack.upload(f"{stack.outputs['uploadPrefix']}{key('cat.png')}", sample("cat.png"))

    result = caller.wait_for_result(uploaded.key)

    assert caller.get("/health").json == {"status": "ok"}
    assert "Cat" in {label["name"] for label in result["labels"]}


@pytest.mark.smoke
def test_page_is_there(stack: DeployedStack) -> None:
    if "websiteUrl" not in stack.outputs:
        pytest.skip("this stack has no page (labelstack:website is none)")

    url, headers = stack.page_address()
    page = urllib3.PoolManager().request("GET", url, headers=headers, timeout=30)

    assert page.status == 200
    assert b"<title>" in page.data
