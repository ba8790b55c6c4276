"""The workflow's steps on their own: the state that they pass on, unchanged parts, and errors."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from aws_lambda_powertools import Logger
from botocore.stub import Stubber

from handlers.labelling.errors import (
    AnnouncementError,
    ObjectGoneError,
    PictureRejectedError,
    RekognitionDeniedError,
    RekognitionThrottledError,
    TransientError,
)
from handlers.labelling.events import Deadline, EventKind
from handlers.labelling.metrics import Metric, Metrics
from handlers.labelling.outbox import Outbox
from handlers.labelling.pipeline import Pipeline
from handlers.labelling.s3_objects import StoredObject
from handlers.labelling.workflow import (
    StepFunction,
    client_config,
    decode_answer,
    decode_event,
    encode_answer,
    encode_event,
    error_of,
    fail,
    inspect,
    notify,
    recognise,
    run,
    store,
)
from handlers.results.codes import Code
from handlers.results.item import Answer, PictureHeader, answers_in, content_item
from labelstack.pricing import KNOWN_PICTURE, WORKFLOW_DETECTOR_READS, WORKFLOW_PICTURE
from tests.handlers.factories import event, jpeg, time_of
from tests.handlers.fakes import FakeObjects, stored_object
from tests.handlers.lambda_context import emitted, lambda_context
from tests.handlers.test_two_pipelines import DETECTORS, Happened, World, by_workflow

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

FOREVER = Deadline(1e12)
MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:labels"


@pytest.fixture
def world() -> World:
    return World(FakeObjects(), {})


@pytest.fixture
def pipeline(world: World) -> Iterator[Pipeline]:
    with ThreadPoolExecutor(1) as operations:
        yield world.pipeline(None, operations, Outbox())


def through_json(state: Mapping[str, Any]) -> dict[str, Any]:
    copy: dict[str, Any] = json.loads(json.dumps(state))
    return copy


def ask_all(world: World, state: Mapping[str, Any]) -> dict[str, Any]:
    """Return the state with every detector's answer, as the branches build it."""
    branches = [{"detector": detector, "stored": state["stored"]} for detector in state["missing"]]
    with ThreadPoolExecutor(1) as operations:
        asking = world.pipeline(world.rekognition().detect, operations, Outbox())
        return {**state, "answers": [through_json(recognise(asking, branch, FOREVER)) for branch in branches]}


# --- what travels


@pytest.mark.parametrize("kind", EventKind)
def test_event_survives_the_way(kind: EventKind) -> None:
    original = event("größe +%.jpg", kind=kind, version_id=None, sequencer=9)

    assert decode_event(through_json(encode_event(original))) == original


def test_object_survives_the_way() -> None:
    stored = stored_object("größe.jpg", b"content", None, time_of(3))

    assert StoredObject(**through_json(asdict(stored))) == stored


def test_answer_survives_the_way_as_decimals() -> None:
    answer = Answer(
        {"labels": [{"name": "Größe", "confidence": Decimal("97.1235"), "parents": []}]},  # type: ignore[typeddict-item]  # part of one
        PictureHeader("JPEG", 160, 120, True, {"camera": "X100V", "aperture": Decimal("2.8"), "iso": 400}),
        ("labels",),
    )

    item = content_item("etag", 1000, "labels", "f", answer, 10)

    assert answers_in(decode_answer(encode_answer(item)), {"labels": "f"}, 9) == {"labels": answer}


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("RekognitionThrottledError", RekognitionThrottledError),
        ("Lambda.TooManyRequestsException", RekognitionThrottledError),
        ("RekognitionDeniedError", RekognitionDeniedError),
        ("ObjectGoneError", ObjectGoneError),
        ("AnnouncementError", AnnouncementError),
        ("AnnouncementClaimedError", AnnouncementError),
        ("PictureRejectedError", TransientError),
        ("States.Timeout", TransientError),
        ("KeyError", TransientError),
    ],
)
def test_error_is_known_by_its_name(name: str, error: type[Exception]) -> None:
    assert type(error_of(name)) is error


# --- steps


def test_new_picture_asks_for_every_detector(world: World, pipeline: Pipeline) -> None:
    world.objects.add("cat.jpg", jpeg())

    state = inspect(pipeline, {"event": encode_event(event())}, FOREVER)

    assert state["missing"] == {"labels": True, "faces": True}
    assert "outcome" not in state
    assert world.rows.items == {}


def test_what_is_no_picture_ends_at_once(world: World, pipeline: Pipeline) -> None:
    world.objects.add("cat.jpg", b"text")

    state = inspect(pipeline, {"event": encode_event(event())}, FOREVER)

    assert state["outcome"] == "REJECTED"


def test_rejection_by_a_detector_survives_the_way_with_its_sentence(world: World, pipeline: Pipeline) -> None:
    rejection = PictureRejectedError(Code.NOT_AN_IMAGE, "It has 10 by 10 pixels")

    def reject(*_: object) -> Mapping[str, Any]:
        raise rejection

    world.objects.add("cat.jpg", jpeg())
    state = through_json(inspect(pipeline, {"event": encode_event(event())}, FOREVER))
    with ThreadPoolExecutor(1) as operations:
        branch = {"detector": "labels", "stored": state["stored"]}
        answer = through_json(recognise(world.pipeline(reject, operations, None), branch, FOREVER))

    ended = store(pipeline, {**state, "answers": [answer, {"detector": "faces"}]}, FOREVER)

    item = world.rows.items["IMAGE#cat.jpg", "META"]
    assert (ended["outcome"], item["code"], item["message"]) == ("REJECTED", rejection.code, rejection.sentence)


def test_state_older_than_a_newer_upload_overwrites_nothing(world: World, pipeline: Pipeline) -> None:
    old, new = event(sequencer=1, version_id="v1"), event(sequencer=2, version_id="v2")
    world.objects.add("cat.jpg", jpeg(seed=1), "v1")
    slow = ask_all(world, through_json(inspect(pipeline, {"event": encode_event(old)}, FOREVER)))
    world.objects.add("cat.jpg", jpeg(seed=2), "v2")
    fast = ask_all(world, through_json(inspect(pipeline, {"event": encode_event(new)}, FOREVER)))
    assert store(pipeline, fast, FOREVER)["outcome"] == "LABELED"
    before = {place: dict(item) for place, item in world.rows.items.items() if place[0].startswith("IMAGE#")}

    ended = store(pipeline, slow, FOREVER)

    assert ended["outcome"] == "STALE"
    assert {place: item for place, item in world.rows.items.items() if place[0].startswith("IMAGE#")} == before
    assert before["IMAGE#cat.jpg", "META"]["versionId"] == "v2"


def test_state_older_than_a_delete_brings_nothing_back(world: World, pipeline: Pipeline) -> None:
    world.objects.add("cat.jpg", jpeg())
    slow = ask_all(world, through_json(inspect(pipeline, {"event": encode_event(event())}, FOREVER)))
    removed = event(kind=EventKind.REMOVED, sequencer=2, version_id="marker")
    assert inspect(pipeline, {"event": encode_event(removed)}, FOREVER)["outcome"] == "DELETED"

    assert store(pipeline, slow, FOREVER)["outcome"] == "STALE"

    assert [item["status"] for item in world.rows.items.values() if "status" in item] == ["DELETED"]


def test_failure_that_comes_after_a_newer_result_overwrites_nothing(world: World, pipeline: Pipeline) -> None:
    world.objects.add("cat.jpg", jpeg(), "v2")
    new = event(sequencer=2, version_id="v2")
    store(pipeline, ask_all(world, through_json(inspect(pipeline, {"event": encode_event(new)}, FOREVER))), FOREVER)
    recorder = world.recorder(Outbox())

    ended = fail(recorder, {"event": encode_event(event()), "failure": {"Error": "RekognitionDeniedError"}}, FOREVER)

    assert ended["outcome"] == "STALE"
    assert world.rows.items["IMAGE#cat.jpg", "META"]["status"] == "LABELED"


def test_error_of_one_detector_keeps_what_the_other_said(world: World, pipeline: Pipeline) -> None:
    world.objects.add("cat.jpg", jpeg())
    state = ask_all(world, through_json(inspect(pipeline, {"event": encode_event(event())}, FOREVER)))
    state["answers"][1] = {"detector": "faces", "error": "RekognitionThrottledError"}

    with pytest.raises(RekognitionThrottledError):
        store(pipeline, state, FOREVER)

    again = inspect(pipeline, {"event": encode_event(event())}, FOREVER)
    assert again["missing"] == {"labels": False, "faces": True}


def test_refused_picture_is_failed_with_its_reason_and_told(world: World) -> None:
    recorder = world.recorder(Outbox())
    state = {"event": encode_event(event()), "failure": {"Error": "RekognitionDeniedError", "Cause": "{}"}}

    ended = through_json(fail(recorder, state, FOREVER))
    notified = notify(world.outbox, ended, FOREVER)

    assert (ended["outcome"], notified["outcome"], notified["announced"]) == ("FAILED", "FAILED", True)
    assert world.rows.items["IMAGE#cat.jpg", "META"]["code"] == "REKOGNITION_ACCESS_DENIED"
    assert [message["status"] for message in world.targets.messages] == ["FAILED"]


def test_result_is_told_once_however_often_its_event_comes(world: World, pipeline: Pipeline) -> None:
    world.objects.add("cat.jpg", jpeg())
    stored = store(
        pipeline, ask_all(world, through_json(inspect(pipeline, {"event": encode_event(event())}, FOREVER))), FOREVER
    )
    assert world.targets.messages == []

    announced = [notify(world.outbox, stored, FOREVER)["announced"] for _ in range(3)]

    assert announced == [True, False, False]
    assert len(world.targets.messages) == 1


def test_requests_of_a_new_and_of_a_known_picture_are_as_the_estimate_has_them(world: World) -> None:
    s3, put = count_calls(world.objects, "open"), count_items(world.rows, "put_items")
    read = count_items(world.rows, "read_items")
    first, second = (Happened(EventKind.CREATED, f"{name}.jpg", 1, "v1", jpeg()) for name in "ab")
    for picture in (first, second):
        world.objects.add(picture.key, picture.content, "v1")

    def requests(happened: Happened) -> tuple[int, int, int]:
        for counts in (s3, read, put):
            counts.clear()
        by_workflow(world, [happened], publishes=False)
        return len(s3), sum(read), sum(put)

    detectors = len(DETECTORS)
    for happened, expected, by_detectors in (
        (first, WORKFLOW_PICTURE, WORKFLOW_DETECTOR_READS),
        (second, KNOWN_PICTURE, 0),
    ):
        assert requests(happened) == (
            expected.s3_reads + detectors * by_detectors,
            expected.image_reads + detectors * expected.content_reads,
            detectors * expected.content_writes,
        )


def count_items(port: Any, name: str) -> list[int]:
    """Return how many items each call of a port's method is about, from now on."""
    return count_calls(port, name, len)


def count_calls(port: Any, name: str, size: Callable[[Any], int] = lambda _: 1) -> list[int]:
    counts: list[int] = []
    original = getattr(port, name)

    def call(first: Any, *others: Any) -> Any:
        counts.append(size(first))
        return original(first, *others)

    setattr(port, name, call)
    return counts


# --- the edges


def test_step_logs_keys_and_publishes_its_counts(capsys: pytest.CaptureFixture[str]) -> None:
    log, metrics = io.StringIO(), Metrics()

    def count(state: Mapping[str, Any], deadline: Deadline) -> dict[str, Any]:
        metrics.add(Metric.REKOGNITION_CALLS)
        assert 50 < deadline.remaining_s < 60
        return {"outcome": "LABELED"}

    logger = Logger(service="step", stream=log)
    step = StepFunction(count, metrics, logger)
    step.handle({"event": encode_event(event("a b.jpg"))}, lambda_context())

    line = json.loads(log.getvalue())
    assert (line["message"], line["key"], line["outcome"]) == ("Step done", "a b.jpg", "LABELED")
    assert emitted(capsys)["RekognitionCalls"] == [1.0]


def test_step_raises_its_error_for_step_functions_to_know_by_name() -> None:
    def fail(state: Mapping[str, Any], deadline: Deadline) -> dict[str, Any]:
        raise RekognitionThrottledError("slow down")

    log = io.StringIO()
    step = StepFunction(fail, Metrics(), Logger(service="failing", stream=log))

    with pytest.raises(RekognitionThrottledError):
        step.handle({"stored": {"key": "cat.jpg"}}, lambda_context())

    line = json.loads(log.getvalue())
    assert (line["key"], line["error_type"]) == ("cat.jpg", "RekognitionThrottledError")


@pytest.fixture
def stubbed() -> Iterator[tuple[SFNClient, Stubber]]:
    client = boto3.client(
        "stepfunctions",
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=client_config(1),
    )
    with Stubber(client) as stub:
        yield client, stub


def ended(**more: Any) -> dict[str, Any]:
    return {"executionArn": MACHINE, "startDate": time_of(1), "stopDate": time_of(2), **more}


def test_execution_gives_its_outcome(stubbed: tuple[SFNClient, Stubber]) -> None:
    client, stub = stubbed
    request = {"stateMachineArn": MACHINE, "input": json.dumps({"event": encode_event(event())})}
    stub.add_response("start_sync_execution", ended(status="SUCCEEDED", output='{"outcome": "LABELED"}'), request)

    assert run(client, MACHINE, event()).outcome == "LABELED"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"status": "FAILED", "error": "RekognitionThrottledError"}, RekognitionThrottledError),
        ({"status": "FAILED", "error": "AnnouncementClaimedError"}, AnnouncementError),
        ({"status": "TIMED_OUT"}, TransientError),
    ],
)
def test_execution_that_fails_raises_what_it_failed_with(
    stubbed: tuple[SFNClient, Stubber], answer: dict[str, str], error: type[Exception]
) -> None:
    client, stub = stubbed
    stub.add_response("start_sync_execution", ended(**answer))

    with pytest.raises(error):
        run(client, MACHINE, event())


def test_execution_that_does_not_begin_is_tried_again_later(stubbed: tuple[SFNClient, Stubber]) -> None:
    client, stub = stubbed
    stub.add_client_error("start_sync_execution", "AccessDeniedException", http_status_code=403)

    with pytest.raises(TransientError, match="could not be run"):
        run(client, MACHINE, event())
