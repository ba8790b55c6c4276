"""Backfills: in the order of keys, noted after each batch, and nothing doubled wherever an interruption strikes."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.labelling.events import decode_message
from handlers.results import keys
from labelstack.errors import RepairError
from labelstack.repair.backfill import ask_for_all, copy_all, extent
from labelstack.repair.copying import Place, destination
from labelstack.repair.jobs import Job, Progress
from labelstack.repair.requests import Pace, RepairRequests
from tests.handlers.assembling import assembled_pipeline, process
from tests.handlers.factories import BUCKET, jpeg
from tests.handlers.fakes import FakeObjects, FakeRekognition, FakeRows
from tests.labelstack.repair.fakes import NOW, QUEUE, FakeQueues, FakeStorage

NOON = "2026-11-21T12:00:00.000Z"
HERE, OLD = Place(BUCKET, "in/"), Place("old", "x/")


class DiedError(Exception):
    """The process was killed."""


class World:
    """An upload bucket, another bucket, a queue, and the processor with all that it works on."""

    def __init__(self, folder: Path) -> None:
        self.s3, self.sqs = FakeStorage(), FakeQueues()
        self.s3.buckets = {BUCKET: {}, "old": {}}
        self.job = Job(folder, "backfill", {})
        self.rows, self.rekognition = FakeRows(), FakeRekognition()
        self.left_out: list[str] = []

    def ask(self) -> Iterator[Progress]:
        requests = RepairRequests(self.sqs, QUEUE, BUCKET)
        return ask_for_all(self.s3, HERE, requests, self.job, self.job.resume(NOON))

    def copy(self, pace: Pace | None = None) -> Iterator[Progress]:
        to_key = partial(destination, OLD, prefix="in/")
        progress = self.job.resume(NOON)
        return copy_all(self.s3, OLD, BUCKET, to_key, self.job, progress, pace or Pace(), self.left_out.append)

    def label(self) -> Counter[str]:
        """Let the processor work through the queue; return how often it called Rekognition for each picture."""
        objects = FakeObjects()
        for key, stored in self.s3.buckets[BUCKET].items():
            objects.add(key, stored.content)
        with ThreadPoolExecutor(1) as operations:
            pipeline = assembled_pipeline(self.rows, objects, self.rekognition.detect, operations, lambda: NOW)
            for body in self.sqs.bodies():
                for event in decode_message(body).events:
                    process(pipeline, event)
        self.sqs.waiting[QUEUE] = []
        return Counter(key for _, key in self.rekognition.calls)

    def labeled(self) -> set[str]:
        return {
            item["key"] for (_, sk), item in self.rows.items.items() if sk == keys.META and item["status"] == "LABELED"
        }


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@contextmanager
def fresh_world() -> Iterator[World]:
    with TemporaryDirectory() as folder:
        yield World(Path(folder))


def fill(world: World, place: Place, count: int) -> list[str]:
    """Put pictures whose bytes differ."""
    names = [f"{place.prefix}{hashlib.sha256(str(n).encode()).hexdigest()[:6]} ü+{n}.jpg" for n in range(count)]
    for n, name in enumerate(names):
        world.s3.put(name, jpeg(seed=n), bucket=place.bucket)
    return sorted(names)


def test_extent_is_what_is_there(world: World) -> None:
    for n, size in enumerate((10, 20, 30)):
        world.s3.put(f"in/{n}.jpg", bytes(size), bucket=BUCKET)
    world.s3.put("in/folder/", b"", bucket=BUCKET)
    world.s3.put("out/4.jpg", bytes(100), bucket=BUCKET)

    assert extent(world.s3, HERE) == (4, 60)
    assert extent(world.s3, HERE, folders=False) == (3, 60)
    assert extent(world.s3, HERE, "in/0.jpg", folders=False) == (2, 50)


def test_place_is_noted_before_it_is_given(world: World) -> None:
    names = fill(world, HERE, 23)
    steps = world.ask()
    next(steps)
    next(steps)

    assert world.job.resume("later") == Progress(NOON, names[19], 20)


def test_missing_rights_end_the_run_and_its_place_is_kept(world: World) -> None:
    names = fill(world, OLD, 23)

    world.s3.refuse("copy", "AccessDenied", of=names[15])

    with pytest.raises(RepairError, match="AccessDenied"):
        list(world.copy())

    assert world.job.resume("later") == Progress(NOON, names[9], 10, copied=10)


def test_what_is_there_already_is_not_paced(world: World) -> None:
    fill(world, OLD, 30)
    list(world.copy())
    slept_s: list[float] = []

    list(world.copy(Pace(1, lambda: 0.0, slept_s.append)))

    assert (slept_s, len(world.s3.copies)) == ([], 30)


def test_copies_are_held_to_the_rate(world: World) -> None:
    fill(world, OLD, 30)
    now_s = 0.0
    copies_at: list[tuple[float, int]] = []

    def sleep(seconds: float) -> None:
        nonlocal now_s
        copies_at.append((now_s, len(world.s3.copies)))
        now_s += seconds

    list(world.copy(Pace(5, lambda: now_s, sleep)))

    assert copies_at == [(0.0, 10), (2.0, 20)]


class Killer:
    """Kills the process at one of its moments."""

    def __init__(self, moment: int) -> None:
        self._left = moment

    def __call__(self, *what: object) -> None:
        self._left -= 1
        if self._left == 0:
            raise DiedError


def killed_at(world: World, moment: int) -> None:
    """Kill the run at a moment: a call of SQS or S3, a note of the job, or right after it."""
    killer = Killer(moment)
    send, save, copy_object = world.sqs.send_message_batch, world.job.save, world.s3.copy_object

    def sent(**request: object) -> object:
        killer()
        answer = send(**request)  # type: ignore[arg-type]  # as it was given
        killer()
        return answer

    def copied(**request: object) -> object:
        killer()
        answer = copy_object(**request)  # type: ignore[arg-type]  # as it was given
        killer()
        return answer

    def saved(progress: Progress) -> None:
        killer()
        save(progress)
        killer()

    world.sqs.send_message_batch = sent  # type: ignore[method-assign, assignment]  # dies there
    world.s3.copy_object = copied  # type: ignore[method-assign, assignment]  # dies there
    world.job.save = saved  # type: ignore[method-assign]  # dies there


@settings(max_examples=60)
@given(
    count=st.integers(0, 35),
    moments=st.lists(st.integers(1, 20), max_size=4),
    between=st.lists(st.booleans(), min_size=5, max_size=5),
    foreign=st.booleans(),
)
def test_interrupted_and_run_again_it_loses_and_doubles_nothing(
    count: int, moments: list[int], between: list[bool], foreign: bool
) -> None:
    with fresh_world() as world:
        names = fill(world, OLD if foreign else HERE, count)
        expected = {f"in/{name.removeprefix('x/')}" for name in names} if foreign else set(names)
        originals = (world.sqs.send_message_batch, world.job.save, world.s3.copy_object)
        for moment, labelled_meanwhile in zip([*moments, 0], between, strict=False):
            killed_at(world, moment)
            try:
                list(world.copy() if foreign else world.ask())
            except DiedError:
                assert moment
            world.sqs.send_message_batch, world.job.save, world.s3.copy_object = originals  # type: ignore[method-assign]
            if labelled_meanwhile:
                world.label()
        if foreign:  # each copy's event
            assert sorted(world.s3.copies) == sorted(expected)
            return

        calls = world.label()

        assert world.labeled() == expected
        assert calls == Counter(dict.fromkeys(expected, 1))
