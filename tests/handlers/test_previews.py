"""Previews follow the bucket's events: they come with a version, and go with it."""

from __future__ import annotations

import io
from dataclasses import dataclass, field

import pytest
from aws_lambda_powertools import Logger
from PIL import Image
from PIL.WebPImagePlugin import WebPImageFile

from handlers.labelling.errors import PictureRejectedError, StorageError, TransientError
from handlers.labelling.events import EventKind, ObjectEvent
from handlers.labelling.metrics import Metric, Metrics
from handlers.labelling.previews import Outcome, Previews
from handlers.labelling.s3_objects import S3Previews
from handlers.results.codes import Code
from handlers.results.document import preview_key
from tests.handlers.assembling import FOREVER
from tests.handlers.factories import BUCKET, corners, encoded, event
from tests.handlers.fakes import DecoderHere, FakeObjects

LARGE = encoded(corners(1800, 1200), "JPEG")


class FakeStore(S3Previews):
    """The bucket of previews in memory."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def has(self, key: str) -> bool:
        return key in self.files

    def put(self, key: str, content: bytes) -> None:
        self.files[key] = content

    def delete(self, key: str) -> None:
        self.files.pop(key, None)


@dataclass
class World:
    """The previews of one bucket, and their surroundings."""

    objects: FakeObjects = field(default_factory=FakeObjects)
    store: FakeStore = field(default_factory=FakeStore)
    metrics: Metrics = field(default_factory=Metrics)

    def follow(self, followed: ObjectEvent) -> Outcome:
        previews = Previews(BUCKET, self.objects, DecoderHere(50_000_000), self.store, self.metrics, Logger())
        return previews.follow(self.objects.with_header(followed), FOREVER)

    def counted(self) -> dict[Metric, int]:
        return self.metrics.take()[0]


@pytest.fixture
def world() -> World:
    return World()


def sides(content: bytes) -> tuple[int, int]:
    return WebPImageFile(io.BytesIO(content)).size


@pytest.mark.abuse
def test_object_that_only_its_owner_can_read_ends_without_previews(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> bytes:
        raise PictureRejectedError(Code.OBJECT_UNREADABLE)

    def undescribed(*_: object) -> None:
        raise StorageError("400 Bad Request")

    world.objects.add("a/cat", LARGE)
    followed = world.objects.with_header(event("a/cat"))
    monkeypatch.setattr(world.objects, "read_start", refuse)
    monkeypatch.setattr(world.objects, "open", undescribed)

    assert world.follow(followed) is Outcome.UNUSABLE
    assert world.counted() == {Metric.PICTURES_WITHOUT_PREVIEW: 1}


@pytest.mark.parametrize("name", ["JPEG", "PNG", "HEIF", "TIFF", "BMP", "WebP", "AVIF", "GIF"])
def test_every_format_gets_two_previews(world: World, name: str) -> None:
    world.objects.add("a/cat", encoded(corners(2000, 1000), name))

    assert world.follow(event("a/cat")) is Outcome.MADE

    assert {key: sides(content) for key, content in world.store.files.items()} == {
        "previews/a/cat/v1/1600.webp": (1600, 800),
        "previews/a/cat/v1/480.webp": (480, 240),
    }
    assert world.counted() == {Metric.PREVIEWS_MADE: 1}


def test_preview_is_upright_and_says_nothing_of_the_camera(world: World) -> None:
    world.objects.add("cat.jpg", encoded(corners(300, 200), "JPEG", turn=6))

    world.follow(event())

    preview = Image.open(io.BytesIO(world.store.files[preview_key("cat.jpg", "v1", 480)]))
    assert preview.size == (200, 300)
    assert not preview.getexif()
    assert not {"exif", "xmp", "icc_profile"} & set(preview.info)


def test_small_picture_is_not_enlarged(world: World) -> None:
    world.objects.add("cat.jpg", encoded(corners(300, 200), "PNG"))

    world.follow(event())

    assert {sides(content) for content in world.store.files.values()} == {(300, 200)}


def test_event_that_comes_twice_makes_nothing(world: World) -> None:
    world.objects.add("cat.jpg", LARGE)
    world.follow(event())
    files = dict(world.store.files)

    assert world.follow(event(sequencer=2)) is Outcome.KNOWN
    assert world.follow(event(kind=EventKind.REPAIR)) is Outcome.KNOWN
    assert world.store.files == files


def test_what_died_between_two_previews_is_made_again(world: World) -> None:
    world.objects.add("cat.jpg", LARGE)
    world.follow(event())
    del world.store.files[preview_key("cat.jpg", "v1", 480)]

    assert world.follow(event()) is Outcome.MADE
    assert len(world.store.files) == 2


@pytest.mark.parametrize("content", [b"", b"no picture", LARGE[:200], encoded(corners(60, 60), "PNG")])
def test_file_without_a_preview_is_counted_and_done(world: World, content: bytes) -> None:
    world.objects.add("cat.jpg", content)

    assert world.follow(event()) is Outcome.UNUSABLE
    assert world.store.files == {}
    assert world.counted() == {Metric.PICTURES_WITHOUT_PREVIEW: 1}


def test_purged_version_takes_its_previews_along(world: World) -> None:
    for version_id in ("v1", "v2"):
        world.objects.add("cat.jpg", LARGE, version_id)
        world.follow(event(version_id=version_id))

    assert world.follow(event(kind=EventKind.PURGED, version_id="v1")) is Outcome.REMOVED
    assert set(world.store.files) == {preview_key("cat.jpg", "v2", side) for side in (480, 1600)}


def test_delete_marker_leaves_the_previews_of_the_versions(world: World) -> None:
    world.objects.add("cat.jpg", LARGE)
    world.follow(event())

    assert world.follow(event(kind=EventKind.REMOVED, version_id="marker")) is Outcome.HIDDEN
    assert len(world.store.files) == 2


def test_without_versions_a_preview_shows_what_is_there_now(world: World) -> None:
    world.objects.add("cat.jpg", LARGE, None)
    world.follow(event(version_id=None))
    world.objects.add("cat.jpg", encoded(corners(300, 200), "PNG"), None)

    assert world.follow(event(version_id=None)) is Outcome.MADE
    assert sides(world.store.files["previews/cat.jpg/null/480.webp"]) == (300, 200)
    assert world.follow(event(kind=EventKind.REMOVED, version_id=None)) is Outcome.REMOVED
    assert world.store.files == {}


def test_version_that_is_gone_gets_none(world: World) -> None:
    assert world.follow(event()) is Outcome.GONE
    assert world.store.files == {}


def test_version_that_goes_meanwhile_leaves_none(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.objects.add("cat.jpg", LARGE)

    def put_late(key: str, content: bytes) -> None:
        world.objects.purge("cat.jpg", "v1")
        world.store.files[key] = content

    monkeypatch.setattr(world.store, "put", put_late)

    assert world.follow(event()) is Outcome.GONE
    assert world.store.files == {}


def test_event_of_another_bucket_is_ignored(world: World) -> None:
    assert world.follow(event(bucket="another")) is Outcome.FOREIGN
    assert world.counted() == {Metric.IGNORED_EVENTS: 1}


def test_decoder_that_stops_is_tried_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise TransientError("it was ended")

    monkeypatch.setattr(DecoderHere, "previews", stop)
    world.objects.add("cat.jpg", LARGE)

    with pytest.raises(TransientError, match="it was ended"):
        world.follow(event())


def test_preview_of_a_long_key_has_a_short_place() -> None:
    place = preview_key("ä" * 512, "v" * 32, 480)

    assert place.startswith("previews-of-long-keys/")
    assert place.endswith(f"/{'v' * 32}/480.webp")
    assert len(place) < 200
