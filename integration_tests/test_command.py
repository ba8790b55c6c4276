"""The command reads a stack through its API, whatever the API wants of a caller.

The outputs it is given name no table that exists: what it shows, it has from the API.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from integration_tests.api import ApiClient
from integration_tests.command import NO_TABLE, command_on
from integration_tests.pictures import picture, sample
from integration_tests.stack import DeployedStack, LocalRekognition

STACKS = {"stack": "api", "keyed_stack": "keyed_api", "guest_stack": "signed_api"}
MakeKey = Callable[[str], str]
NOTHING_ELSE: dict[str, list[Any]] = {"faces": [], "moderation": [], "text": []}


@pytest.fixture(params=STACKS, ids=["rest-open", "rest-api_key", "http-iam"])
def any_stack(request: pytest.FixtureRequest) -> tuple[DeployedStack, ApiClient]:
    """Each stack in turn, and a client of its API."""
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

    shown = run("result", key, "--json")
    assert (shown.returncode, json.loads(shown.stdout)) == (0, result), shown.stderr
    counted = run("labels", "--json")
    assert json.loads(counted.stdout)["Cat"] >= 1, counted.stderr
    found = json.loads(run("search", "cat", "pet", "--limit", "50", "--json").stdout)["items"]
    match = next(one for one in found if one["key"] == key)
    assert [label["name"] for label in match["labels"]] == ["Cat", "Pet"]
    assert match["versionId"] == result["versionId"]
    watched = run("watch", "--count", "1", "--recent", "1", "--json")
    assert json.loads(watched.stdout)["sequencer"], watched.stderr


def test_pages_of_the_api_are_followed(
    stack: DeployedStack, api: ApiClient, key: MakeKey, session_rekognition: LocalRekognition, tmp_path: Path
) -> None:
    session_rekognition.set_rules([{"match": {"key": "*/paged.jpg"}, "labels": ["Quokka"], **NOTHING_ELSE}])
    keys = [api.upload(picture(key(str(number))), "paged.jpg") for number in range(3)]
    for one in keys:
        api.wait_for_result(one)
    session_rekognition.set_rules([])
    run = command_on(stack, tmp_path / "command", without_table(stack))

    found: list[str] = []
    cursor: list[str] = []
    for _ in keys:
        page = json.loads(run("search", "quokka", "--limit", "1", *cursor, "--json").stdout)
        found += [item["key"] for item in page["items"]]
        cursor = ["--cursor", page["cursor"]] if "cursor" in page else []

    assert sorted(found) == sorted(keys)


def test_says_what_is_wrong_with_a_key(keyed_stack: DeployedStack, tmp_path: Path) -> None:
    run = command_on(keyed_stack, tmp_path / "command")

    done = run("labels", LABELSTACK_API_KEY="wrong")

    assert done.returncode == 1
    told = " ".join(done.stderr.split())
    words = " FORBIDDEN: " if keyed_stack.cloud.capabilities.gateway_responses else ": Forbidden."
    assert f"answered 403{words}" in told
    assert "It does not take the key in LABELSTACK_API_KEY: set LABELSTACK_API_KEY to one of" in told


def test_an_address_and_a_key_are_enough(keyed_stack: DeployedStack, keyed_api: ApiClient, tmp_path: Path) -> None:
    given = {name: keyed_stack.outputs[name] for name in ("apiUrl", "apiAccess", "uploadPrefix")}
    run = command_on(keyed_stack, tmp_path / "command", given)

    # Neither an embedded cloud nor a LocalStack is there.
    elsewhere = {"LABELSTACK_STATE_DIR": str(tmp_path / "nothing"), "AWS_ENDPOINT_URL": "http://localhost:1"}
    done = run("labels", "--json", LABELSTACK_API_KEY=keyed_api.access_key, **elsewhere)

    assert done.returncode == 0, done.stderr
    assert isinstance(json.loads(done.stdout), dict)


def test_results_outside_the_prefix_are_the_table_s(stack: DeployedStack, key: MakeKey, tmp_path: Path) -> None:
    outside = key("outside.jpg")
    stack.wait_for_result(stack.upload(outside, picture(outside)))

    shown = command_on(stack, tmp_path / "with")("result", outside, "--json")
    broken = command_on(stack, tmp_path / "without", without_table(stack))("result", outside, "--json")

    assert json.loads(shown.stdout)["key"] == outside, shown.stderr
    assert (broken.returncode, "ResourceNotFoundException" in broken.stderr) == (1, True)


def test_uploads_are_waited_for_and_read(stack: DeployedStack, key: MakeKey, tmp_path: Path) -> None:
    file = tmp_path / "cat.png"
    file.write_bytes(sample("cat.png"))
    run = command_on(stack, tmp_path / "command")

    uploaded = run("upload", file, "--prefix", f"uploads/{key('x')}/", "--wait", "--json")
    line = json.loads(uploaded.stdout)

    assert line["status"] == "LABELED", uploaded.stderr
    assert json.loads(run("result", line["key"], "--json").stdout)["versionId"] == line["versionId"]
    deleted = run("delete", line["key"])
    assert deleted.returncode == 0, deleted.stderr
    gone = run("result", line["key"])
    assert "the picture was deleted" in gone.stderr
