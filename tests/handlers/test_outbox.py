"""The publishing of a stored result: claims, and marks on the item."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from handlers.labelling.errors import AnnouncementError
from handlers.labelling.metrics import Metrics
from handlers.labelling.outbox import CLAIM, DeliveringOutbox, Outbox
from handlers.results import keys
from handlers.results.errors import AnnouncementClaimedError
from handlers.results.item import OUTBOX_ATTRIBUTES, OutboxEntry, Snapshot, Write, moved
from handlers.results.table import ResultsWriter, Rows
from tests.handlers.factories import label, labeled, position, time_of
from tests.handlers.fakes import FakeRows

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEY = "cat.jpg"
PLACE = keys.image_place(KEY)


class Crash(BaseException):
    """The function's end, at any moment."""


@dataclass
class FakeTopic:
    """A topic that takes every message, unless a test says otherwise."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    error: BaseException | None = None

    def publish(self, *, Message: str, **_: Any) -> None:
        if self.error:
            raise self.error
        self.messages.append(json.loads(Message))


@dataclass
class World:
    """A table, its writer and its outbox at a time that the test sets."""

    rows: Rows
    now: datetime = field(default_factory=lambda: time_of(100))
    topic: FakeTopic = field(default_factory=FakeTopic)

    @property
    def outbox(self) -> DeliveringOutbox:
        topic: Any = self.topic, "topic"
        return DeliveringOutbox(self.rows, None, topic, Decimal(0), Metrics(), lambda: self.now, warn=lambda text: None)

    @property
    def writer(self) -> ResultsWriter:
        return ResultsWriter(self.rows, sleep=lambda _: None)

    def store(self, sequencer: int = 1, *, claimed: bool = True) -> tuple[Write, OutboxEntry]:
        write = labeled(KEY, label("Cat"), sequencer=sequencer)
        entry = (self.outbox if claimed else Outbox()).entry(write.result, write.event_time)
        assert self.writer.write(Write(write.result, write.event_time, outbox=entry))
        return write, entry

    def deliver(self, stored: tuple[Write, OutboxEntry], error: BaseException | None = None) -> None:
        """Publish a stored result; with an error, the topic refuses it."""
        self.topic.error = error
        try:
            self.outbox.deliver(stored[0].result, stored[1])
        except (AnnouncementError, Crash):
            assert error
        self.topic.error = None

    def move(self, snapshot: Snapshot) -> bool:
        write = moved(snapshot.image, "v1", position(5))
        return write is not None and self.writer.write(write, snapshot) is not None

    def image(self) -> dict[str, Any]:
        return dict(self.rows.read_items([PLACE]).get(PLACE, {}))


@pytest.fixture(params=["memory", "dynamodb"])
def world(request: pytest.FixtureRequest) -> World:
    if request.param == "memory":
        return World(FakeRows())
    client: DynamoDBClient = request.getfixturevalue("dynamodb")
    return World(Rows(client, request.getfixturevalue("table_name")))


def test_stored_result_is_its_writer_s_to_publish(world: World) -> None:
    world.store()

    with pytest.raises(AnnouncementClaimedError):
        world.outbox.resume(KEY)


def test_claim_of_who_died_runs_out(world: World) -> None:
    _, entry = world.store()
    world.now += CLAIM + timedelta(seconds=1)
    world.topic.error = Crash()

    with pytest.raises(Crash):
        world.outbox.resume(KEY)
    with pytest.raises(AnnouncementClaimedError):
        world.outbox.resume(KEY)

    world.now += CLAIM + timedelta(seconds=1)
    world.topic.error = None
    assert world.outbox.resume(KEY)
    [message] = world.topic.messages
    assert (message["id"], [label_item["name"] for label_item in message["labels"]]) == (entry.id, ["Cat"])


def test_result_that_nobody_claims_can_be_published_at_once(world: World) -> None:
    world.store(claimed=False)

    assert world.outbox.resume(KEY)


def test_published_result_waits_for_nothing(world: World) -> None:
    world.deliver(world.store())

    assert not world.outbox.resume(KEY)
    assert not set(world.image()) & set(OUTBOX_ATTRIBUTES)


def test_refused_result_is_listed_and_can_be_published_later(world: World) -> None:
    world.deliver(world.store(), AnnouncementError("no"))

    assert world.image()["gsi1pk"] == keys.UNANNOUNCED
    assert world.image()["gsi1sk"].endswith("#cat.jpg")
    assert world.outbox.resume(KEY)
    assert "gsi1pk" not in world.topic.messages[0]
    assert not set(world.image()) & set(OUTBOX_ATTRIBUTES)


@pytest.mark.parametrize("error", [None, AnnouncementError("no")])
def test_late_note_of_an_older_result_leaves_the_newer_one_waiting(world: World, error: AnnouncementError) -> None:
    older = world.store(1)
    _, newer = world.store(2)

    world.deliver(older, error)

    assert OutboxEntry.of(world.image()) == newer
    assert "gsi1pk" not in world.image()


def test_result_that_moves_waits_on_for_the_same_publication(world: World) -> None:
    stored = world.store()
    world.deliver(stored, AnnouncementError("no"))

    assert world.move(world.writer.read(KEY))

    assert world.image()["sequencer"] == position(5).sequencer
    assert world.image()["gsi1pk"] == keys.UNANNOUNCED
    assert world.outbox.resume(KEY)
    assert [message["id"] for message in world.topic.messages] == [stored[1].id]


def test_result_that_is_published_while_it_moves_does_not_wait_again(world: World) -> None:
    stored = world.store()
    snapshot = world.writer.read(KEY)
    world.deliver(stored)

    assert world.move(snapshot)

    assert world.image()["sequencer"] == position(5).sequencer
    assert not world.outbox.resume(KEY)


def test_result_that_is_not_published_has_no_trace_of_it(world: World) -> None:
    world.writer.write(labeled(KEY, label("Cat")))

    assert not set(world.image()) & set(OUTBOX_ATTRIBUTES)
    assert not world.outbox.resume(KEY)


def test_picture_without_a_result_waits_for_nothing(world: World) -> None:
    assert not world.outbox.resume("nothing.jpg")


def test_publication_of_each_result_has_an_id_of_its_own() -> None:
    def id_of(change: Callable[[Write], None] = lambda write: None, sequencer: int = 1) -> str:
        write = labeled(KEY, sequencer=sequencer)
        change(write)
        return World(FakeRows()).outbox.entry(write.result, write.event_time).id

    def fail(write: Write) -> None:
        write.result["status"] = "FAILED"

    def process_later(write: Write) -> None:
        write.result["processedAt"] = "later"

    assert id_of(process_later) == id_of()
    assert len({id_of(), id_of(fail), id_of(sequencer=2)}) == 3
