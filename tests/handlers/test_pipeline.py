"""The pipeline, on fakes."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from PIL import Image

from handlers.labelling.detectors import Detector, DetectorSettings
from handlers.labelling.errors import (
    ObjectGoneError,
    PictureRejectedError,
    RekognitionDeniedError,
    RekognitionServerError,
    RekognitionThrottledError,
    RekognitionTimeoutError,
)
from handlers.labelling.events import EventKind, ObjectEvent, Outcome
from handlers.labelling.metrics import Metric
from handlers.labelling.pipeline import Pipeline
from handlers.labelling.s3_objects import ConvertedObject, StoredObject
from handlers.results import keys
from handlers.results.codes import Code, Status, sentence
from handlers.results.errors import TableUnavailableError
from handlers.results.table import ResultsWriter
from tests.handlers.assembling import Fakes, process, process_batch
from tests.handlers.factories import (
    INVERSE_TURNS,
    START,
    corners,
    encoded,
    event,
    jpeg,
    label,
    labeled,
    png,
    position,
    time_of,
)
from tests.handlers.fakes import stored_object

ALL = (Detector.LABELS, Detector.FACES, Detector.MODERATION, Detector.TEXT)


class World(Fakes):
    """The use-case and all it sees."""

    def pipeline(self, *detectors: Detector) -> Pipeline:
        settings = DetectorSettings(detectors or (Detector.LABELS,), 10, Decimal(70))
        return self.assembled(settings=settings, max_converted_pixels=1_000_000)

    def process(self, *detectors: Detector, **of_event: Any) -> Outcome:
        return process(self.pipeline(*detectors), self.objects.with_header(event(**of_event)))

    def process_batch(self, *events: ObjectEvent) -> list[Outcome]:
        return process_batch(self.pipeline(), [self.objects.with_header(each) for each in events])

    def result(self, key: str = "cat.jpg") -> dict[str, Any]:
        return self.rows.items[keys.image_place(key)]


@pytest.fixture
def world() -> Iterator[World]:
    with ThreadPoolExecutor(8) as operations:
        yield World(operations)


def test_good_picture_is_labeled(world: World) -> None:
    content = jpeg(200, 100)
    world.objects.add("cat.jpg", content)

    assert world.process() is Outcome.LABELED

    result = world.result()
    assert result["labels"] == [label("Cat", "97.1235")]
    assert (result["format"], result["width"], result["height"]) == ("JPEG", 200, 100)
    assert (result["versionId"], result["sizeBytes"]) == ("v1", len(content))
    assert result["etag"] == stored_object("cat.jpg", content).etag
    assert (result["uploadedAt"], result["processedAt"]) == ("2026-11-20T12:00:01.000Z", "2026-11-20T12:01:40.000Z")
    assert (result["reused"], result["detectors"]) == (False, ["labels"])
    assert "code" not in result
    assert "faces" not in result
    counts, times = world.metrics.take()
    assert counts == {Metric.PICTURES_LABELED: 1}
    assert times == [99_000]


def test_all_detectors_fill_their_lists(world: World) -> None:
    world.objects.add("cat.jpg", png())

    world.process(*ALL)

    assert {name: world.result()[name] for name in ("faces", "moderation", "text")} == {
        "faces": [],
        "moderation": [],
        "text": [],
    }
    assert sorted(detector for detector, _ in world.rekognition.calls) == sorted(ALL)


def test_detectors_of_a_picture_run_at_the_same_time(world: World) -> None:
    together = threading.Barrier(4, timeout=60)

    def meet(detector: Detector, stored: object) -> None:
        together.wait()

    world.rekognition.fail = meet
    world.objects.add("cat.jpg", jpeg())

    assert world.process(*ALL) is Outcome.LABELED


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", Code.EMPTY_OBJECT),
        (b"This is text, whatever it is called.", Code.NOT_AN_IMAGE),
        (jpeg(79, 79), Code.IMAGE_TOO_SMALL),
        (b"8BPS" + bytes(100), Code.UNSUPPORTED_FORMAT),
        (b"GIF89a" + bytes(100), Code.IMAGE_DAMAGED),
        (encoded(corners(300, 79), "GIF"), Code.IMAGE_TOO_SMALL),
        (encoded(corners(), "HEIC")[:-200], Code.IMAGE_DAMAGED),
        (encoded(corners(1001, 1000), "WebP"), Code.IMAGE_TOO_LARGE_PIXELS),
        (jpeg()[:60], Code.IMAGE_DAMAGED),
    ],
)
def test_bad_picture_is_rejected_without_asking_rekognition(world: World, content: bytes, code: Code) -> None:
    world.objects.add("cat.jpg", content)

    assert world.process() is Outcome.REJECTED

    assert world.result()["code"] == code
    assert world.result()["message"].startswith(sentence(code))
    assert world.rekognition.calls == []
    assert world.metrics.take()[0] == {Metric.PICTURES_REJECTED: 1}


def test_more_than_100_mb_are_rejected_unread(world: World) -> None:
    content = jpeg()
    world.objects.add("cat.jpg", content)
    world.objects.sizes[content] = 100 * 1024 * 1024 + 1

    assert world.process() is Outcome.REJECTED

    assert world.result()["code"] == "IMAGE_TOO_LARGE_BYTES"
    assert world.objects.reads == []


def test_converted_copy_goes_to_all_detectors(world: World) -> None:
    content = encoded(corners().transpose(INVERSE_TURNS[6]), "HEIC", turn=6)
    pictures: list[StoredObject] = []
    world.rekognition.fail = lambda _, stored: pictures.append(stored)
    world.objects.add("cat.heic", content)

    assert world.process(*ALL, key="cat.heic") is Outcome.LABELED

    result = world.result("cat.heic")
    assert (result["format"], result["converted"], result["width"], result["height"]) == ("HEIC", True, 300, 200)
    assert len(pictures) == 4
    (jpeg,) = {stored.jpeg for stored in pictures if isinstance(stored, ConvertedObject)}
    assert Image.open(io.BytesIO(jpeg)).size == (300, 200)
    assert world.objects.reads == [("cat.heic", 65_536), ("cat.heic", len(content))]
    assert world.metrics.take()[0] == {Metric.PICTURES_LABELED: 1, Metric.PICTURES_CONVERTED: 1}


def test_jpeg_within_limits_goes_by_reference(world: World) -> None:
    pictures: list[StoredObject] = []
    world.rekognition.fail = lambda _, stored: pictures.append(stored)
    world.objects.add("cat.jpg", encoded(corners(), "JPEG", turn=6))

    world.process()

    assert not any(isinstance(stored, ConvertedObject) for stored in pictures)
    assert "converted" not in world.result()
    assert (world.result()["width"], world.result()["height"]) == (200, 300)


def test_result_of_known_bytes_says_that_they_were_converted(world: World) -> None:
    for key in ("a.heic", "b.heic"):
        world.objects.add(key, encoded(corners(), "HEIC"))
        world.process(key=key)

    first, second = world.result("a.heic"), world.result("b.heic")
    assert (first["reused"], second["reused"]) == (False, True)
    for name in ("format", "width", "height", "converted", "labels"):
        assert first[name] == second[name]
    assert len(world.rekognition.calls) == 1
    assert world.metrics.take()[0][Metric.PICTURES_CONVERTED] == 1


def test_detector_that_comes_later_sees_its_own_copy(world: World) -> None:
    content = encoded(corners(), "JPEG", turn=6)
    for key in ("a.jpg", "b.jpg"):
        world.objects.add(key, content)
    calls: list[tuple[Detector, bool]] = []
    world.rekognition.fail = lambda detector, stored: calls.append((detector, isinstance(stored, ConvertedObject)))

    world.process(Detector.LABELS, key="a.jpg")
    world.process(Detector.LABELS, Detector.TEXT, key="b.jpg")

    assert calls == [(Detector.LABELS, False), (Detector.TEXT, True)]


def test_picture_that_rekognition_cannot_decode_is_rejected(world: World) -> None:
    def damaged(detector: Detector, stored: object) -> None:
        raise PictureRejectedError(Code.IMAGE_DAMAGED)

    world.objects.add("cat.jpg", jpeg())
    world.rekognition.fail = damaged

    assert world.process() is Outcome.REJECTED
    assert world.result()["code"] == "IMAGE_DAMAGED"


def test_long_header_is_read_in_growing_steps(world: World) -> None:
    world.objects.add("cat.jpg", jpeg(exif=b"Exif\x00\x00" + b"x" * 60_000, icc_profile=b"p" * 60_000))

    assert world.process() is Outcome.LABELED
    assert [length for _, length in world.objects.reads] == [65_536, 262_144]


def test_picture_whose_pixels_begin_after_a_megabyte_is_converted(world: World) -> None:
    world.objects.add("cat.jpg", jpeg(200, 100, icc_profile=b"p" * 1_500_000))

    assert world.process() is Outcome.LABELED
    result = world.result()
    assert (result["format"], result["width"], result["height"], result["converted"]) == ("JPEG", 200, 100, True)


def test_what_rekognition_cannot_read_is_converted(world: World) -> None:
    def cannot_read(detector: Detector, stored: StoredObject) -> None:
        if not isinstance(stored, ConvertedObject):
            raise PictureRejectedError(Code.IMAGE_DAMAGED)

    world.objects.add("cat.png", png(200, 100))
    world.rekognition.fail = cannot_read

    assert world.process(key="cat.png") is Outcome.LABELED
    assert world.result("cat.png")["converted"] is True


def test_object_that_is_gone_leaves_a_tombstone(world: World) -> None:
    assert world.process() is Outcome.DELETED

    assert world.result()["status"] == "DELETED"
    assert world.metrics.take()[0] == {Metric.PICTURES_DELETED: 1}


def test_repair_of_a_picture_that_never_existed_leaves_no_tombstone(world: World) -> None:
    assert world.process(kind=EventKind.REPAIR) is Outcome.STALE

    assert not world.rows.items


def test_object_that_goes_while_rekognition_looks_leaves_a_tombstone(world: World) -> None:
    def gone(detector: Detector, stored: object) -> None:
        world.objects.purge("cat.jpg", "v1")
        raise ObjectGoneError("InvalidS3ObjectException")

    world.objects.add("cat.jpg", jpeg())
    world.rekognition.fail = gone

    assert world.process() is Outcome.DELETED


def test_object_that_rekognition_may_not_read_is_tried_again(world: World) -> None:
    def unreadable(detector: Detector, stored: object) -> None:
        raise ObjectGoneError("InvalidS3ObjectException")

    world.objects.add("cat.jpg", jpeg())
    world.rekognition.fail = unreadable

    with pytest.raises(RekognitionDeniedError):
        world.process()


def test_event_of_another_bucket_is_ignored(world: World) -> None:
    assert world.process(bucket="somebody-elses") is Outcome.FOREIGN

    assert world.rows.items == {}
    assert world.metrics.take()[0] == {Metric.IGNORED_EVENTS: 1}


def test_same_event_a_hundred_times_costs_one_call(world: World) -> None:
    world.objects.add("cat.jpg", jpeg())

    outcomes = world.process_batch(*(event() for _ in range(100)))

    assert sorted(outcomes) == [Outcome.LABELED] + [Outcome.STALE] * 99
    assert len(world.rekognition.calls) == 1
    assert world.metrics.take()[0] == {Metric.PICTURES_LABELED: 1, Metric.STALE_EVENTS: 99}
    assert world.rows.items[keys.COUNTERS_PK, keys.counter_sk("cat.jpg")]["n:Cat"] == 1


def test_event_of_the_same_upload_with_another_time_is_the_same_event(world: World) -> None:
    world.objects.add("cat.jpg", jpeg())
    world.process(sequencer=1)
    again = replace(event(sequencer=1), position=position(1)._replace(event_time=position(9).event_time))

    assert process(world.pipeline(), world.objects.with_header(again)) is Outcome.STALE


def test_older_event_costs_no_call(world: World) -> None:
    world.objects.add("cat.jpg", jpeg(seed=1), "v1")
    world.objects.add("cat.jpg", jpeg(seed=2), "v2")

    assert world.process(sequencer=2, version_id="v2") is Outcome.LABELED
    assert world.process(sequencer=1, version_id="v1") is Outcome.STALE

    assert len(world.rekognition.calls) == 1
    assert world.result()["versionId"] == "v2"


def test_delete_takes_the_result_away_and_older_uploads_do_not_come_back(world: World) -> None:
    world.objects.add("cat.jpg", jpeg())

    world.process(sequencer=1)
    assert world.process(kind=EventKind.REMOVED, sequencer=3, version_id="marker") is Outcome.DELETED
    assert world.process(sequencer=2) is Outcome.STALE

    assert world.result()["status"] == "DELETED"


def test_purge_of_the_current_version_brings_the_one_before_back(world: World) -> None:
    world.objects.add("cat.jpg", jpeg(seed=1), "v1")
    world.objects.add("cat.jpg", jpeg(seed=2), "v2", START)
    world.process(sequencer=1, version_id="v1")
    world.process(sequencer=2, version_id="v2")

    world.objects.purge("cat.jpg", "v2")
    assert world.process(kind=EventKind.PURGED, sequencer=3, version_id="v2") is Outcome.LABELED

    assert world.result()["versionId"] == "v1"
    assert len(world.rekognition.calls) == 2, "the answer for the version before was kept"


def test_purge_of_the_last_version_leaves_a_tombstone(world: World) -> None:
    world.objects.add("cat.jpg", jpeg(), "v1")
    world.process(sequencer=1)

    world.objects.purge("cat.jpg", "v1")
    assert world.process(kind=EventKind.PURGED, sequencer=2, version_id="v1") is Outcome.DELETED

    assert world.result()["status"] == "DELETED"


def test_purge_of_a_delete_marker_brings_the_picture_back(world: World) -> None:
    world.objects.add("cat.jpg", jpeg(), "v1")
    world.process(sequencer=1)
    world.objects.add("cat.jpg", None, "marker")
    world.process(kind=EventKind.REMOVED, sequencer=2, version_id="marker")

    world.objects.purge("cat.jpg", "marker")
    assert world.process(kind=EventKind.PURGED, sequencer=3, version_id="marker") is Outcome.LABELED

    assert world.result()["versionId"] == "v1"


def test_purge_of_an_old_version_leaves_the_result_but_for_its_place(world: World) -> None:
    world.objects.add("cat.jpg", jpeg(seed=1), "v1")
    world.objects.add("cat.jpg", jpeg(seed=2), "v2")
    world.process(sequencer=2, version_id="v2")
    before = dict(world.result())

    world.now = time_of(500)
    world.objects.purge("cat.jpg", "v1")
    assert world.process(kind=EventKind.PURGED, sequencer=3, version_id="v1") is Outcome.UNCHANGED

    place = ("sequencer", "eventTime")
    assert {n: v for n, v in world.result().items() if n not in place} == {
        n: v for n, v in before.items() if n not in place
    }


def test_same_bytes_under_another_key_cost_nothing(world: World) -> None:
    content = jpeg()
    world.objects.add("cat.jpg", content)
    world.objects.add("copy.jpg", content)

    world.process(*ALL)
    world.objects.reads.clear()
    world.process(*ALL, key="copy.jpg")

    assert len(world.rekognition.calls) == 4
    assert world.objects.reads == [], "not even the header is read"
    assert world.result("copy.jpg")["labels"] == world.result()["labels"]
    assert world.result("copy.jpg")["reused"] is True
    assert world.result("copy.jpg")["width"] == 160
    assert world.metrics.take()[0][Metric.REKOGNITION_CALLS_SAVED] == 4


def test_same_bytes_at_the_same_time_are_analysed_once(world: World) -> None:
    content = jpeg()
    for number in range(8):
        world.objects.add(f"{number}.jpg", content)

    outcomes = world.process_batch(*(event(f"{n}.jpg") for n in range(8)))

    assert outcomes == [Outcome.LABELED] * 8
    assert len(world.rekognition.calls) == 1
    counts = world.metrics.take()[0]
    assert counts == {Metric.PICTURES_LABELED: 8, Metric.REKOGNITION_CALLS_SAVED: 7}
    assert sorted(world.result(f"{n}.jpg")["reused"] for n in range(8)) == [False] + [True] * 7


def test_unreadable_object_says_nothing_of_the_same_bytes_elsewhere(world: World) -> None:
    content = jpeg()
    for key in ("archived.jpg", "cat.jpg"):
        world.objects.add(key, content)

    def fail(key: str) -> None:
        if key == "archived.jpg":
            raise PictureRejectedError(Code.OBJECT_UNREADABLE, "It is archived")

    world.objects.fail = fail

    outcomes = world.process_batch(event("archived.jpg"), event("cat.jpg"))

    assert outcomes == [Outcome.REJECTED, Outcome.LABELED]
    assert world.result("archived.jpg")["message"].endswith("It is archived.")


def test_other_settings_do_not_use_each_other_s_answers(world: World) -> None:
    content = jpeg()
    world.objects.add("cat.jpg", content)
    world.objects.add("copy.jpg", content)
    world.process(Detector.LABELS)

    world.process(Detector.LABELS, Detector.FACES, key="copy.jpg")

    assert [detector for detector, _ in world.rekognition.calls] == [Detector.LABELS, Detector.FACES]
    assert world.result("copy.jpg")["reused"] is False


def test_answer_that_has_expired_is_not_used(world: World) -> None:
    content = jpeg()
    world.objects.add("cat.jpg", content)
    world.objects.add("copy.jpg", content)
    world.process()

    world.now = time_of(31 * 86_400)
    world.process(key="copy.jpg")

    assert len(world.rekognition.calls) == 2


def test_answers_that_were_paid_for_are_kept_when_another_detector_fails(world: World) -> None:
    def throttled(detector: Detector, stored: object) -> None:
        if detector is Detector.FACES:
            raise RekognitionThrottledError

    world.objects.add("cat.jpg", jpeg())
    world.rekognition.fail = throttled
    with pytest.raises(RekognitionThrottledError):
        world.process(*ALL)

    world.rekognition.fail = lambda detector, stored: None
    assert world.process(*ALL) is Outcome.LABELED

    detectors = [detector for detector, _ in world.rekognition.calls]
    assert {detector: detectors.count(detector) for detector in ALL} == {
        Detector.LABELS: 1,
        Detector.FACES: 2,
        Detector.MODERATION: 1,
        Detector.TEXT: 1,
    }


def test_picture_that_one_detector_rejects_is_not_tried_again_for_another(world: World) -> None:
    def fail(detector: Detector, stored: object) -> None:
        raise PictureRejectedError(Code.IMAGE_DAMAGED) if detector is Detector.FACES else RekognitionThrottledError()

    world.objects.add("cat.jpg", jpeg())
    world.rekognition.fail = fail

    assert world.process(*ALL) is Outcome.REJECTED


@pytest.mark.parametrize(
    "error",
    [RekognitionThrottledError(), RekognitionDeniedError(), RekognitionServerError(), RekognitionTimeoutError()],
)
def test_rekognition_s_failures_leave_no_result(world: World, error: Exception) -> None:
    def fail(detector: Detector, stored: object) -> None:
        raise error

    world.objects.add("cat.jpg", jpeg())
    world.rekognition.fail = fail

    with pytest.raises(type(error)):
        world.process()

    assert world.rows.items == {}


def failing_table(operation: str) -> Callable[[str], None]:
    def fail(called: str) -> None:
        if called == operation:
            raise TableUnavailableError("DynamoDB throttles")

    return fail


@pytest.mark.parametrize("operation", ["read", "commit"])
def test_throttled_table_is_tried_again(world: World, operation: str) -> None:
    world.objects.add("cat.jpg", jpeg())
    world.rows.fail = failing_table(operation)

    with pytest.raises(TableUnavailableError):
        world.process()


def test_answer_that_cannot_be_cached_does_not_stop_the_picture(world: World) -> None:
    world.objects.add("cat.jpg", jpeg())
    world.rows.fail = failing_table("put")

    assert world.process() is Outcome.LABELED
    assert len(world.warnings) == 1


def test_failed_picture_is_processed_when_its_event_comes_again(world: World) -> None:
    ResultsWriter(world.rows).write(labeled(status=Status.FAILED))
    world.objects.add("cat.jpg", jpeg())

    assert world.process(sequencer=1) is Outcome.LABELED


def test_times_are_utc_with_milliseconds() -> None:
    assert keys.iso_ms(START) == "2026-11-20T12:00:00.000Z"
