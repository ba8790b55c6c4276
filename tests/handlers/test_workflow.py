"""The workflow's steps on their own: what they hand on, what they leave alone, and what they do with errors."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import boto3
import pytest
from aws_lambda_powertools import Logger, Metrics
from botocore.stub import Stubber

from handlers.labelling.detectors import Detector
from handlers.labelling.errors import (
    AnnouncementError,
    ObjectGoneError,
    PictureRejectedError,
    RekognitionDeniedError,
    RekognitionThrottledError,
    TransientError,
    WorkflowUnavailableError,
)
from handlers.labelling.events import EventKind
from handlers.labelling.pacing import Deadline
from handlers.labelling.recognition import OneCall
from handlers.labelling.step import StepFunction
from handlers.labelling.tally import Count, Tally
from handlers.labelling.workflow_ends import AnnouncedLater, FailureStep, NotifyStep
from handlers.labelling.workflow_start import Workflow, client_config
from handlers.labelling.workflow_state import (
    decode_event,
    decode_heard,
    decode_object,
    encode_event,
    encode_heard,
    encode_object,
    error_of,
)
from handlers.labelling.workflow_steps import WorkflowSteps
from handlers.results.cache import Answer, PictureHeader
from handlers.results.codes import Code
from labelstack.pricing import KNOWN_PICTURE, WORKFLOW_DETECTOR_READS, WORKFLOW_PICTURE
from tests.handlers.factories import event, jpeg, time_of
from tests.handlers.fakes import FakeObjects, stored_object
from tests.handlers.lambda_context import emitted, lambda_context
from tests.handlers.test_two_pipelines import Happened, World, by_workflow

FOREVER = Deadline(1e12)
MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:labels"


@pytest.fixture
def world() -> World:
    return World(FakeObjects(), {})


@pytest.fixture
def steps(world: World) -> Iterator[WorkflowSteps]:
    with ThreadPoolExecutor(1) as operations:
        recogniser = OneCall(world.recogniser(), world.tally)
        yield WorkflowSteps(world.processing(recogniser, operations, AnnouncedLater(world.outbox)))


def through_json(state: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(state))
    return found


def asked(steps: WorkflowSteps, state: Mapping[str, Any]) -> dict[str, Any]:
    """The state with every detector's answer, as the branches make it."""
    given = [{"detector": detector, "stored": state["stored"]} for detector in state["missing"]]
    return {**state, "answers": [through_json(steps.recognise(one, FOREVER)) for one in given]}


# --- what travels


@pytest.mark.parametrize("kind", EventKind)
def test_event_survives_the_way(kind: EventKind) -> None:
    one = event("größe +%.jpg", kind=kind, version_id=None, sequencer=9)

    assert decode_event(through_json(encode_event(one))) == one


def test_object_survives_the_way() -> None:
    stored = stored_object("größe.jpg", b"content", None, time_of(3))

    assert decode_object(through_json(encode_object(stored))) == stored


def test_answer_survives_the_way_as_decimals() -> None:
    answer = Answer(
        {"labels": [{"name": "Größe", "confidence": Decimal("97.1235"), "parents": []}]},  # type: ignore[typeddict-item]  # part of one
        PictureHeader("JPEG", 160, 120, converted=True),
        ("labels",),
    )

    heard = decode_heard(through_json(encode_heard(Detector.LABELS, answer)))

    assert heard == answer


def test_rejection_survives_the_way_with_its_sentence() -> None:
    rejection = PictureRejectedError(Code.NOT_AN_IMAGE, "It has 10 by 10 pixels")

    heard = decode_heard(through_json(encode_heard(Detector.LABELS, rejection)))

    assert isinstance(heard, PictureRejectedError)
    assert (heard.code, heard.sentence) == (rejection.code, rejection.sentence)


def test_detector_that_was_not_asked_has_said_nothing() -> None:
    assert decode_heard({"detector": "labels"}) is None


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("RekognitionThrottledError", RekognitionThrottledError),
        ("Lambda.TooManyRequestsException", RekognitionThrottledError),
        ("RekognitionDeniedError", RekognitionDeniedError),
        ("ObjectGoneError", ObjectGoneError),
        ("AnnouncementError", AnnouncementError),
        ("AnnouncementClaimedError", AnnouncementError),
        ("States.Timeout", TransientError),
        ("KeyError", TransientError),
    ],
)
def test_error_is_known_by_its_name(name: str, error: type[Exception]) -> None:
    assert type(error_of(name)) is error
    assert type(decode_heard({"detector": "labels", "error": name})) is error


# --- steps


def test_new_picture_asks_for_every_detector(world: World, steps: WorkflowSteps) -> None:
    world.objects.add("cat.jpg", jpeg())

    state = steps.inspect({"event": encode_event(event())}, FOREVER)

    assert state["missing"] == {"labels": True, "faces": True}
    assert "outcome" not in state
    assert world.rows.items == {}


def test_what_is_no_picture_ends_at_once(world: World, steps: WorkflowSteps) -> None:
    world.objects.add("cat.jpg", b"text")

    state = steps.inspect({"event": encode_event(event())}, FOREVER)

    assert state["outcome"] == "REJECTED"


def test_state_older_than_a_newer_upload_overwrites_nothing(world: World, steps: WorkflowSteps) -> None:
    old, new = event(sequencer=1, version_id="v1"), event(sequencer=2, version_id="v2")
    world.objects.add("cat.jpg", jpeg(seed=1), "v1")
    slow = asked(steps, through_json(steps.inspect({"event": encode_event(old)}, FOREVER)))
    world.objects.add("cat.jpg", jpeg(seed=2), "v2")
    fast = asked(steps, through_json(steps.inspect({"event": encode_event(new)}, FOREVER)))
    assert steps.store(fast, FOREVER)["outcome"] == "LABELED"
    before = {place: dict(item) for place, item in world.rows.items.items() if place[0].startswith("IMAGE#")}

    ended = steps.store(slow, FOREVER)

    assert ended["outcome"] == "STALE"
    assert {place: item for place, item in world.rows.items.items() if place[0].startswith("IMAGE#")} == before
    assert before["IMAGE#cat.jpg", "META"]["versionId"] == "v2"


def test_state_older_than_a_delete_brings_nothing_back(world: World, steps: WorkflowSteps) -> None:
    world.objects.add("cat.jpg", jpeg())
    slow = asked(steps, through_json(steps.inspect({"event": encode_event(event())}, FOREVER)))
    removed = event(kind=EventKind.REMOVED, sequencer=2, version_id="marker")
    assert steps.inspect({"event": encode_event(removed)}, FOREVER)["outcome"] == "DELETED"

    assert steps.store(slow, FOREVER)["outcome"] == "STALE"

    assert [item["status"] for item in world.rows.items.values() if "status" in item] == ["DELETED"]


def test_failure_that_comes_after_a_newer_result_overwrites_nothing(world: World, steps: WorkflowSteps) -> None:
    world.objects.add("cat.jpg", jpeg(), "v2")
    new = event(sequencer=2, version_id="v2")
    steps.store(asked(steps, through_json(steps.inspect({"event": encode_event(new)}, FOREVER))), FOREVER)
    fail = FailureStep(world.recording(AnnouncedLater(world.outbox)))

    ended = fail.record({"event": encode_event(event()), "failure": {"Error": "RekognitionDeniedError"}}, FOREVER)

    assert ended["outcome"] == "STALE"
    assert world.rows.items["IMAGE#cat.jpg", "META"]["status"] == "LABELED"


def test_error_of_one_detector_keeps_what_the_other_said(world: World, steps: WorkflowSteps) -> None:
    world.objects.add("cat.jpg", jpeg())
    state = asked(steps, through_json(steps.inspect({"event": encode_event(event())}, FOREVER)))
    state["answers"][1] = {"detector": "faces", "error": "RekognitionThrottledError"}

    with pytest.raises(RekognitionThrottledError):
        steps.store(state, FOREVER)

    again = steps.inspect({"event": encode_event(event())}, FOREVER)
    assert again["missing"] == {"labels": False, "faces": True}


def test_refused_picture_is_failed_with_its_reason_and_told(world: World) -> None:
    fail = FailureStep(world.recording(AnnouncedLater(world.outbox)))
    state = {"event": encode_event(event()), "failure": {"Error": "RekognitionDeniedError", "Cause": "{}"}}

    ended = through_json(fail.record(state, FOREVER))
    told = NotifyStep(world.announcing).notify(ended, FOREVER)

    assert (ended["outcome"], told["outcome"], told["announced"]) == ("FAILED", "FAILED", True)
    assert world.rows.items["IMAGE#cat.jpg", "META"]["code"] == "REKOGNITION_ACCESS_DENIED"
    assert [message["status"] for message in world.targets.messages] == ["FAILED"]


def test_result_is_told_once_however_often_its_event_comes(world: World, steps: WorkflowSteps) -> None:
    world.objects.add("cat.jpg", jpeg())
    notify = NotifyStep(world.announcing)
    stored = steps.store(asked(steps, through_json(steps.inspect({"event": encode_event(event())}, FOREVER))), FOREVER)
    assert world.targets.messages == []

    announced = [notify.notify(stored, FOREVER)["announced"] for _ in range(3)]

    assert announced == [True, False, False]
    assert len(world.targets.messages) == 1


def test_requests_of_a_new_and_of_a_known_picture_are_as_the_estimate_has_them(world: World) -> None:
    counted: Counter[str] = Counter()
    for port, names in ((world.objects, ("head", "read_start")), (world.rows, ("read_image", "read_partition", "put"))):
        for name in names:
            setattr(port, name, counting(counted, name, getattr(port, name)))
    first, second = (Happened(EventKind.CREATED, f"{name}.jpg", 1, "v1", jpeg()) for name in "ab")
    for one in (first, second):
        world.objects.add(one.key, one.content, "v1")

    def requests(happened: Happened) -> tuple[int, int, int, int]:
        counted.clear()
        by_workflow(world, [happened], announcing=False)
        reads = counted["read_image"] + counted["read_partition"]
        return counted["head"], counted["read_start"], reads, counted["put"]

    asked, known = WORKFLOW_PICTURE, KNOWN_PICTURE
    headers = asked.s3_reads + 2 * WORKFLOW_DETECTOR_READS
    assert requests(first) == (asked.s3_heads, headers, asked.reads, asked.cache_writes)
    assert requests(second) == (known.s3_heads, known.s3_reads, known.reads, known.cache_writes)


def counting(counted: Counter[str], name: str, original: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any) -> Any:
        counted[name] += 1
        return original(*arguments)

    return call


# --- the edges


def test_step_logs_keys_and_publishes_its_counts(capsys: pytest.CaptureFixture[str]) -> None:
    log, tally = io.StringIO(), Tally()

    def count(state: Mapping[str, Any], deadline: Deadline) -> dict[str, Any]:
        tally.add(Count.REKOGNITION_CALLS)
        assert 50 < deadline.remaining_s < 60
        return {"outcome": "LABELED"}

    logger = Logger(service="step", stream=log)
    step = StepFunction(count, tally, logger, Metrics(namespace="Labelstack", service="step"))
    step.handle({"event": encode_event(event("a b.jpg"))}, lambda_context())

    line = json.loads(log.getvalue())
    assert (line["message"], line["key"], line["outcome"]) == ("Step done", "a b.jpg", "LABELED")
    assert emitted(capsys)["RekognitionCalls"] == [1.0]


def test_step_raises_its_error_for_step_functions_to_know_by_name() -> None:
    def fail(state: Mapping[str, Any], deadline: Deadline) -> dict[str, Any]:
        raise RekognitionThrottledError("slow down")

    log = io.StringIO()
    step = StepFunction(fail, Tally(), Logger(service="failing", stream=log), Metrics(namespace="L", service="s"))

    with pytest.raises(RekognitionThrottledError):
        step.handle({"stored": {"key": "cat.jpg"}}, lambda_context())

    line = json.loads(log.getvalue())
    assert (line["key"], line["error_type"]) == ("cat.jpg", "RekognitionThrottledError")


@pytest.fixture
def stubbed() -> Iterator[tuple[Workflow, Stubber]]:
    client = boto3.client(
        "stepfunctions",
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=client_config(1),
    )
    with Stubber(client) as stub:
        yield Workflow(client, MACHINE), stub


def ended(**more: Any) -> dict[str, Any]:
    return {"executionArn": MACHINE, "startDate": time_of(1), "stopDate": time_of(2), **more}


def test_execution_gives_its_outcome(stubbed: tuple[Workflow, Stubber]) -> None:
    workflow, stub = stubbed
    given = {"stateMachineArn": MACHINE, "input": json.dumps({"event": encode_event(event())})}
    stub.add_response("start_sync_execution", ended(status="SUCCEEDED", output='{"outcome": "LABELED"}'), given)

    assert workflow.run(event(), FOREVER) == "LABELED"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"status": "FAILED", "error": "RekognitionThrottledError"}, RekognitionThrottledError),
        ({"status": "FAILED", "error": "AnnouncementClaimedError"}, AnnouncementError),
        ({"status": "TIMED_OUT"}, TransientError),
    ],
)
def test_execution_that_fails_raises_what_it_failed_with(
    stubbed: tuple[Workflow, Stubber], answer: dict[str, str], error: type[Exception]
) -> None:
    workflow, stub = stubbed
    stub.add_response("start_sync_execution", ended(**answer))

    with pytest.raises(error):
        workflow.run(event(), FOREVER)


def test_execution_that_does_not_begin_is_tried_again_later(stubbed: tuple[Workflow, Stubber]) -> None:
    workflow, stub = stubbed
    stub.add_client_error("start_sync_execution", "AccessDeniedException", http_status_code=403)

    with pytest.raises(WorkflowUnavailableError, match="could not be run"):
        workflow.run(event(), FOREVER)
