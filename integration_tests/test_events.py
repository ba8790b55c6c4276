"""Events as S3 and SQS really deliver them: repeated, late, out of order, foreign, and unreadable."""

from __future__ import annotations

import json
from collections.abc import Callable

from integration_tests.events import s3_event
from integration_tests.pictures import picture
from integration_tests.stack import DeployedStack, LocalRekognition, Uploaded, wait_for

MakeKey = Callable[[str], str]
BURST = 25  # two batches and a half: more than one instance of the function takes at once


def event_of(stack: DeployedStack, uploaded: Uploaded, sequencer: str) -> str:
    return s3_event(stack.outputs["uploadBucket"], uploaded.key, sequencer, version_id=uploaded.version_id)


def image_items(stack: DeployedStack, key: str) -> list[dict[str, object]]:
    """Return a picture's items, once they need no more work."""
    stack.wait_until_announced(key)
    return [item for item in stack.everything() if item["pk"] == f"IMAGE#{key}"]


def test_same_event_a_hundred_times_changes_nothing(stack: DeployedStack, key: MakeKey) -> None:
    uploaded = stack.upload(key("picture.jpg"), picture("a hundred times"))
    stack.wait_for_result(uploaded)
    before = image_items(stack, uploaded.key)
    sequencer = next(str(item["sequencer"]) for item in before if "sequencer" in item)

    for _ in range(100):
        stack.send(event_of(stack, uploaded, sequencer))
    stack.wait_until_quiet()

    assert image_items(stack, uploaded.key) == before


def test_older_event_that_comes_late_is_ignored(stack: DeployedStack, key: MakeKey) -> None:
    name = key("picture.jpg")
    old = stack.upload(name, picture("old"))
    stack.wait_for_result(old)
    new = stack.upload(name, picture("new"))
    stack.wait_for_result(new)
    before = image_items(stack, name)

    stack.send(event_of(stack, old, "01"))
    stack.wait_until_quiet()

    assert image_items(stack, name) == before


def test_upload_that_arrives_after_its_delete_does_not_come_back(stack: DeployedStack, key: MakeKey) -> None:
    name = key("picture.jpg")
    uploaded = stack.upload(name, picture("deleted"))
    stack.wait_for_result(uploaded)
    stack.delete(name)
    wait_for("the tombstone", lambda: (stack.result(name) or {}).get("status"), lambda status: status == "DELETED")

    stack.send(event_of(stack, uploaded, "02"))
    stack.wait_until_quiet()

    assert (stack.result(name) or {})["status"] == "DELETED"


def test_object_deleted_before_it_is_processed_leaves_nothing_pending(stack: DeployedStack, key: MakeKey) -> None:
    name = key("gone.jpg")

    stack.send(s3_event(stack.outputs["uploadBucket"], name, "0A", version_id="no-such-version"))
    stack.wait_until_quiet()

    result = stack.result(name)
    assert result is not None
    assert (result["status"], result["code"]) == ("DELETED", "OBJECT_DELETED")


def test_s3_test_event_is_taken_note_of_and_ends(stack: DeployedStack) -> None:
    before = len(stack.everything())

    stack.send(json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": stack.outputs["uploadBucket"]}))
    stack.wait_until_quiet()

    assert len(stack.everything()) == before


def test_event_of_a_foreign_bucket_is_ignored(stack: DeployedStack, key: MakeKey) -> None:
    name = key("foreign.jpg")

    stack.send(s3_event("somebody-elses-bucket", name, "0B"))
    stack.wait_until_quiet()

    assert stack.result(name) is None


def test_poison_message_is_kept_and_the_queue_goes_on(stack: DeployedStack, key: MakeKey) -> None:
    message_id = stack.send("}{ this is not an event")

    after = stack.wait_for_result(stack.upload(key("after.jpg"), picture("after the poison")))

    kept = wait_for("the poison message", lambda: stack.item(f"UNREADABLE#{message_id}", "META"), bool)
    assert kept is not None
    assert kept["code"] == "UNREADABLE_MESSAGE"
    assert "this is not an event" in kept["body"]
    assert after["status"] == "LABELED"


def test_burst_of_pictures_none_lost_none_doubled(stack: DeployedStack, session_rekognition: LocalRekognition) -> None:
    # A rule answers, because this tests the pipeline and not the speed of this machine's detectors.
    rule = {"labels": [{"name": "Burst"}, {"name": "Box"}], "faces": [], "moderation": [], "text": []}
    session_rekognition.set_rules([{"match": {"key": "burst/*"}, **rule}])
    uploaded = [stack.upload(f"burst/{n}.jpg", picture(f"burst {n}")) for n in range(BURST)]

    results = stack.wait_for_results(uploaded)

    session_rekognition.set_rules([])
    assert {result["status"] for result in results} == {"LABELED"}
    stack.wait_until_quiet()
    assert stack.label_count("Burst") == len(uploaded)
    entries = sum(1 for item in stack.everything() if str(item["sk"]).startswith("LABEL#"))
    counted = sum(
        int(value)
        for item in stack.everything()
        if item["pk"] == "LABELCOUNTS"
        for name, value in item.items()
        if name.startswith("n:")
    )
    assert counted == entries
