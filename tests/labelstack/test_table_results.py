"""Reading every result, on a real DynamoDB emulation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from handlers.results.codes import Status
from handlers.results.item import FACTS_LAYOUT
from labelstack.clouds import EmbeddedCloud
from tests.handlers.conftest import create_table
from tests.handlers.factories import event, label, labeled, time_of
from tests.handlers.tables import ResultsTable


@pytest.fixture
def table(cloud: EmbeddedCloud) -> Iterator[ResultsTable]:
    """Yield an empty results table."""
    dynamodb = cloud.client("dynamodb")
    name = create_table(dynamodb)
    yield ResultsTable(dynamodb, name)
    dynamodb.delete_table(TableName=name)


def keys_of(table: ResultsTable, *statuses: Status, prefix: str = "") -> list[str]:
    results = table.walk(statuses, prefix) if statuses else table.walk(prefix=prefix)
    return [result["key"] for result in results]


def test_every_picture_but_deleted_ones_comes_once_and_the_oldest_first(table: ResultsTable) -> None:
    for number in range(30):
        table.write(labeled(f"{number:02}.jpg", label("Cat"), sequencer=number + 1))
    table.write(labeled("bad.jpg", status=Status.REJECTED))
    table.write(labeled("gone.jpg", label("Cat")))
    table.write(event("gone.jpg", sequencer=9).tombstone(time_of(9)))

    assert keys_of(table) == [*(f"{number:02}.jpg" for number in range(30)), "bad.jpg"]
    assert keys_of(table, Status.REJECTED) == ["bad.jpg"]


def test_prefix_chooses_on_every_page(table: ResultsTable) -> None:
    # Megabytes of results: a page of a query ends after one.
    large = label("Cat")
    large["aliases"] = ["x" * 1000] * 100
    for number in range(24):
        folder = "mine" if number % 2 else "yours"
        table.write(labeled(f"{folder}/{number:02}.jpg", large, sequencer=number + 1))

    assert keys_of(table, prefix="mine/") == [f"mine/{number:02}.jpg" for number in range(1, 24, 2)]


def test_picture_that_changes_its_status_meanwhile_is_not_left_out(table: ResultsTable) -> None:
    table.write(labeled("first.jpg", label("Cat"), sequencer=1))
    table.write(labeled("second.jpg", status=Status.FAILED, sequencer=2))

    walking = table.walk((Status.LABELED, Status.FAILED))
    results = [next(walking)]
    table.write(labeled("second.jpg", label("Dog"), sequencer=2, processed=3))
    results += walking

    assert [(result["key"], result["status"]) for result in results] == [
        ("first.jpg", "LABELED"),
        ("second.jpg", "LABELED"),
    ]


def test_rest_of_the_table_does_not_come(table: ResultsTable) -> None:
    table.write(labeled("cat.jpg", *(label(f"L{n}") for n in range(20))))
    table.writer.keep_unreadable("m1", "no event", "2026-11-20T12:00:00.000Z")

    assert keys_of(table) == ["cat.jpg"]


def test_results_of_an_older_version_are_known(table: ResultsTable) -> None:
    for key in ("old.jpg", "new.jpg"):
        table.write(replace(labeled(key), fingerprint=f"detectors..{FACTS_LAYOUT}"))
    table.write(replace(labeled("facts.jpg"), fingerprint="detectors"))
    for key in ("rejected.jpg", "uncounted.jpg", "f.jpg"):
        table.write(labeled(key, status=Status.FAILED if key == "f.jpg" else Status.REJECTED))
    for key in ("old.jpg", "uncounted.jpg", "f.jpg"):
        place = {"pk": {"S": f"IMAGE#{key}"}, "sk": {"S": "META"}}
        table._client.update_item(
            TableName=table._table, Key=place, UpdateExpression="REMOVE #t", ExpressionAttributeNames={"#t": "terms"}
        )

    assert set(table.outdated()) == {"old.jpg", "facts.jpg", "uncounted.jpg"}
    assert set(table.outdated("new")) == set()
