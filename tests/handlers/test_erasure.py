"""Erasing a picture, on a bucket and a table in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from handlers.results import keys
from handlers.results.document import document_key, preview_key
from handlers.results.erasure import Erasure

pytestmark = pytest.mark.abuse

KEY, NEIGHBOUR = "uploads/cat.jpg", "uploads/cat.jpg.bak"
LONG = "uploads/" + "x" * 1000


@dataclass
class Buckets:
    """Versions of objects: bucket, key, version id; `marker-…` is a marker of a deletion."""

    versions: list[tuple[str, str, str]] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)

    def get_paginator(self, operation: str) -> Buckets:
        assert operation == "list_object_versions"
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> Iterator[dict[str, Any]]:  # boto3's
        latest: set[str] = set()
        pages: dict[str, list[dict[str, Any]]] = {"Versions": [], "DeleteMarkers": []}
        for _, key, version in reversed(
            [entry for entry in self.versions if entry[0] == Bucket and entry[1].startswith(Prefix)]
        ):
            entry: dict[str, Any] = {"Key": key, "VersionId": version, "IsLatest": key not in latest}
            latest.add(key)
            if version.startswith("marker"):
                pages["DeleteMarkers"].append(entry)
            else:
                pages["Versions"].append({**entry, "ETag": f'"etag-{version}"', "Size": 10})
        yield pages

    def delete_object(self, *, Bucket: str, Key: str, VersionId: str = "null") -> None:  # boto3's
        self.versions.remove((Bucket, Key, VersionId))
        self.removed.append(VersionId)


@dataclass
class Table:
    """Items by partition and sort key."""

    items: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    def put(self, pk: str, sk: str = keys.META, **attributes: Any) -> None:
        self.items[pk, sk] = {"pk": {"S": pk}, "sk": {"S": sk}, **attributes}

    def get_item(self, *, TableName: str, Key: Any, ConsistentRead: bool) -> dict[str, Any]:  # boto3's
        item = self.items.get((Key["pk"]["S"], Key["sk"]["S"]))
        return {"Item": item} if item else {}

    def get_paginator(self, operation: str) -> Table:
        assert operation == "query"
        return self

    def paginate(self, *, ExpressionAttributeValues: Any, **_: Any) -> Iterator[dict[str, Any]]:  # boto3's
        pk = ExpressionAttributeValues[":pk"]["S"]
        yield {"Items": [item for place, item in self.items.items() if place[0] == pk]}

    def delete_item(self, *, TableName: str, Key: Any) -> None:  # boto3's
        del self.items[Key["pk"]["S"], Key["sk"]["S"]]


@dataclass
class World:
    """A stack, and what erases its pictures."""

    buckets: Buckets = field(default_factory=Buckets)
    table: Table = field(default_factory=Table)
    contents: set[tuple[str, int]] = field(default_factory=set)

    def erase(self, key: str = KEY) -> bool:
        return self.erasure.erase(key, self.contents)

    @property
    def erasure(self) -> Erasure:
        s3: Any = self.buckets
        dynamodb: Any = self.table
        return Erasure(s3, dynamodb, "uploads", "results", "documents", "previews")


@pytest.fixture
def world() -> World:
    """Return two versions of a picture, a marker, and their documents; a neighbour."""
    world = World()
    for key, version in ((KEY, "v1"), (KEY, "v2"), (NEIGHBOUR, "n1")):
        world.buckets.versions.append(("uploads", key, version))
        world.buckets.versions.append(("documents", document_key(key, version), f"document-{version}"))
        world.buckets.versions += [("previews", preview_key(key, version, side), "null") for side in (480, 1600)]
        world.table.put(keys.content_pk(f"etag-{version}", 10), "ANALYSIS#labels=1")
    world.buckets.versions.append(("uploads", KEY, "marker-1"))
    world.table.put(keys.ATTEMPT + KEY, "01#time")
    world.table.put(keys.IMAGE + KEY, status={"S": "DELETED"})
    return world


def test_nothing_is_left_but_the_tombstone(world: World) -> None:
    assert [world.erase(), world.erase()] == [False, True]

    assert {key for _, key, _ in world.buckets.versions} == {
        *(NEIGHBOUR, document_key(NEIGHBOUR, "n1")),
        *(preview_key(NEIGHBOUR, "n1", side) for side in (480, 1600)),
    }
    assert set(world.table.items) == {
        (keys.content_pk("etag-n1", 10), "ANALYSIS#labels=1"),
        keys.image_place(KEY),
    }


def test_present_version_goes_last_so_that_no_older_one_comes_to_light(world: World) -> None:
    world.erase()

    assert [version for version in world.buckets.removed if version != "null"][-1] == "marker-1"


def test_documents_wait_until_the_result_is_gone(world: World) -> None:
    world.table.put(keys.IMAGE + KEY, status={"S": "LABELED"}, etag={"S": "etag-v2"}, sizeBytes={"N": "10"})

    assert [world.erase(), world.erase()] == [False, False]

    assert ("documents", document_key(KEY, "v2"), "document-v2") in world.buckets.versions


def test_known_content_that_comes_back_meanwhile_is_erased_too(world: World) -> None:
    world.erase()
    world.table.put(keys.content_pk("etag-v1", 10), "ANALYSIS#labels=1")

    assert world.erase()

    assert (keys.content_pk("etag-v1", 10), "ANALYSIS#labels=1") not in world.table.items


@pytest.mark.parametrize("below", [f"{KEY}/v1.json", f"{KEY}/v1", f"{KEY}/v1/480.webp"])
def test_what_is_made_of_a_key_below_this_one_stays(world: World, below: str) -> None:
    of_below = [
        ("documents", document_key(below, "b1"), "document-b1"),
        ("previews", preview_key(below, "b1", 480), "null"),
    ]
    world.buckets.versions += of_below

    assert [world.erase(), world.erase()] == [False, True]

    assert set(of_below) <= set(world.buckets.versions)


LEFT = [
    ("documents", document_key, "document-1"),
    ("previews", lambda key, version: preview_key(key, version, 480), "null"),
]


@pytest.mark.parametrize(("bucket", "place", "version"), LEFT)
@pytest.mark.parametrize("key", [KEY, LONG])
def test_what_is_made_of_a_version_that_went_before_goes(
    bucket: str, place: Callable[[str, str], str], version: str, key: str
) -> None:
    world = World()
    world.buckets.versions.append((bucket, place(key, "gone"), version))

    assert set(world.erasure.keys_below(key)) == {key}
    assert world.erase(key)

    assert world.buckets.versions == []
    assert set(world.erasure.keys_below(key)) == set()


def test_previews_do_not_wait_until_the_result_is_gone(world: World) -> None:
    world.table.put(keys.IMAGE + KEY, status={"S": "LABELED"})

    assert not world.erase()

    assert not any(entry[1].startswith(f"previews/{KEY}/") for entry in world.buckets.versions)


@pytest.mark.parametrize("kind", ["uploads", "documents", "previews"])
def test_keys_of_which_something_is_left_are_found(world: World, kind: str) -> None:
    world.buckets.versions = [entry for entry in world.buckets.versions if entry[0] == kind]
    world.buckets.versions += [
        ("documents", "results/uploads/v.json", "x"),
        ("previews", "previews/uploads/480.webp", "x"),
    ]

    assert set(world.erasure.keys_below("uploads/")) == {KEY, NEIGHBOUR}
    assert set(world.erasure.keys_below("elsewhere/")) == set()
