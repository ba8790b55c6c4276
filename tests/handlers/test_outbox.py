"""Who announces a stored result: claims, and what is left on the item."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from handlers.results import keys
from handlers.results.errors import AnnouncementClaimedError
from handlers.results.outbox import CLAIM, Outbox
from handlers.results.pending import OUTBOX_ATTRIBUTES, Pending
from handlers.results.plan import Write
from handlers.results.rows import DynamoRows, Rows
from handlers.results.writer import ResultsWriter
from tests.handlers.factories import label, labeled, position, time_of
from tests.handlers.fakes import FakeRows

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEY = "cat.jpg"


@dataclass
class World:
    """A table, its writer and its outbox at a time that the test sets."""

    rows: Rows
    now: datetime = field(default_factory=lambda: time_of(100))

    @property
    def outbox(self) -> Outbox:
        return Outbox(self.rows, lambda: self.now)

    @property
    def writer(self) -> ResultsWriter:
        return ResultsWriter(self.rows, sleep=lambda _: None)

    def store(self, sequencer: int = 1, *, claimed: bool = True) -> Pending:
        write = labeled(KEY, label("Cat"), sequencer=sequencer)
        pending = self.outbox.open(write.result, write.event_time, claimed=claimed)
        assert self.writer.write(Write(write.result, write.event_time, pending=pending))
        return pending

    def image(self) -> dict[str, Any]:
        return dict(self.rows.read_image(KEY) or {})


@pytest.fixture(params=["memory", "dynamodb"])
def world(request: pytest.FixtureRequest) -> World:
    if request.param == "memory":
        return World(FakeRows())
    client: DynamoDBClient = request.getfixturevalue("dynamodb")
    return World(DynamoRows(client, request.getfixturevalue("table_name")))


def test_stored_result_is_its_writer_s_to_announce(world: World) -> None:
    world.store()

    with pytest.raises(AnnouncementClaimedError):
        world.outbox.take(KEY)


def test_claim_of_who_died_runs_out(world: World) -> None:
    pending = world.store()
    world.now += CLAIM + timedelta(seconds=1)

    taken = world.outbox.take(KEY)

    assert taken is not None
    assert (taken.pending.id, taken.result["labels"]) == (pending.id, [label("Cat")])
    with pytest.raises(AnnouncementClaimedError):
        world.outbox.take(KEY)


def test_result_that_nobody_claims_can_be_taken_at_once(world: World) -> None:
    world.store(claimed=False)

    assert world.outbox.take(KEY) is not None


def test_announced_result_waits_for_nothing(world: World) -> None:
    world.outbox.close(KEY, world.store())

    assert world.outbox.take(KEY) is None
    assert not set(world.image()) & set(OUTBOX_ATTRIBUTES)


def test_released_result_is_listed_and_can_be_taken(world: World) -> None:
    pending = world.store()

    world.outbox.release(KEY, pending)

    assert world.image()["gsi1pk"] == keys.UNANNOUNCED
    assert world.image()["gsi1sk"].endswith("#cat.jpg")
    taken = world.outbox.take(KEY)
    assert taken is not None
    assert "gsi1pk" not in taken.result
    world.outbox.close(KEY, taken.pending)
    assert not set(world.image()) & set(OUTBOX_ATTRIBUTES)


def test_late_note_of_an_older_result_leaves_the_newer_one_waiting(world: World) -> None:
    older = world.store(1)
    newer = world.store(2)

    world.outbox.close(KEY, older)
    world.outbox.release(KEY, older)

    assert Pending.of(world.image()) == newer
    assert "gsi1pk" not in world.image()


def test_result_that_moves_waits_on_for_the_same_announcement(world: World) -> None:
    pending = world.store()
    world.outbox.release(KEY, pending)

    assert world.writer.advance(world.writer.read(KEY), "v1", position(5))

    assert world.image()["sequencer"] == position(5).sequencer
    taken = world.outbox.take(KEY)
    assert taken is not None
    assert taken.pending.id == pending.id
    assert world.image()["gsi1pk"] == keys.UNANNOUNCED


def test_result_that_is_announced_while_it_moves_does_not_wait_again(world: World) -> None:
    pending = world.store()
    seen = world.writer.read(KEY)
    world.outbox.close(KEY, pending)

    assert world.writer.advance(seen, "v1", position(5))

    assert world.image()["sequencer"] == position(5).sequencer
    assert world.outbox.take(KEY) is None


def test_result_that_is_not_announced_has_no_trace_of_it(world: World) -> None:
    world.writer.write(labeled(KEY, label("Cat")))

    assert not set(world.image()) & set(OUTBOX_ATTRIBUTES)
    assert world.outbox.take(KEY) is None


def test_picture_without_a_result_waits_for_nothing(world: World) -> None:
    assert world.outbox.take("nothing.jpg") is None


def test_announcement_of_each_result_has_an_id_of_its_own() -> None:
    def id_of(change: Callable[[Write], None] = lambda write: None, sequencer: int = 1) -> str:
        write = labeled(KEY, sequencer=sequencer)
        change(write)
        return Outbox(FakeRows(), lambda: time_of(1)).open(write.result, write.event_time).id

    def fail(write: Write) -> None:
        write.result["status"] = "FAILED"

    def process_later(write: Write) -> None:
        write.result["processedAt"] = "later"

    assert id_of(process_later) == id_of()
    assert len({id_of(), id_of(fail), id_of(sequencer=2)}) == 3
