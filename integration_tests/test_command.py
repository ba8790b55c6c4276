"""The command reads a stack through its API, under each kind of access.

Its outputs name a table that does not exist, so its results come from the API.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from integration_tests.api import ApiClient
from integration_tests.command import NO_TABLE, command_on
from integration_tests.pictures import picture, sample
from integration_tests.stack import DeployedStack, LocalRekognition, wait_for

STACKS = {"stack": "api", "keyed_stack": "keyed_api", "guest_stack": "signed_api"}
MakeKey = Callable[[str], str]
NOTHING_ELSE: dict[str, list[Any]] = {"faces": [], "moderation": [], "text": []}


@pytest.fixture(params=STACKS, ids=["rest-open", "rest-api_key", "http-iam"])
def any_stack(request: pytest.FixtureRequest) -> tuple[DeployedStack, ApiClient]:
    """Return each stack in turn, and a client of its API."""
    deployed, api = request.getfixturevalue(request.param), request.getfixturevalue(STACKS[request.param])
    assert isinstance(deployed, DeployedStack)
    assert isinstance(api, ApiClient)
    return deployed, api


def without_table(stack: DeployedStack, **changed: Any) -> dict[str, Any]:
    return {**stack.outputs, "resultsTable": NO_TABLE, **changed}


def test_reads_through_the_api(any_stack: tuple[DeployedStack, ApiClient], tmp_path: Path) -> None:
    stack, api = any_stack
    key = api.upload(sample("cat.png"), "cat.png", "image/png")
    result = api.wait_for_result(key)
    run = command_on(stack, tmp_path / "command", without_table(stack))

    assert run.document("result", key) == result
    assert run.document("labels")["Cat"] >= 1
    words = ("cat", "pet", "-quokka", "name:cat.png", f"from:{result['capture']['takenAt'][:10]}")
    assert result in run.document("search", *words, "--limit", "50")["items"]
    assert run.document("watch", "--count", "1", "--recent", "1")["sequencer"]


def test_pages_of_the_api_are_followed(
    stack: DeployedStack, api: ApiClient, key: MakeKey, session_rekognition: LocalRekognition, tmp_path: Path
) -> None:
    session_rekognition.set_rules([{"match": {"key": "*/paged.jpg"}, "labels": ["Quokka"], **NOTHING_ELSE}])
    keys = [api.upload(picture(key(str(number))), "paged.jpg") for number in range(3)]
    for picture_key in keys:
        api.wait_for_result(picture_key)
    session_rekognition.set_rules([])
    run = command_on(stack, tmp_path / "command", without_table(stack))

    listed: list[str] = []
    cursor: list[str] = []
    for _ in keys:
        page = run.document("search", "quokka", "--limit", "1", *cursor)
        listed += [item["key"] for item in page["items"]]
        cursor = ["--cursor", page["cursor"]] if "cursor" in page else []

    assert sorted(listed) == sorted(keys)


def test_says_what_is_wrong_with_a_key(keyed_stack: DeployedStack, tmp_path: Path) -> None:
    run = command_on(keyed_stack, tmp_path / "command")

    done = run("labels", LABELSTACK_API_KEY="wrong")

    assert done.exit_code == 1
    message = " ".join(done.stderr.split())
    words = " FORBIDDEN: " if keyed_stack.cloud.capabilities.gateway_responses else ": Forbidden."
    assert f"answered 403{words}" in message
    assert "It refused the key in LABELSTACK_API_KEY: set LABELSTACK_API_KEY to one of" in message


def test_an_address_and_a_key_are_enough(keyed_stack: DeployedStack, keyed_api: ApiClient, tmp_path: Path) -> None:
    api_outputs = {name: keyed_stack.outputs[name] for name in ("apiUrl", "apiAccess", "uploadPrefix")}
    run = command_on(keyed_stack, tmp_path / "command", api_outputs)

    # Neither an embedded cloud nor a LocalStack is there.
    elsewhere = {"LABELSTACK_STATE_DIR": str(tmp_path / "nothing"), "AWS_ENDPOINT_URL": "http://localhost:1"}
    assert isinstance(run.document("labels", LABELSTACK_API_KEY=keyed_api.access_key, **elsewhere), dict)


@pytest.mark.abuse
def test_a_pause_keeps_pictures_in_the_queue_until_the_command_goes_on(
    keyed_stack: DeployedStack, key: MakeKey, tmp_path: Path
) -> None:
    functions, sqs = keyed_stack.client("lambda"), keyed_stack.client("sqs")
    run = command_on(keyed_stack, tmp_path / "command")
    functions.invoke(FunctionName=keyed_stack.outputs["pauserFunction"], Payload=b"{}")
    mapping = {"FunctionName": keyed_stack.outputs["processorFunction"]}
    try:
        wait_for(
            "the pause",
            lambda: functions.list_event_source_mappings(**mapping)["EventSourceMappings"][0]["State"],
            lambda state: state == "Disabled",
        )
        uploaded = keyed_stack.upload(key("later.jpg"), picture("later"))
        queue = {"QueueUrl": keyed_stack.outputs["queueUrl"], "AttributeNames": ["ApproximateNumberOfMessages"]}
        wait_for(
            "the upload's event to stay in the queue",
            lambda: sqs.get_queue_attributes(**queue)["Attributes"]["ApproximateNumberOfMessages"],
            lambda count: int(count) > 0,  # S3's own test event may stay there too
        )
    finally:
        done = run("resume")

    assert re.search(r"the pipeline runs again: [1-9]\d* messages? in its queue\.", done.stderr)
    assert keyed_stack.wait_for_result(uploaded)["status"] == "LABELED"
    assert "the pipeline is not paused." in run("resume").stderr


def test_results_outside_the_prefix_are_the_table_s(stack: DeployedStack, key: MakeKey, tmp_path: Path) -> None:
    outside = key("outside.jpg")
    stack.wait_for_result(stack.upload(outside, picture(outside)))

    shown = command_on(stack, tmp_path / "with").document("result", outside)
    broken = command_on(stack, tmp_path / "without", without_table(stack))("result", outside, "--json")

    assert shown["key"] == outside
    assert (broken.exit_code, "ResourceNotFoundException" in broken.stderr) == (1, True)


def test_a_picture_of_any_name_is_uploaded_listed_read_and_deleted(
    stack: DeployedStack, key: MakeKey, tmp_path: Path
) -> None:
    file = tmp_path / "cat \x01\n%2B+猫 🐈.png"
    file.write_bytes(sample("cat.png"))
    run = command_on(stack, tmp_path / "command")

    line = run.document("upload", file, "--prefix", f"uploads/{key('x')}/", "--wait")

    assert (line["status"], line["key"].endswith(file.name)) == ("LABELED", True), line
    assert run.document("result", line["key"])["versionId"] == line["versionId"]
    assert line["key"] in {item["key"] for item in run.document("list", "--limit", "100")["items"]}
    deleted = run("delete", line["key"])
    assert (deleted.exit_code, "\x01" in deleted.stdout) == (0, False), deleted.stderr
    gone = run("result", line["key"])
    assert "the picture was deleted" in gone.stderr


@pytest.mark.abuse
def test_purge_leaves_nothing_but_the_tombstone(stack: DeployedStack, key: MakeKey, tmp_path: Path) -> None:
    erased, neighbour = f"uploads/{key('erased.png')}", f"uploads/{key('neighbour.png')}"
    versions = [stack.upload(erased, picture(f"{erased} 1")), stack.upload(erased, picture(f"{erased} 2"))]
    same = stack.upload(neighbour, picture(f"{erased} 2"))
    stack.wait_for_result(versions[1])
    stack.wait_for_result(same)
    stack.wait_until_announced(erased)
    sizes = {len(picture(f"{erased} {number}")) for number in (1, 2)}
    leave_preview(stack, erased)

    done = command_on(stack, tmp_path / "command")("delete", erased, "--purge", "--yes", "--json")

    assert (done.exit_code, json.loads(done.stdout)) == (0, {"key": erased, "purged": True}), done.stderr
    assert "Not erased: names and labels in the functions' logs" in done.stderr
    assert left_in(stack, "uploadBucket", erased) == left_in(stack, "resultsBucket", f"results/{erased}/") == []
    assert left_in(stack, "previewsBucket", f"previews/{erased}/") == []
    items = [item for item in stack.everything() if erased in repr(item)]
    assert [(item["pk"], item["status"]) for item in items] == [(f"IMAGE#{erased}", "DELETED")]
    contents = {f"CONTENT#{version.etag}#{size}" for version in versions for size in sizes}
    assert not contents & {item["pk"] for item in stack.everything()}
    assert stack.wait_for_result(same)["status"] == "LABELED"
    assert left_in(stack, "resultsBucket", f"results/{neighbour}/")


def test_the_api_purges_too(stack: DeployedStack, caller: ApiClient, tmp_path: Path) -> None:
    key = caller.upload(picture(f"purged {tmp_path}"))
    caller.wait_for_result(key)
    stack.wait_until_announced(key)
    folder = key.rpartition("/")[0] + "/"
    leave_preview(stack, f"{folder}gone.jpg")
    orphan = leave_result(stack, key, f"{folder}orphan.jpg")
    query = urlencode({"key": folder, "purge": "true"})

    reply = wait_for(
        "the folder to be purged",
        lambda: caller.send("DELETE", "/images", query=query),
        lambda answer: answer.status != 202,
    )

    assert (reply.status, reply.json) == (200, {"key": folder, "status": "PURGED"})
    assert left_in(stack, "uploadBucket", folder) == left_in(stack, "resultsBucket", f"results/{folder}") == []
    assert left_in(stack, "previewsBucket", f"previews/{folder}") == []
    assert [item["status"] for item in stack.everything() if key in repr(item)] == ["DELETED"]
    query = urlencode({"key": orphan, "purge": "true"})
    wait_for(
        "the result to be purged whose event was lost",
        lambda: caller.send("DELETE", "/images", query=query).status,
        lambda status: status == 200,
    )
    assert [item["status"] for item in stack.everything() if orphan in repr(item)] == ["DELETED"]


def leave_result(stack: DeployedStack, of: str, key: str) -> str:
    """Put the result of a picture that went without an event, which no counter counts; return its key."""
    dynamodb, table = stack.client("dynamodb"), stack.outputs["resultsTable"]
    item = dynamodb.get_item(TableName=table, Key={"pk": {"S": f"IMAGE#{of}"}, "sk": {"S": "META"}})["Item"]
    sort_key = item["gsi2sk"]["S"].replace(of, key)
    changed = {"pk": {"S": f"IMAGE#{key}"}, "key": {"S": key}, "gsi2sk": {"S": sort_key}}
    for name in ("labels", "terms"):
        item.pop(name)
    dynamodb.put_item(TableName=table, Item={**item, **changed})
    return key


def leave_preview(stack: DeployedStack, key: str) -> None:
    """Put a preview of a version that went before, whose event was lost."""
    place = f"previews/{key}/gone/480.webp"
    stack.client("s3").put_object(Bucket=stack.outputs["previewsBucket"], Key=place, Body=b"WebP")


def left_in(stack: DeployedStack, bucket: str, prefix: str) -> list[Any]:
    """Return the versions and delete markers below a prefix."""
    page = stack.client("s3").list_object_versions(Bucket=stack.outputs[bucket], Prefix=prefix)
    return [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
