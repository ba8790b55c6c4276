"""The order of conversions: a batch must not take the memory of all its pictures at once."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from handlers.labelling.decoder import Preparation
from handlers.labelling.decoding import Converted
from handlers.labelling.errors import ConversionDelayedError, PictureRejectedError
from handlers.labelling.events import Deadline
from handlers.labelling.metrics import Metric, Metrics
from handlers.labelling.s3_objects import ConvertedObject
from handlers.results.item import PictureHeader
from tests.handlers.factories import corners, encoded
from tests.handlers.fakes import DecoderHere, FakeObjects, stored_object

NO_HURRY = Deadline(1e12)
SOON_S = 0.05
HEIC = PictureHeader("HEIC", None, None, converted=True)


@pytest.fixture
def objects() -> FakeObjects:
    bucket = FakeObjects()
    bucket.add("cat.heic", encoded(corners(), "HEIC"))
    return bucket


def deadline_in(seconds: float) -> Deadline:
    return Deadline(time.monotonic() + seconds)


def test_picture_that_needs_no_copy_is_not_read(objects: FakeObjects) -> None:
    stored, header = stored_object("cat.jpg", b"x"), PictureHeader("JPEG", 100, 100)

    with Preparation(objects, DecoderHere(10**6), Metrics()).ready(stored, header, NO_HURRY) as ready:
        assert ready == (stored, header)

    assert objects.reads == []


def test_copy_keeps_what_is_known_of_the_object(objects: FakeObjects) -> None:
    metrics, stored = Metrics(), objects.head("cat.heic", None)

    with Preparation(objects, DecoderHere(10**6), metrics).ready(stored, HEIC, NO_HURRY) as (prepared, header):
        assert isinstance(prepared, ConvertedObject)
        assert (prepared.key, prepared.version_id, prepared.etag) == (stored.key, stored.version_id, stored.etag)
        assert "jpeg" not in repr(prepared)
        assert header == PictureHeader("HEIC", 300, 200, converted=True)

    assert metrics.take()[0] == {Metric.PICTURES_CONVERTED: 1}


def test_one_picture_is_converted_at_a_time(objects: FakeObjects) -> None:
    meeting, met = threading.Barrier(2), []

    class Meeting(DecoderHere):
        def convert(self, *_: Any, **__: Any) -> Converted:
            try:
                met.append(meeting.wait(timeout=0.1))
            except threading.BrokenBarrierError:
                meeting.reset()
            return Converted(b"", 100, 100)

    def look() -> None:
        with ready.ready(objects.head("cat.heic", None), HEIC, NO_HURRY):
            pass

    ready = Preparation(objects, Meeting(10**6), Metrics())
    with ThreadPoolExecutor(4) as batch:
        for done in [batch.submit(look) for _ in range(4)]:
            done.result(timeout=20)

    assert met == []


def test_three_copies_are_looked_at_at_a_time(objects: FakeObjects) -> None:
    ready, stored = Preparation(objects, DecoderHere(10**6), Metrics()), objects.head("cat.heic", None)
    looking, done = threading.Barrier(4), threading.Event()

    def look() -> None:
        with ready.ready(stored, HEIC, NO_HURRY):
            looking.wait(timeout=60)
            done.wait(timeout=60)

    with ThreadPoolExecutor(3) as batch:
        running = [batch.submit(look) for _ in range(3)]
        looking.wait(timeout=60)
        with pytest.raises(ConversionDelayedError), ready.ready(stored, HEIC, deadline_in(SOON_S)):
            pass
        done.set()
        for copy in running:
            copy.result(timeout=60)
    with ready.ready(stored, HEIC, NO_HURRY):
        pass


def test_no_conversion_begins_in_the_second_half_of_the_functions_time(objects: FakeObjects) -> None:
    now = 100.0
    deadline = Deadline(now + 58, lambda: now, total_s=58)
    ready, stored = Preparation(objects, DecoderHere(10**6), Metrics()), objects.head("cat.heic", None)

    now += 28
    with ready.ready(stored, HEIC, deadline):
        now += 28  # the use of the copy has the whole time
    reads = list(objects.reads)
    with pytest.raises(ConversionDelayedError), ready.ready(stored, HEIC, deadline):
        pass

    assert (len(reads), objects.reads) == (1, reads)


def test_place_is_free_again_after_a_rejection(objects: FakeObjects) -> None:
    objects.add("damaged.heic", encoded(corners(), "HEIC")[:200])
    ready = Preparation(objects, DecoderHere(10**6), Metrics())

    for _ in range(5):
        with (
            pytest.raises(PictureRejectedError),
            ready.ready(objects.head("damaged.heic", None), HEIC, deadline_in(5)),
        ):
            pass
