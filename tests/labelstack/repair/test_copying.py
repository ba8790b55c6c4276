"""Pictures of another bucket: the copied ones, their keys, and their attributes."""

from __future__ import annotations

import pytest

from labelstack.errors import InputError, RepairError
from labelstack.repair.copying import Listed, NotCopyableError, Place, copy, destination, listed
from tests.labelstack.repair.fakes import BUCKET, FakeStorage

SOURCE = Place("old", "2026/")


@pytest.fixture
def s3() -> FakeStorage:
    fake = FakeStorage()
    for name in ("2026/a.jpg", "2026/b/c.jpg", "2026/b/d.jpg", "2026/b/e.jpg", "2027/f.jpg"):
        fake.put(name, name.encode(), bucket="old")
    return fake


def entry_of(s3: FakeStorage, key: str = "2026/a.jpg") -> Listed:
    return next(entry for entry in listed(s3, Place("old")) if entry.key == key)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("s3://old", Place("old")),
        ("s3://old/", Place("old")),
        ("s3://old/2026/ü +", Place("old", "2026/ü +")),
    ],
)
def test_place_is_read(url: str, place: Place) -> None:
    assert Place.parse(url) == place


@pytest.mark.parametrize("url", ["", "old", "s3://", "s3:///x", "https://old.s3.amazonaws.com/", "S3://old"])
def test_what_is_no_place_says_what_is_expected(url: str) -> None:
    with pytest.raises(InputError, match="the source must be s3://BUCKET or s3://BUCKET/PREFIX; got "):
        Place.parse(url)


def test_objects_are_listed_in_order(s3: FakeStorage) -> None:
    assert [entry.key for entry in listed(s3, SOURCE)] == [
        "2026/a.jpg",
        "2026/b/c.jpg",
        "2026/b/d.jpg",
        "2026/b/e.jpg",
    ]
    assert [entry.key for entry in listed(s3, SOURCE, "2026/b/c.jpg")] == ["2026/b/d.jpg", "2026/b/e.jpg"]


@pytest.mark.parametrize(
    ("prefix", "key", "expected"),
    [
        ("", "a/b.jpg", "uploads/a/b.jpg"),
        ("2026/", "2026/a/b.jpg", "uploads/a/b.jpg"),
        ("2026", "2026/a.jpg", "uploads/2026/a.jpg"),
        ("photos/2026-", "photos/2026-11/a.jpg", "uploads/2026-11/a.jpg"),
    ],
)
def test_key_keeps_its_folders_below_the_prefix(prefix: str, key: str, expected: str) -> None:
    assert destination(Place("old", prefix), key, "uploads/") == expected


def test_copy_keeps_type_and_metadata(s3: FakeStorage) -> None:
    s3.put("2026/a.jpg", b"a", bucket="old", ContentType="image/jpeg", Metadata={"camera": "x"})
    entry = entry_of(s3)

    assert copy(s3, SOURCE, entry, BUCKET, "uploads/a.jpg")

    kept = s3.buckets[BUCKET]["uploads/a.jpg"]
    assert kept.content == b"a"
    assert kept.described == {
        "ContentType": "image/jpeg",
        "Metadata": {"camera": "x", "labelstack-original-etag": entry.etag},
    }


def test_copy_is_made_once_whatever_its_etag(s3: FakeStorage) -> None:
    copy(s3, SOURCE, entry_of(s3), BUCKET, "uploads/a.jpg")
    assert s3.buckets[BUCKET]["uploads/a.jpg"].etag != entry_of(s3).etag

    assert not copy(s3, SOURCE, entry_of(s3), BUCKET, "uploads/a.jpg")
    assert s3.copies == ["uploads/a.jpg"]


def test_same_bytes_that_were_uploaded_are_not_copied(s3: FakeStorage) -> None:
    s3.put("uploads/a.jpg", b"2026/a.jpg")

    assert not copy(s3, SOURCE, entry_of(s3), BUCKET, "uploads/a.jpg")


@pytest.mark.parametrize("content", [b"2026/X.jpg", b"other"])
def test_other_bytes_are_replaced(s3: FakeStorage, content: bytes) -> None:
    s3.put("uploads/a.jpg", content)

    assert copy(s3, SOURCE, entry_of(s3), BUCKET, "uploads/a.jpg")


def test_original_that_has_changed_is_copied_again(s3: FakeStorage) -> None:
    copy(s3, SOURCE, entry_of(s3), BUCKET, "uploads/a.jpg")
    s3.put("2026/a.jpg", b"2026/z.jpg", bucket="old")

    assert copy(s3, SOURCE, entry_of(s3), BUCKET, "uploads/a.jpg")


@pytest.mark.parametrize("before", ["head", "copy"])
def test_original_that_has_been_deleted_is_left(s3: FakeStorage, before: str) -> None:
    entry = entry_of(s3)

    def delete(operation: str, key: str) -> None:
        if operation == before and key == entry.key:
            s3.delete(key, None, "old")

    s3.fail = delete

    assert not copy(s3, SOURCE, entry, BUCKET, "uploads/a.jpg")


@pytest.mark.parametrize(
    ("operation", "code", "status"),
    [("copy", "InvalidObjectState", 403), ("copy", "InvalidRequest", 400), ("copy", "EntityTooLarge", 400)],
)
def test_object_that_nobody_can_copy_says_so(s3: FakeStorage, operation: str, code: str, status: int) -> None:
    entry = entry_of(s3)
    s3.refuse(operation, code, status)

    with pytest.raises(NotCopyableError, match=f"S3 did not copy '2026/a.jpg' of 'old': .*{code}"):
        copy(s3, SOURCE, entry, BUCKET, "uploads/a.jpg")


def test_object_that_is_encrypted_with_a_key_of_its_own_says_so(s3: FakeStorage) -> None:
    entry = entry_of(s3)
    s3.refuse("head", "400", 400, of=entry.key)

    with pytest.raises(NotCopyableError, match=r"S3 did not answer whether 'old' has '2026/a.jpg'"):
        copy(s3, SOURCE, entry, BUCKET, "uploads/a.jpg")


@pytest.mark.parametrize("operation", ["head", "copy"])
def test_rights_that_are_missing_are_another_error(s3: FakeStorage, operation: str) -> None:
    entry = entry_of(s3)
    s3.refuse(operation, "AccessDenied", 403)

    with pytest.raises(RepairError, match="AccessDenied") as caught:
        copy(s3, SOURCE, entry, BUCKET, "uploads/a.jpg")

    assert not isinstance(caught.value, NotCopyableError)
