"""Announcing by both functions, on fakes: each result once, nothing forgotten, and no result harmed by it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from handlers.labelling.errors import AnnouncementError
from handlers.labelling.events import EventKind, Outcome
from handlers.labelling.metrics import Metric
from handlers.labelling.outbox import CLAIM, DeliveringOutbox
from handlers.labelling.pipeline import Pipeline, Recorder
from handlers.results import keys
from handlers.results.errors import AnnouncementClaimedError, TableUnavailableError
from handlers.results.item import OUTBOX_ATTRIBUTES
from handlers.results.table import ResultsWriter
from tests.handlers.assembling import Fakes, events_queue, fail_at, process
from tests.handlers.factories import BUCKET, event, jpeg
from tests.handlers.schemas import faults


def nothing() -> None:
    """Do nothing: a target's default before it takes a result."""


@dataclass
class FakeTargets:
    """A results bucket and a topic."""

    documents: dict[str, Any] = field(default_factory=dict)
    messages: list[dict[str, Any]] = field(default_factory=list)
    before_put: Callable[[], None] = nothing
    before_publish: Callable[[], None] = nothing

    def put_object(self, *, Key: str, Body: bytes, **_: str) -> None:
        self.before_put()
        self.documents[Key] = json.loads(Body)

    def publish(self, *, Message: str, **_: Any) -> None:
        self.before_publish()
        self.messages.append(json.loads(Message))

    @property
    def bucket(self) -> Any:
        """Return this as a client, and the bucket's name."""
        return self, "documents"

    @property
    def topic(self) -> Any:
        """Return this as a client, and the topic's ARN."""
        return self, "topic"


def refuse() -> None:
    raise AnnouncementError("no such topic")


class Crash(BaseException):
    """The function's end, at any moment."""


def crash() -> None:
    raise Crash


@dataclass
class World(Fakes):
    """Both functions, and all they see."""

    targets: FakeTargets = field(default_factory=FakeTargets)
    has_bucket: bool = True
    has_topic: bool = True

    @property
    def outbox(self) -> DeliveringOutbox | None:
        if not (self.has_bucket or self.has_topic):
            return None
        return DeliveringOutbox(
            self.rows,
            self.targets.bucket if self.has_bucket else None,
            self.targets.topic if self.has_topic else None,
            Decimal(0),
            self.metrics,
            lambda: self.now,
            self.warnings.append,
        )

    def pipeline(self) -> Pipeline:
        return self.assembled(outbox=self.outbox)

    def process(self, **of_event: Any) -> Outcome:
        return process(self.pipeline(), self.objects.with_header(event(**of_event)))

    def recorder(self) -> Recorder:
        results = ResultsWriter(self.rows, sleep=lambda _: None)
        return Recorder(BUCKET, results, self.outbox, self.metrics, lambda: self.now)

    def record_failure(self, **of_event: Any) -> str:
        return self.recorder().record_failure(event(**of_event)).outcome

    def result(self, key: str = "cat.jpg") -> dict[str, Any]:
        return self.rows.items[keys.image_place(key)]

    def waits(self) -> bool:
        return bool(set(self.result()) & set(OUTBOX_ATTRIBUTES))

    @property
    def announced(self) -> list[tuple[str, str]]:
        return [(message["key"], message["status"]) for message in self.targets.messages]


@pytest.fixture
def world() -> Iterator[World]:
    with ThreadPoolExecutor(8) as operations:
        started = World(operations)
        started.objects.add("cat.jpg", jpeg())
        yield started


def test_result_becomes_a_document_and_a_message_that_names_it(world: World) -> None:
    assert world.process() is Outcome.LABELED

    [(key, document)] = world.targets.documents.items()
    [message] = world.targets.messages
    assert faults(document, "result") == []
    assert faults(message, "notification") == []
    assert (document["status"], document["labels"][0]["name"]) == ("LABELED", "Cat")
    assert message["document"] == {"bucket": "documents", "key": key}
    assert not world.waits()
    counts = world.metrics.take()[0]
    assert (counts[Metric.RESULTS_ANNOUNCED], Metric.ANNOUNCEMENTS_FAILED in counts) == (1, False)


def test_rejected_and_failed_pictures_are_told_too(world: World) -> None:
    world.objects.add("text.jpg", b"This is no picture.")

    world.process(key="text.jpg")
    world.record_failure(key="failed.jpg")

    assert world.announced == [("text.jpg", "REJECTED"), ("failed.jpg", "FAILED")]
    assert [faults(message, "notification") for message in world.targets.messages] == [[], []]


def test_deletes_are_not_told_and_the_version_s_document_stays(world: World) -> None:
    world.process()
    world.process(kind=EventKind.REMOVED, sequencer=2, version_id="marker")

    assert world.announced == [("cat.jpg", "LABELED")]
    assert len(world.targets.documents) == 1
    assert not world.waits()


def test_success_after_a_failure_is_told_as_well(world: World) -> None:
    world.record_failure()
    world.process()

    assert world.announced == [("cat.jpg", "FAILED"), ("cat.jpg", "LABELED")]
    assert len({message["id"] for message in world.targets.messages}) == 2
    [document] = world.targets.documents.values()
    assert document["status"] == "LABELED"


def test_same_event_a_hundred_times_is_told_once(world: World) -> None:
    pipeline, occurrence = world.pipeline(), world.objects.with_header(event())

    def deliver(_: int) -> str:
        try:
            return str(process(pipeline, occurrence))
        except AnnouncementClaimedError:
            return "COMES AGAIN"

    with ThreadPoolExecutor(10) as pool:
        outcomes = set(pool.map(deliver, range(100)))

    assert outcomes <= {"LABELED", "STALE", "COMES AGAIN"}
    assert world.announced == [("cat.jpg", "LABELED")]


def test_same_event_on_another_instance_meanwhile_comes_again_and_is_told_once(world: World) -> None:
    meanwhile: list[str] = []

    def another_instance() -> None:
        world.targets.before_publish = nothing
        with pytest.raises(AnnouncementClaimedError):
            world.process()
        meanwhile.append("came")

    world.targets.before_publish = another_instance

    assert world.process() is Outcome.LABELED
    assert world.process() is Outcome.STALE

    assert meanwhile == ["came"]
    assert world.announced == [("cat.jpg", "LABELED")]


@pytest.mark.parametrize("target", ["before_put", "before_publish"])
def test_result_that_could_not_be_told_is_told_when_its_event_comes_again(world: World, target: str) -> None:
    setattr(world.targets, target, refuse)
    with pytest.raises(AnnouncementError):
        world.process()
    assert (world.result()["status"], world.result()["gsi1pk"]) == ("LABELED", "UNANNOUNCED")
    assert world.metrics.take()[0][Metric.ANNOUNCEMENTS_FAILED] == 1

    setattr(world.targets, target, nothing)
    assert world.process() is Outcome.STALE

    assert world.announced == [("cat.jpg", "LABELED")]
    assert not world.waits()
    assert len(world.rekognition.calls) == 1


@pytest.mark.parametrize("target", ["before_put", "before_publish"])
def test_picture_whose_announcement_fails_for_good_stays_labelled(world: World, target: str) -> None:
    setattr(world.targets, target, refuse)
    with pytest.raises(AnnouncementError):
        world.process()
    before = world.result()

    for _ in range(3):
        with pytest.raises(AnnouncementError):
            world.record_failure()

    assert {**world.result(), "gsi1sk": ""} == {**before, "gsi1sk": ""}
    setattr(world.targets, target, nothing)
    assert world.record_failure() == "STALE"
    assert world.announced == [("cat.jpg", "LABELED")]
    assert not world.waits()


def test_failure_that_could_not_be_told_is_told_when_it_comes_again(world: World) -> None:
    world.targets.before_publish = refuse
    with pytest.raises(AnnouncementError):
        world.record_failure()
    assert world.result()["status"] == "FAILED"

    world.targets.before_publish = nothing
    assert world.record_failure() == "STALE"

    assert world.announced == [("cat.jpg", "FAILED")]


def test_who_dies_before_telling_leaves_it_to_the_next(world: World) -> None:
    world.targets.before_publish = crash
    with pytest.raises(Crash):
        world.process()
    world.targets.before_publish = nothing

    with pytest.raises(AnnouncementClaimedError):
        world.process()
    world.now += CLAIM + timedelta(seconds=1)
    assert world.process() is Outcome.STALE

    assert world.announced == [("cat.jpg", "LABELED")]


def test_who_dies_after_telling_tells_again_with_the_same_id(world: World) -> None:
    def fail(operation: str) -> None:
        if operation == "update":
            raise Crash

    world.rows.fail = fail
    with pytest.raises(Crash):
        world.process()
    world.rows.fail = lambda operation: None
    world.now += CLAIM + timedelta(seconds=1)
    world.process()

    first, second = world.targets.messages
    assert first == second


def test_purge_of_an_old_version_tells_what_its_upload_could_not(world: World) -> None:
    world.objects.add("cat.jpg", jpeg(seed=2), "v2")
    world.targets.before_publish = refuse
    with pytest.raises(AnnouncementError):
        world.process(sequencer=2, version_id="v2")

    world.targets.before_publish = nothing
    world.objects.purge("cat.jpg", "v1")
    assert world.process(kind=EventKind.PURGED, sequencer=3, version_id="v1") is Outcome.UNCHANGED
    assert world.process(sequencer=2, version_id="v2") is Outcome.STALE

    assert [message["versionId"] for message in world.targets.messages] == ["v2"]


def test_newer_upload_is_told_though_the_older_could_not_be(world: World) -> None:
    world.objects.add("cat.jpg", jpeg(seed=2), "v2")
    world.targets.before_publish = refuse
    with pytest.raises(AnnouncementError):
        world.process(sequencer=1, version_id="v1")

    world.targets.before_publish = nothing
    world.process(sequencer=2, version_id="v2")
    assert world.process(sequencer=1, version_id="v1") is Outcome.STALE

    assert [message["versionId"] for message in world.targets.messages] == ["v2"]
    assert not world.waits()


def test_release_that_fails_is_only_warned_of(world: World) -> None:
    def refuse_all() -> None:
        world.rows.fail = unavailable
        refuse()

    def unavailable(operation: str) -> None:
        raise TableUnavailableError("throttled")

    world.targets.before_publish = refuse_all

    with pytest.raises(AnnouncementError):
        world.process()

    assert [warning for warning in world.warnings if "claim" in warning] == world.warnings[:1]


@pytest.mark.parametrize(("bucket", "topic"), [(True, False), (False, True)])
def test_one_target_alone_will_do(world: World, bucket: bool, topic: bool) -> None:
    world.has_bucket, world.has_topic = bucket, topic

    world.process()

    assert (len(world.targets.documents), len(world.targets.messages)) == (bucket, topic)
    assert all("document" not in message for message in world.targets.messages)
    assert not world.waits()


def test_without_targets_items_are_written_once_and_bear_no_trace(world: World) -> None:
    def no_change(operation: str) -> None:
        assert operation != "update"

    world.has_bucket = world.has_topic = False
    world.rows.fail = no_change

    world.process()
    world.process()
    world.record_failure(key="failed.jpg")

    assert not world.waits()
    assert not set(world.result("failed.jpg")) & set(OUTBOX_ATTRIBUTES)


@pytest.mark.parametrize("error", [AnnouncementError("no"), AnnouncementClaimedError("later")])
def test_failure_to_tell_is_not_noted_as_a_reason_of_the_picture(world: World, error: Exception) -> None:
    fail_at(event(), error, events_queue(world.rows))

    assert world.rows.items == {}
