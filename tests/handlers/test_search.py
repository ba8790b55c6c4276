"""Searches on a real DynamoDB emulation: their matches, page by page, and their reads."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from math import ceil
from typing import TYPE_CHECKING, Any

import pytest

from handlers.results import keys
from handlers.results.codes import Status
from handlers.results.item import Write, size_bytes, term_entries
from handlers.results.query import Query
from handlers.results.search import ResultsReader
from handlers.results.table import from_wire
from tests.handlers.conftest import create_table
from tests.handlers.factories import event, label, labeled, reading, time_of
from tests.handlers.tables import ResultsTable, keys_of, query_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

DATES = ("2024-06-01", "2026-01-15", "2026-02-01", "2026-02-01")


def stock(table: ResultsTable) -> None:
    """Write four labelled pictures, the newest last, and others that no search may show."""
    words: tuple[list[str], ...] = (["STOP"], ["stop", "here"], [], ["exit"])
    for number, (date, read) in enumerate(zip(DATES, words, strict=True)):
        write = reading(f"uploads/IMG_{number}{number}.jpg", *read, sequencer=number + 1)
        write.result["labels"] = [label("Cat"), *([label("Dog")] if number % 2 else [])]
        faces: Any = [{}] * number
        moderation: Any = [{"name": "Alcohol"}] if number == 2 else []
        write.result.update({"uploadedAt": f"{date}T12:00:00.000Z", "faces": faces, "moderation": moderation})
        table.write(write)
    table.write(labeled("uploads/IMG_99.jpg", status=Status.REJECTED))
    table.write(reading("uploads/IMG_98.jpg", "stop"))
    table.write(event("uploads/IMG_98.jpg", sequencer=9).tombstone(time_of(9)))
    table.write(reading("private/IMG_97.jpg", "stop", sequencer=3))


@pytest.fixture(scope="module")
def stocked_name(dynamodb: DynamoDBClient) -> Iterator[str]:
    """Yield the name of a stocked table. Tests leave it unchanged."""
    name = create_table(dynamodb)
    stock(ResultsTable(dynamodb, name))
    yield name
    dynamodb.delete_table(TableName=name)


@pytest.fixture
def stocked(dynamodb: DynamoDBClient, stocked_name: str) -> ResultsTable:
    return ResultsTable(dynamodb, stocked_name)


@pytest.fixture
def below(dynamodb: DynamoDBClient, stocked_name: str) -> ResultsReader:
    """Return a reader of one folder of the stocked table."""
    return ResultsReader(dynamodb, stocked_name, folder="uploads/")


def images(*numbers: int) -> list[str]:
    return [f"uploads/IMG_{number}{number}.jpg" for number in numbers]


FINDS = [
    ("text:stop", [1, 0]),
    ('text:"stop here"', [1]),
    ("name:img", [3, 2, 1, 0]),
    ("name:IMG_22", [2]),
    ("name:22.jpg", [2]),
    ("name:jpg", [3, 2, 1, 0]),
    ("name:3", [3]),
    ("faces:none", [0]),
    ("faces:one", [1]),
    ("faces:group", [3, 2]),
    ("flagged:yes", [2]),
    ("flagged:no", [3, 1, 0]),
    ("-dog", [2, 0]),
    ("-text:stop -faces:group", []),
    ("-flagged:yes -name:img_3", [1, 0]),
    ("cat -dog", [2, 0]),
    ("cat dog text:stop faces:one flagged:no", [1]),
    ("from:2026-01-15 to:2026-01-15", [1]),
    ("from:2026-01-16", [3, 2]),
    ("to:2026-01-31", [1, 0]),
    ("to:2024-12-31 cat", [0]),
    ("from:2025-01-01 -dog", [2]),
    ("from:2024-01-01 to:2026-02-01", [3, 2, 1, 0]),
    ("text:quokka", []),
    ("quokka", []),
    ("from:1990-01-01 to:1990-12-31", []),
]


@pytest.mark.parametrize(("text", "numbers"), FINDS)
def test_finds_what_matches_in_pages_and_nothing_of_other_folders(
    stocked: ResultsTable, below: ResultsReader, text: str, numbers: list[int]
) -> None:
    assert [keys_of(below, text, limit) for limit in (1, 3, 100)] == [images(*numbers)] * 3
    assert [key for key in keys_of(stocked, text) if not key.startswith("private/")] == images(*numbers)


def test_the_surest_of_the_first_label_come_first(table: ResultsTable) -> None:
    stock(table)
    table.write(labeled("uploads/sure.jpg", label("Dog", "99"), label("Cat", "70"), sequencer=9))

    assert keys_of(table, "dog -text:exit", order="confidence") == ["uploads/sure.jpg", *images(1)]
    assert keys_of(table, "dog cat", order="confidence", min_confidence=Decimal(80)) == images(3, 1)


TAKEN = [("", [3, 1, 2, 0]), ("cat -dog", [2, 0]), ("to:2026-01-14", [2, 0]), ("text:stop", [1, 0]), ("quokka", [])]


def test_the_latest_date_comes_first_whatever_came_last(
    dynamodb: DynamoDBClient, table: ResultsTable, table_name: str
) -> None:
    stock(table)
    scan = labeled("uploads/IMG_22.jpg", label("Cat"), sequencer=30)
    scan.result.update({"uploadedAt": "2026-11-01T12:00:00.000Z", "capture": {"takenAt": "2025-05-01T12:00:00+02:00"}})
    table.write(scan)
    film = reading("uploads/IMG_00.jpg", "STOP", sequencer=31)
    film.result.update({"labels": [label("Cat")], "capture": {"takenAt": "1987-05-01T12:00:00"}})
    table.write(film)
    below = ResultsReader(dynamodb, table_name, folder="uploads/")

    for text, numbers in TAKEN:
        for limit in (1, 3, 100):
            assert (text, keys_of(below, text, limit, order="taken")) == (text, images(*numbers))


COUNTED = [("", 4), ("cat", 4), ("DOG", 2), ("faces:group", 2), ("flagged:no", 3), ("faces:none", 1), ("quokka", 0)]
NOT_COUNTED = ["-flagged:yes", "cat -dog", "text:stop", "name:img", "from:2024-01-01", "cat from:2024-01-01"]


@pytest.mark.parametrize(("text", "total"), [*COUNTED, *((text, None) for text in NOT_COUNTED)])
@pytest.mark.parametrize("order", ["newest", "taken"])
def test_a_first_page_says_how_many_match_in_the_folder_where_a_counter_knows_it(
    below: ResultsReader, text: str, total: int | None, order: Any
) -> None:
    query = query_of(text, order=order)

    first, whole = (below.search(query, limit) for limit in (1, 100))

    assert (first.total, whole.total) == (total if first.cursor else len(first.items), len(whole.items))
    assert total in (None, whole.total)
    if first.cursor:
        assert below.search(query, 1, first.cursor).total is None


def test_labels_of_some_confidence_are_not_counted(stocked: ResultsTable) -> None:
    assert stocked.search(Query.of("cat", min_confidence=Decimal("0.1")), 1).total is None


@pytest.mark.parametrize(("status", "total"), [(None, 5), ("LABELED", 4), ("REJECTED", 1), ("FAILED", 0)])
def test_a_list_says_how_many_there_are_of_each_status(
    below: ResultsReader, meter: Meter, status: Any, total: int
) -> None:
    first = below.list_images(1, status=status)

    assert first.total == total
    partitions = 1 if status else 3
    assert meter.requests.count("Query") <= 3 * partitions + 1
    assert meter.units <= 5
    assert first.cursor is None or below.list_images(1, first.cursor, status).total is None


def test_years_without_pictures_cost_no_page(table: ResultsTable, meter: Meter) -> None:
    for number, year in enumerate((2026, 1991)):
        write = labeled(f"{year}.jpg", sequencer=number + 1)
        write.result["capture"] = {"takenAt": f"{year}-05-01T12:00:00"}
        table.write(write)
    meter.requests.clear()

    page = table.search(Query(order="taken"))

    assert ([result["key"] for result in page.items], page.cursor) == (["2026.jpg", "1991.jpg"], None)
    assert meter.requests.count("Query") <= datetime.now(UTC).year - 1990 + 2
    assert meter.units <= 2


def test_a_term_that_is_left_of_another_result_shows_nothing(dynamodb: DynamoDBClient, table: ResultsTable) -> None:
    write = reading("cat.jpg", "stop")
    table.write(write)
    table.write(reading("cat.jpg", "here", sequencer=2))
    leave(table, write)

    assert keys_of(table, "text:stop") == []
    assert keys_of(table, "text:here") == ["cat.jpg"]


def leave(table: ResultsTable, write: Write) -> None:
    """Write entries as a writer leaves them that stopped halfway."""
    table.writer.rows.put_items(term_entries(write.result))


def test_a_total_costs_a_request_for_the_counters(table: ResultsTable, meter: Meter) -> None:
    labels = {f"n:Some label {number}": 1 for number in range(300)}
    shards = [f"uploads/#{shard:02x}" for shard in range(keys.COUNTER_SHARDS)]
    table.writer.rows.put_items([{"pk": keys.COUNTERS_PK, "sk": shard, "s:LABELED": 99, **labels} for shard in shards])
    for number in range(2):
        table.write(labeled(f"{number}.jpg"))
    meter.units, meter.requests = 0, []

    assert table.search(Query(), limit=1).total == 99 * keys.COUNTER_SHARDS + 2

    assert meter.requests == ["Query", "Query"]
    assert meter.units <= 14


class Meter:
    """Read units at the SDK's door: eventually consistent, half a unit for each 4 KB."""

    def __init__(self) -> None:
        self.units = 0.0
        self.requests: list[str] = []

    def note(self, model: Any, parsed: dict[str, Any], **_: object) -> None:
        """Add an answer of DynamoDB."""
        self.requests.append(model.name)
        if model.name == "Query":
            self.units += ceil(sum(map(_bytes, parsed["Items"])) / 4096) / 2
        if model.name == "BatchGetItem":
            items = [item for items in parsed["Responses"].values() for item in items]
            self.units += sum(ceil(_bytes(item) / 4096) for item in items) / 2


def _bytes(item: dict[str, Any]) -> int:
    return size_bytes(from_wire(item))


@pytest.fixture
def meter(dynamodb: DynamoDBClient) -> Iterator[Meter]:
    """Yield a meter of the searches' reads."""
    meter = Meter()
    dynamodb.meta.events.register("after-call.dynamodb", meter.note, unique_id="meter")
    yield meter
    dynamodb.meta.events.unregister("after-call.dynamodb", unique_id="meter")


@pytest.fixture(scope="module")
def many_name(dynamodb: DynamoDBClient) -> Iterator[str]:
    """Yield the name of a table with 48 pictures. Tests leave it unchanged."""
    name = create_table(dynamodb)
    table = ResultsTable(dynamodb, name)
    for number in range(48):
        write = reading(f"IMG_1{number}.jpg", "stop", sequencer=number + 1)
        write.result["labels"] = [label("Cat"), *([] if number % 2 else [label("Even")])]
        table.write(write)
    yield name
    dynamodb.delete_table(TableName=name)


@pytest.mark.parametrize(
    ("text", "requests", "units"),
    [
        # A page of 24: its entries in one request, its pictures in another, and the label's counters in a third.
        ("cat", ["Query", "BatchGetItem", "Query"], 15),
        ("text:stop", ["Query", "BatchGetItem"], 15),
        ("name:IMG_1", ["Query", "BatchGetItem"], 15),
        ("from:2026-01-01 to:2026-12-31", ["Query", "BatchGetItem"], 15),
        # The listing has whole pictures.
        ("-dog", ["Query"], 5),
        # Every second one matches: the next hundred are looked at, which are all that are left.
        ("cat -even", ["Query", "BatchGetItem", "Query", "BatchGetItem"], 30),
    ],
)
def test_a_page_costs_what_it_shows(
    dynamodb: DynamoDBClient, many_name: str, meter: Meter, text: str, requests: list[str], units: float
) -> None:
    page = ResultsTable(dynamodb, many_name).search(Query.of(text), limit=24)

    assert len(page.items) == 24
    assert meter.requests == requests
    assert meter.units <= units
    assert "Scan" not in meter.requests
