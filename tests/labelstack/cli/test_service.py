"""Uploading, waiting for exactly the uploaded versions, deleting."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from labelstack.service import Finished, LabelService, NotUploaded, TimedOut, Uploaded, UploadEvent
from labelstack.uploads import LocalPicture, collect
from tests.labelstack.cli.fakes import FakeResults, FakeS3, make_result, refusal


class Clock:
    """Time that passes only by sleeping; `then` happens after so many sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.sleeps: list[float] = []
        self.then: dict[int, Any] = {}

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.sleeps.append(seconds)
        self.then.get(len(self.sleeps), lambda: None)()


@pytest.fixture
def results() -> FakeResults:
    return FakeResults()


@pytest.fixture
def s3(results: FakeResults) -> FakeS3:
    return FakeS3(results)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def service(s3: FakeS3, results: FakeResults, clock: Clock) -> LabelService:
    return LabelService(s3, "the-bucket", results, clock=clock, sleep=clock.sleep)


@pytest.fixture
def pictures(folder: Path) -> list[LocalPicture]:
    return collect([folder]).pictures


def of_kind(events: list[UploadEvent], kind: type | tuple[type, ...]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def test_uploads_every_picture_once(service: LabelService, s3: FakeS3, pictures: list[LocalPicture]) -> None:
    events = list(service.upload(pictures))
    assert {event.picture.key for event in of_kind(events, Uploaded)} == {"pictures/cat.jpg", "pictures/dog.png"}
    assert len(events) == 2
    assert {put["Key"]: put["ContentType"] for put in s3.puts} == {
        "pictures/cat.jpg": "image/jpeg",
        "pictures/dog.png": "image/png",
    }
    assert s3.objects["pictures/cat.jpg"] == b"cat.jpg"


def test_waits_for_the_result_of_each(service: LabelService, pictures: list[LocalPicture]) -> None:
    finished = of_kind(list(service.upload(pictures, wait_s=5)), Finished)
    assert {event.result["key"] for event in finished} == {"pictures/cat.jpg", "pictures/dog.png"}
    assert all(event.result["versionId"] == event.uploaded.version_id for event in finished)


def test_an_older_version_s_result_is_not_taken(
    service: LabelService, s3: FakeS3, results: FakeResults, clock: Clock, pictures: list[LocalPicture]
) -> None:
    s3.on_put = lambda key, version: None
    results.put(make_result("pictures/cat.jpg", versionId="v0"))
    clock.then[3] = lambda: results.put(make_result("pictures/cat.jpg", "REJECTED", versionId="v1"))
    [finished] = of_kind(list(service.upload(pictures[:1], wait_s=60)), Finished)
    assert finished.result["status"] == "REJECTED"
    assert finished.seconds == pytest.approx(sum(clock.sleeps[:3]))


def test_without_versions_the_content_is_compared(
    service: LabelService, s3: FakeS3, pictures: list[LocalPicture]
) -> None:
    s3.versioned = False
    s3.on_put = lambda key, version: make_result(key, etag=f"etag-of-{key}")
    assert of_kind(list(service.upload(pictures[:1], wait_s=5)), Finished)


def test_gives_up_at_the_deadline_and_says_what_is_there(
    service: LabelService, s3: FakeS3, clock: Clock, pictures: list[LocalPicture]
) -> None:
    s3.on_put = lambda key, version: make_result(key, versionId="another")
    [late] = of_kind(list(service.upload(pictures[:1], wait_s=10)), TimedOut)
    assert late.latest is not None
    assert late.latest["versionId"] == "another"
    assert 10 <= clock.now < 12


def test_waits_as_long_as_results_come(
    service: LabelService, s3: FakeS3, results: FakeResults, clock: Clock, pictures: list[LocalPicture]
) -> None:
    s3.on_put = lambda key, version: None
    clock.then[5] = lambda: results.put(make_result("pictures/cat.jpg", versionId="v1"))
    clock.then[10] = lambda: results.put(make_result("pictures/dog.png", versionId="v2"))
    ends = of_kind(list(service.upload(pictures, wait_s=1.2, workers=1)), (Finished, TimedOut))
    assert [type(end) for end in ends] == [Finished, Finished]
    assert ends[1].seconds > 1.2


def test_looks_less_and_less_often(
    service: LabelService, s3: FakeS3, clock: Clock, pictures: list[LocalPicture]
) -> None:
    s3.on_put = lambda key, version: None
    list(service.upload(pictures[:1], wait_s=30))
    assert clock.sleeps == sorted(clock.sleeps)
    assert max(clock.sleeps) == 1.0


def test_a_tombstone_is_no_result(service: LabelService, s3: FakeS3, pictures: list[LocalPicture]) -> None:
    s3.on_put = lambda key, version: make_result(key, "DELETED", versionId=version)
    assert of_kind(list(service.upload(pictures[:1], wait_s=1)), TimedOut)


def test_a_file_that_vanished_does_not_stop_the_others(service: LabelService, pictures: list[LocalPicture]) -> None:
    pictures[0].path.unlink()
    events = list(service.upload(pictures, wait_s=5))
    [failed] = of_kind(events, NotUploaded)
    assert failed.picture.name == "pictures/cat.jpg"
    assert "cannot be read" in failed.reason
    assert len(of_kind(events, Finished)) == 1


def test_what_s3_refuses_is_told(service: LabelService, s3: FakeS3, pictures: list[LocalPicture]) -> None:
    def refuse(key: str, version: str) -> None:
        raise refusal("PutObject", "AccessDenied", 403)

    s3.on_put = refuse
    [failed] = of_kind(list(service.upload(pictures[:1], wait_s=5)), NotUploaded)
    assert "AccessDenied" in failed.reason


def test_finds_a_key_with_and_without_the_prefix(service: LabelService, s3: FakeS3, results: FakeResults) -> None:
    s3.objects["uploads/only-object.jpg"] = b""
    results.put(make_result("uploads/only-result.jpg"))
    results.put(make_result("uploads/deleted.jpg", "DELETED"))
    assert service.find("only-object.jpg", "uploads/") == "uploads/only-object.jpg"
    assert service.find("uploads/only-result.jpg", "uploads/") == "uploads/only-result.jpg"
    assert service.find("deleted.jpg", "uploads/") is None


def test_an_access_denied_is_not_taken_for_missing(
    service: LabelService, s3: FakeS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: str) -> None:
        raise refusal("HeadObject", "403", 403)

    monkeypatch.setattr(s3, "head_object", refuse)
    with pytest.raises(Exception, match="403"):
        service.find("a.jpg")


def test_waits_until_results_are_gone(service: LabelService, results: FakeResults, clock: Clock) -> None:
    results.put(make_result("a"))
    results.put(make_result("b"))
    clock.then[1] = lambda: results.put(make_result("a", "DELETED"))
    clock.then[2] = lambda: results.stored.pop("b")
    assert service.wait_until_gone(["a", "b"], 60) == []
    assert len(clock.sleeps) == 2


def test_tells_which_results_are_still_there(service: LabelService, results: FakeResults) -> None:
    results.put(make_result("a"))
    assert service.wait_until_gone(["a", "b"], 3) == ["a"]
