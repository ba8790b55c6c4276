"""Comparison of bucket and table: findings, and pictures that are left alone because they are under way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from handlers.results.codes import Status
from handlers.results.document import Result
from labelstack.repair.comparison import Comparison, Finding, Kind, Waiting
from tests.labelstack.cli.fakes import make_result
from tests.labelstack.repair.fakes import BUCKET, LONG_AGO, NOW, FakeStorage, RepairResults

LATELY = NOW - timedelta(minutes=5)
SETTLED_BEFORE = NOW - timedelta(minutes=15)


def iso(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class World:
    """A bucket and a table that can be made to disagree."""

    def __init__(self) -> None:
        self.s3 = FakeStorage()
        self.table: Any = RepairResults()  # as much of a table as a comparison reads

    def label(self, key: str, etag: str | None, status: str = "LABELED", at: datetime = LONG_AGO, **more: Any) -> None:
        known = {} if etag is None else {"etag": etag}
        self.table.put(make_result(key, status, processedAt=iso(at), **known, **more))

    def findings(self, prefix: str = "") -> list[Finding | Waiting]:
        comparison = Comparison(self.s3, BUCKET, self.table, prefix=prefix, settled_before=SETTLED_BEFORE)
        return list(comparison.findings())

    def kinds(self, prefix: str = "") -> list[tuple[str, str]]:
        return [
            (str(finding.kind) if isinstance(finding, Finding) else "waiting", finding.key)
            for finding in self.findings(prefix)
        ]


@pytest.fixture
def world() -> World:
    return World()


def test_nothing_is_said_of_what_goes_together(world: World) -> None:
    world.label("labeled.jpg", world.s3.put("labeled.jpg"))
    world.label("rejected.txt", world.s3.put("rejected.txt", b"text"), "REJECTED")
    world.label("deleted.jpg", None, "DELETED")

    assert world.findings() == []


def test_picture_without_a_result_is_missing(world: World) -> None:
    world.s3.put("a.jpg")

    assert world.findings() == [Finding(Kind.MISSING, "a.jpg", "uploaded 2026-11-01 00:00:00")]


def test_picture_whose_result_says_deleted_is_missing(world: World) -> None:
    world.s3.put("a.jpg")
    world.label("a.jpg", None, "DELETED")

    assert world.kinds() == [("MISSING", "a.jpg")]


def test_result_of_other_bytes_is_stale(world: World) -> None:
    etag = world.s3.put("a.jpg", b"new")
    world.label("a.jpg", "old")

    assert world.findings() == [Finding(Kind.STALE, "a.jpg", f"result of old, the bucket has {etag[:8]}")]


def test_result_whose_picture_is_gone_is_an_orphan(world: World) -> None:
    world.s3.put("a.jpg")
    world.label("a.jpg", world.s3.put("b.jpg"))
    world.label("b.jpg", world.s3.put("b.jpg"))
    world.s3.delete("a.jpg", LONG_AGO)

    detail = "LABELED of 2026-11-01T00:00:00.000Z, deleted 2026-11-01 00:00:00"
    assert world.findings() == [Finding(Kind.ORPHANED, "a.jpg", detail)]


def test_orphan_without_a_delete_marker_is_one_too(world: World) -> None:
    world.label("a.jpg", "etag")
    world.label("a.jpg.txt", world.s3.put("a.jpg.txt"))

    assert world.findings() == [Finding(Kind.ORPHANED, "a.jpg", "LABELED of 2026-11-01T00:00:00.000Z")]


def test_failure_is_shown_with_its_code(world: World) -> None:
    world.s3.put("a.jpg")
    world.label("a.jpg", None, "FAILED", code="REKOGNITION_TIMEOUT")
    world.label("b.jpg", world.s3.put("b.jpg"), "FAILED", code="STORAGE_ERROR")

    assert world.findings() == [
        Finding(Kind.FAILED, "a.jpg", "REKOGNITION_TIMEOUT"),
        Finding(Kind.FAILED, "b.jpg", "STORAGE_ERROR"),
    ]


def test_failure_of_other_bytes_is_stale(world: World) -> None:
    world.s3.put("a.jpg", b"new")
    world.label("a.jpg", "old", "FAILED", code="STORAGE_ERROR")

    assert world.kinds() == [("STALE", "a.jpg")]


def test_result_that_was_not_announced_is_shown(world: World) -> None:
    for key in ("in/a.jpg", "out/a.jpg"):
        world.label(key, world.s3.put(key))
    world.table.refused = ["in/a.jpg", "out/a.jpg"]

    assert world.findings("in/") == [Finding(Kind.UNANNOUNCED, "in/a.jpg")]


def test_prefix_is_looked_at_alone(world: World) -> None:
    world.s3.put("in/missing.jpg")
    world.s3.put("out/missing.jpg")
    world.label("in/orphan.jpg", "etag")
    world.label("out/orphan.jpg", "etag")

    assert world.kinds("in/") == [("MISSING", "in/missing.jpg"), ("ORPHANED", "in/orphan.jpg")]


def test_what_has_just_been_uploaded_is_under_way(world: World) -> None:
    world.s3.put("new.jpg", at=LATELY)
    world.s3.put("overwritten.jpg", b"new", at=LATELY)
    world.label("overwritten.jpg", "old")

    assert world.kinds() == [("waiting", "new.jpg"), ("waiting", "overwritten.jpg")]


def test_what_has_just_been_deleted_is_under_way(world: World) -> None:
    world.label("a.jpg", "etag")
    world.s3.delete("a.jpg", LATELY)

    assert world.kinds() == [("waiting", "a.jpg")]


class ChangingTable(RepairResults):
    """Something happens between the listing of the bucket and the look into the table."""

    def __init__(self, happens: Any) -> None:
        super().__init__()
        self.happens = happens

    def get_many(self, picture_keys: Any) -> dict[str, Result]:
        self.happens(self)
        return super().get_many(picture_keys)


@pytest.mark.parametrize("what", ["deleted", "overwritten"])
def test_what_changes_after_the_listing_is_under_way(world: World, what: str) -> None:
    world.label("a.jpg", world.s3.put("a.jpg", b"old"))

    def happens(table: RepairResults) -> None:
        if what == "deleted":
            world.s3.delete("a.jpg", NOW)
            world.label("a.jpg", None, "DELETED", at=NOW)
        else:
            world.label("a.jpg", world.s3.put("a.jpg", b"new", at=NOW), at=NOW)

    stored = world.table.stored
    world.table = ChangingTable(happens)
    world.table.stored = stored

    assert world.kinds() == [("waiting", "a.jpg")]


class GrowingTable(RepairResults):
    """A picture is uploaded and labelled between the listing of the bucket and the walk through the table."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world

    def walk(self, statuses: Sequence[Status], prefix: str = "") -> Iterator[Result]:
        self.world.label("early.jpg", self.world.s3.put("early.jpg", at=NOW), at=NOW)
        yield from super().walk(statuses, prefix)
        yield from super().walk(statuses, prefix)  # as the real one, which reads what has come meanwhile


def test_what_is_uploaded_after_the_listing_is_no_orphan(world: World) -> None:
    world.table = GrowingTable(world)
    world.label("z.jpg", world.s3.put("z.jpg"))

    assert world.findings() == []


def test_result_that_is_read_twice_is_found_once(world: World) -> None:
    world.table = GrowingTable(world)
    world.label("orphan.jpg", "etag")

    assert world.kinds() == [("ORPHANED", "orphan.jpg")]


def test_many_pictures_are_looked_at_in_turn(world: World) -> None:
    for n in range(250):
        etag = world.s3.put(f"{n:03}.jpg")
        if n % 100:
            world.label(f"{n:03}.jpg", etag)
    looked: list[int] = []
    comparison = Comparison(world.s3, BUCKET, world.table, settled_before=SETTLED_BEFORE)

    findings = list(comparison.findings(looked.append))

    assert [finding.key for finding in findings] == ["000.jpg", "100.jpg", "200.jpg"]
    assert looked == [100, 100, 50]
