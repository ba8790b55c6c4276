"""The stack with `pipeline: workflow`: EventBridge, an Express workflow for each event, and the queue's results."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from integration_tests import lanes
from integration_tests.conftest import PROJECT
from integration_tests.lanes import Lane
from integration_tests.pictures import picture, sample
from integration_tests.running import RunningCloud
from integration_tests.stack import DeployedStack, LocalRekognition, Uploaded, wait_for
from integration_tests.test_announcements import document, faults, inbox
from integration_tests.test_events import event_of, image_items

Fault = dict[str, Any]
BROKEN: Fault = {"error": {"code": "InternalServerError", "message": "Internal error", "status": 500}}
# Endings by fault: refused at once, broken after the queue's attempts, throttled a few times and then labelled.
FAULTS: dict[str, Fault] = {
    "denied": {"error": {"code": "AccessDeniedException", "message": "User is not authorized", "status": 400}},
    "broken": BROKEN,
    "broken-once": {**BROKEN, "times": 1},
    "throttled": {"error": {"code": "ThrottlingException", "message": "Slow down", "status": 400}, "times": 2},
}
FAILED = {"denied": "REKOGNITION_ACCESS_DENIED", "broken": "REKOGNITION_ERROR"}
# Of a result: which upload it is of, and when it was made.
OF_ITS_OWN = {
    *("bucket", "sequencer", "versionId", "reused"),
    *("uploadedAt", "processedAt", "eventTime", "gsi2sk", "expiresAt"),
}


@pytest.fixture(scope="module")
def ill_fated(workflow_stack: DeployedStack, session_rekognition: LocalRekognition) -> Iterator[dict[str, Uploaded]]:
    """Upload one picture for each fault, all at once."""
    session_rekognition.set_rules([{"match": {"key": f"flow/{name}.jpg"}, **fault} for name, fault in FAULTS.items()])
    run = time.monotonic_ns()  # other bytes in each run: known content would not be analysed
    yield {name: workflow_stack.upload(f"flow/{name}.jpg", picture(f"{name} {run}")) for name in FAULTS}
    session_rekognition.set_rules([])


def wait_until_deleted(stack: DeployedStack, key: str) -> None:
    wait_for("the tombstone", lambda: (stack.result(key) or {}).get("status"), lambda status: status == "DELETED")


def test_upload_becomes_a_result_a_document_and_a_message(workflow_stack: DeployedStack) -> None:
    with inbox(workflow_stack) as messages:
        uploaded = workflow_stack.upload("cat.png", sample("cat.png"))

        result = workflow_stack.wait_for_result(uploaded)

        assert result["status"] == "LABELED"
        assert "Cat" in [label["name"] for label in result["labels"]]
        assert result["detectors"] == ["labels", "faces", "moderation", "text"]
        assert (result["versionId"], result["etag"]) == (uploaded.version_id, uploaded.etag)
        content = document(workflow_stack, uploaded)
        assert faults(content, "result") == []
        [message] = messages.wait(uploaded.key)
        assert (message["status"], message["versionId"]) == ("LABELED", uploaded.version_id)
        workflow_stack.wait_until_announced(uploaded.key)


@pytest.mark.needs("s3_on_eventbridge")
def test_key_may_have_any_characters(workflow_stack: DeployedStack) -> None:
    uploaded = workflow_stack.upload("My summer/café +1%2B.jpg", picture("any characters"))

    assert workflow_stack.wait_for_result(uploaded)["status"] == "LABELED"


def test_known_bytes_are_not_analysed_again(
    workflow_stack: DeployedStack, session_rekognition: LocalRekognition
) -> None:
    content = picture("twice in the workflow")
    workflow_stack.wait_for_result(workflow_stack.upload("first.jpg", content))
    again = workflow_stack.wait_for_result(workflow_stack.upload("second.jpg", content))

    assert (again["status"], again["reused"]) == ("LABELED", True)
    images = session_rekognition.calls()["images"]
    bucket = workflow_stack.outputs["uploadBucket"]
    assert [f"{bucket}/{name}" in images for name in ("first.jpg", "second.jpg")] == [True, False]


def test_what_is_no_picture_is_rejected(workflow_stack: DeployedStack) -> None:
    result = workflow_stack.wait_for_result(workflow_stack.upload("text.jpg", b"This is no picture."))

    assert (result["status"], result["code"]) == ("REJECTED", "NOT_AN_IMAGE")


def test_deleted_picture_leaves_a_tombstone_and_no_labels(workflow_stack: DeployedStack) -> None:
    uploaded = workflow_stack.upload("gone.jpg", picture("deleted in the workflow"))
    workflow_stack.wait_for_result(uploaded)

    workflow_stack.delete(uploaded.key)

    wait_until_deleted(workflow_stack, uploaded.key)
    assert workflow_stack.label_entries(uploaded.key) == {}


@pytest.mark.needs("s3_on_eventbridge")
def test_purged_version_brings_the_older_one_to_light(workflow_stack: DeployedStack) -> None:
    older = workflow_stack.upload("versions.jpg", picture("older version"))
    workflow_stack.wait_for_result(older)
    newer = workflow_stack.upload("versions.jpg", picture("newer version"))
    workflow_stack.wait_for_result(newer)

    workflow_stack.client("s3").delete_object(
        Bucket=workflow_stack.outputs["uploadBucket"], Key=newer.key, VersionId=newer.version_id
    )

    assert workflow_stack.wait_for_result(older)["etag"] == older.etag


def test_older_event_that_comes_late_is_ignored(workflow_stack: DeployedStack) -> None:
    old = workflow_stack.upload("late.jpg", picture("old in the workflow"))
    workflow_stack.wait_for_result(old)
    new = workflow_stack.upload("late.jpg", picture("new in the workflow"))
    workflow_stack.wait_for_result(new)
    workflow_stack.wait_until_announced(new.key)
    before = image_items(workflow_stack, new.key)

    workflow_stack.send(event_of(workflow_stack, old, "01"))
    workflow_stack.wait_until_quiet()

    assert image_items(workflow_stack, new.key) == before


@pytest.mark.parametrize("name", sorted(set(FAULTS) - set(FAILED)))
def test_fault_that_passes_ends_as_labeled(
    workflow_stack: DeployedStack, ill_fated: dict[str, Uploaded], name: str
) -> None:
    assert workflow_stack.wait_for_result(ill_fated[name])["status"] == "LABELED"


@pytest.mark.parametrize("name", FAILED)
def test_lasting_fault_ends_as_failed_and_says_why(
    workflow_stack: DeployedStack, ill_fated: dict[str, Uploaded], name: str
) -> None:
    result = workflow_stack.wait_for_result(ill_fated[name])

    assert (result["status"], result["code"]) == ("FAILED", FAILED[name])
    assert workflow_stack.label_entries(ill_fated[name].key) == {}


def happen(stack: DeployedStack, what: list[tuple[str, bytes | None]]) -> dict[str, dict[str, Any]]:
    """Upload and delete; return each picture's final result with its labels' entries, without an upload's own facts."""
    last = {}
    for key, content in what:
        if content is None:
            stack.delete(key)
        last[key] = None if content is None else stack.upload(key, content)
    ended = {}
    for key, uploaded in last.items():
        if uploaded is None:
            wait_until_deleted(stack, key)
        else:
            stack.wait_for_result(uploaded)
        stack.wait_until_announced(key)
        result = stack.result(key) or {}
        kept = {name: value for name, value in result.items() if name not in OF_ITS_OWN}
        ended[key] = {**kept, "entries": sorted(stack.label_entries(key))}
    return ended


@pytest.mark.needs("s3_on_eventbridge")
def test_both_pipelines_end_in_the_same_results(stack: DeployedStack, workflow_stack: DeployedStack) -> None:
    happens: list[tuple[str, bytes | None]] = [
        *((f"same/{n}.jpg", picture(f"same {n % 2}")) for n in range(4)),
        ("same/0.jpg", picture("same 0, anew")),
        ("same/1.jpg", None),
        ("same/2.jpg", b"no picture any more"),
        ("same/empty.png", b""),
    ]

    by_queue, by_workflow = happen(stack, happens), happen(workflow_stack, happens)

    assert by_workflow == by_queue
    assert {result["status"] for result in by_queue.values()} == {"LABELED", "REJECTED", "DELETED"}


def test_stack_changes_its_pipeline_in_place_and_back(lane: Lane, running: RunningCloud, tmp_path: Path) -> None:
    engine = lanes.engine_for(lane.engine, PROJECT, running.cloud, tmp_path)
    plain = {
        "name": "turn",
        "api": "none",
        "website": "none",
        "previews": "false",
        "apiLogRole": "account",
        "monitoring": "false",
        "notifications": "false",
    }
    settings = {f"labelstack:{key}": value for key, value in plain.items()}
    kept = ("uploadBucket", "resultsTable", "queueUrl", "deadLetterQueueUrl", "failureRecorderFunction")
    try:
        before: dict[str, Any] = {}
        for n, pipeline in enumerate(("queue", "workflow", "queue")):
            outputs = engine.up(lane.stack, {**settings, "labelstack:pipeline": pipeline}).outputs
            stack = DeployedStack(running.cloud, outputs)
            uploaded = stack.upload(f"{n}.jpg", picture(f"turn {n}"))
            assert stack.wait_for_result(uploaded)["status"] == "LABELED"
            assert ("stateMachineArn" in stack.outputs) == (pipeline == "workflow")
            before = before or {name: stack.outputs[name] for name in kept}
            assert {name: stack.outputs[name] for name in kept} == before
    finally:
        engine.destroy(lane.stack)
