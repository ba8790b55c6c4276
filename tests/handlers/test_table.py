"""The results table on a real DynamoDB emulation."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from handlers.results import keys, search
from handlers.results.codes import Status
from handlers.results.document import json_ready
from handlers.results.errors import InvalidCursorError, InvalidQueryError, TableUnavailableError
from handlers.results.query import Order, Query
from handlers.results.search import Page, ResultsReader
from handlers.results.table import ResultsWriter, Rows
from tests.handlers.factories import event, label, labeled, reading, time_of
from tests.handlers.tables import ResultsTable, keys_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def test_result_is_read_as_it_was_written(table: ResultsTable) -> None:
    written = labeled("a b/é+%.jpg", label("Cat", "97.1235"))
    table.write(written)

    assert table.get("a b/é+%.jpg") == written.result


def test_unknown_key_has_no_result(table: ResultsTable) -> None:
    assert table.get("nothing.jpg") is None


def test_key_of_1000_bytes_can_be_written_and_found(table: ResultsTable) -> None:
    key = "ä" * 500
    table.write(labeled(key, label("Cat")))

    assert [match["key"] for match in table.search(Query.of("cat")).items] == [key]
    assert [result["key"] for result in table.list_images().items] == [key]


def test_deleted_picture_is_told_and_not_listed(table: ResultsTable) -> None:
    table.write(labeled("cat.jpg", label("Cat"), sequencer=1))
    table.write(event(sequencer=2).tombstone(time_of(3)))

    result = table.get("cat.jpg")
    assert result is not None
    assert (result["status"], result.get("code")) == ("DELETED", "OBJECT_DELETED")
    assert table.list_images().items == []
    assert table.search(Query.of("cat")).items == []
    assert table.label_counts() == {}


def test_49_labels_are_replaced_by_49_others_at_once(table: ResultsTable) -> None:
    table.write(labeled("cat.jpg", *(label(f"Old {n}") for n in range(49)), sequencer=1))
    table.write(labeled("cat.jpg", *(label(f"New {n}") for n in range(49)), sequencer=2))

    assert table.label_counts() == {f"New {n}": 1 for n in range(49)}


def test_terms_beyond_a_transaction_are_replaced_too(table: ResultsTable) -> None:
    for sequencer, name in enumerate(("old", "new"), 1):
        words = [f"{name}{n}" for n in range(40)]
        table.write(reading("cat.jpg", *words, sequencer=sequencer, labels=name))

    terms = [f"TERM#TEXT#{name}{n}" for name in ("old", "new") for n in range(40)]
    left = table.writer.rows.read_items([(keys.IMAGE + "cat.jpg", term) for term in terms])
    assert sorted(sk for _, sk in left) == sorted(terms[40:])


def test_writers_at_once_end_in_the_newest_result_and_exact_counts(dynamodb: DynamoDBClient, table_name: str) -> None:
    table = ResultsTable(dynamodb, table_name)
    writes = [labeled("cat.jpg", label("Cat"), label(f"L{n}"), sequencer=n) for n in range(1, 9)]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(table.write, writes))

    assert table.label_counts() == {"Cat": 1, "L8": 1}
    assert table.get("cat.jpg") == writes[-1].result


def test_counts_add_up_over_the_shards(table: ResultsTable) -> None:
    for number in range(40):
        table.write(labeled(f"{number}.jpg", label("Cat"), *([label("Dog")] if number % 4 == 0 else [])))

    assert table.label_counts() == {"Cat": 40, "Dog": 10}


def below(dynamodb: DynamoDBClient, table_name: str, folder: str = "uploads/") -> ResultsReader:
    """Return a reader that knows one folder only."""
    return ResultsReader(dynamodb, table_name, folder=folder)


def test_counts_of_one_folder_leave_out_all_others(dynamodb: DynamoDBClient, table_name: str) -> None:
    table = ResultsTable(dynamodb, table_name)
    for key in ("uploads/1", "uploads/a/2", "uploads", "uploadsx/3", "upload/4", "5", "/uploads/6", "uploads#/7"):
        table.write(labeled(key, label("Cat")))

    assert below(dynamodb, table_name).label_counts() == {"Cat": 2}
    assert table.label_counts() == {"Cat": 8}


@pytest.mark.parametrize("folder", ["uploads", "a/b/", "/a/"])
def test_reader_of_what_is_no_folder_is_refused(dynamodb: DynamoDBClient, folder: str) -> None:
    with pytest.raises(ValueError, match="expected one folder"):
        ResultsReader(dynamodb, "table", folder=folder)


ORDERS: tuple[Order, ...] = ("newest", "confidence")


@pytest.mark.parametrize("when", [0, 1], ids=["all at once", "one by one"])
def test_pages_of_one_folder_are_whole(
    dynamodb: DynamoDBClient, table_name: str, when: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # With equal times and confidences, only the keys give an order: those before and after the folder's.
    monkeypatch.setattr(search, "_MAX_ROUNDS", 2)
    table = ResultsTable(dynamodb, table_name)
    for number in range(8):
        for folder in ("archive/secret", "uploads/", "zebra/secret"):
            table.write(labeled(f"{folder}{number}", label("Cat", "90"), label("Dog"), processed=number * when))
    reader = below(dynamodb, table_name)
    expected = [f"uploads/{number}" for number in reversed(range(8))]

    finds: list[Callable[[str | None], Page]] = [
        partial(reader.list_images, 2),
        *(partial(reader.search, Query.of(text, order=order), 2) for text in ("cat", "cat dog") for order in ORDERS),
    ]
    for find, block in product(finds, (2, 1000)):
        monkeypatch.setattr(search, "_BLOCK", block)
        keys_listed: list[str] = []
        page = find(None)
        pages = 1
        while page.cursor:
            keys_listed += [item["key"] for item in page.items]
            page = find(page.cursor)
            pages += 1
            assert pages <= 30, "the cursor does not move on"
        assert keys_listed + [item["key"] for item in page.items] == expected


def test_pages_of_one_folder_are_as_if_there_were_no_other(dynamodb: DynamoDBClient, table_name: str) -> None:
    # Pages that end on a foreign entry would count such entries, and bracket their times and confidences.
    table = ResultsTable(dynamodb, table_name)
    for number in range(9):
        folder, status = ("uploads/", Status.LABELED) if number % 4 == 0 else ("private/", Status.FAILED)
        table.write(labeled(f"{folder}{number}", label("Cat", str(50 + number)), processed=number))
        table.write(labeled(f"{folder}failed{number}", processed=number, status=status))
    reader = below(dynamodb, table_name)

    finds: list[Callable[[str | None], Page]] = [
        partial(reader.list_images, 1, status=Status.LABELED),
        partial(reader.list_images, 1),
        *(partial(reader.search, Query.of("cat", order=order), 1) for order in ORDERS),
    ]
    for find in finds:
        page = find(None)
        sizes = [len(page.items)]
        while page.cursor:
            page = find(page.cursor)
            sizes.append(len(page.items))
        assert set(sizes[:-1]) == {1}


def test_cursor_that_dynamodb_refuses_is_no_cursor(dynamodb: DynamoDBClient, table_name: str) -> None:
    table = ResultsTable(dynamodb, table_name)
    for number in range(3):
        table.write(labeled(f"{number}.jpg", label("Cat")))
    finds: list[Callable[[str | None], Page]] = [
        lambda cursor: table.list_images(1, cursor),
        lambda cursor: table.search(Query.of("cat"), limit=1, cursor=cursor),
    ]
    for find in finds:
        cursor = find(None).cursor

        def refuse(**request: Any) -> Any:
            error: Any = {"Error": {"Code": "ValidationException", "Message": "The provided starting key is invalid"}}
            raise ClientError(error, "Query")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(dynamodb, "query", refuse)
            with pytest.raises(InvalidCursorError):
                find(cursor)


def test_images_come_newest_first_in_pages(table: ResultsTable) -> None:
    statuses = [Status.LABELED, Status.REJECTED, Status.FAILED]
    for number in range(10):
        table.write(labeled(f"{number}.jpg", processed=number, status=statuses[number % 3]))

    keys_found: list[str] = []
    cursor: str | None = None
    pages = 0
    while pages == 0 or cursor:
        page = table.list_images(limit=3, cursor=cursor)
        keys_found += [result["key"] for result in page.items]
        cursor = page.cursor
        pages += 1

    assert keys_found == [f"{number}.jpg" for number in reversed(range(10))]
    assert pages <= 5


def test_images_of_one_status(table: ResultsTable) -> None:
    table.write(labeled("good.jpg"))
    table.write(labeled("bad.jpg", status=Status.REJECTED))

    assert [result["key"] for result in table.list_images(status=Status.REJECTED).items] == ["bad.jpg"]


def test_search_finds_labels_in_any_case(table: ResultsTable) -> None:
    table.write(labeled("palm.jpg", label("Palm Tree", "88.25")))

    [match] = table.search(Query.of(labels=["PALM tree"])).items

    assert match == table.get("palm.jpg")


def test_search_wants_the_confidence_of_every_label(table: ResultsTable) -> None:
    table.write(labeled("sure.jpg", label("Cat", "95"), label("Sofa", "95")))
    table.write(labeled("unsure.jpg", label("Cat", "95"), label("Sofa", "75")))

    assert keys_of(table, "cat sofa", min_confidence=Decimal(90)) == ["sure.jpg"]
    assert keys_of(table, "sofa", min_confidence=Decimal(90), order="confidence") == ["sure.jpg"]
    assert keys_of(table, "sofa", min_confidence=Decimal(90), order="newest") == ["sure.jpg"]


def test_search_orders_by_time_or_by_confidence(table: ResultsTable) -> None:
    for number, confidence in enumerate(["80", "99.5", "9.75", "90"]):
        table.write(labeled(f"{number}.jpg", label("Cat", confidence), processed=number))

    assert keys_of(table, "cat", order="newest") == ["3.jpg", "2.jpg", "1.jpg", "0.jpg"]
    assert keys_of(table, "cat", order="confidence") == ["1.jpg", "3.jpg", "0.jpg", "2.jpg"]


def test_search_works_through_a_common_label_in_bounded_steps(
    table: ResultsTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    # By confidence the first label leads, however common: no call may look through all its pictures.
    monkeypatch.setattr(search, "GET_KEYS", 4)
    monkeypatch.setattr(search, "_MAX_ROUNDS", 2)
    for number in range(20):
        rare = [label("Rare")] if number == 0 else []
        table.write(labeled(f"{number}.jpg", label("Cat", str(50 + number)), *rare))

    first = table.search(Query.of("cat rare", order="confidence"))

    assert first.items == []
    assert first.cursor is not None
    assert keys_of(table, "cat rare", order="confidence") == ["0.jpg"]


def test_cursor_of_another_query_is_refused(table: ResultsTable) -> None:
    for number in range(3):
        table.write(labeled(f"{number}.jpg", label("Cat"), label("Dog")))
    cursor = table.search(Query.of("cat"), limit=1).cursor

    with pytest.raises(InvalidCursorError, match="another query"):
        table.search(Query.of("dog"), limit=1, cursor=cursor)
    with pytest.raises(InvalidCursorError, match="another query"):
        table.search(Query.of("cat", min_confidence=Decimal(5)), 1, cursor)
    with pytest.raises(InvalidCursorError):
        table.list_images(cursor=cursor)


@pytest.mark.parametrize("limit", [0, -1, 101])
def test_limit_out_of_range_is_refused(table: ResultsTable, limit: int) -> None:
    with pytest.raises(InvalidQueryError):
        table.list_images(limit=limit)
    with pytest.raises(InvalidQueryError):
        table.search(Query.of("cat"), limit=limit)


@pytest.mark.parametrize("confidence", ["-1", "101", "NaN", "Infinity"])
def test_confidence_out_of_range_is_refused(confidence: str) -> None:
    with pytest.raises(InvalidQueryError):
        Query.of("cat", min_confidence=Decimal(confidence))


def test_many_results_are_read_by_key(table: ResultsTable) -> None:
    for number in range(120):
        table.write(labeled(f"{number}.jpg"))

    results = table.get_many([f"{number}.jpg" for number in range(0, 240, 2)] + ["0.jpg"])

    assert sorted(results) == sorted(f"{number}.jpg" for number in range(0, 120, 2))


def test_unreadable_message_is_kept_and_not_listed_as_a_picture(dynamodb: DynamoDBClient, table_name: str) -> None:
    table = ResultsTable(dynamodb, table_name)

    table.writer.keep_unreadable("m1", "not json", "2026-11-20T12:00:00.000Z")

    [item] = Rows(dynamodb, table_name).read_items([(keys.UNREADABLE + "m1", keys.META)]).values()
    assert (item["code"], item["body"]) == ("UNREADABLE_MESSAGE", "not json")
    assert table.list_images().items == []


def test_result_as_json_has_numbers() -> None:
    written = labeled("cat.jpg", label("Cat", "97.5"))

    assert json_ready(written.result)["labels"][0]["confidence"] == 97.5


@pytest.mark.parametrize(
    ("code", "reasons"),
    [
        ("ProvisionedThroughputExceededException", None),
        ("ThrottlingException", None),
        ("RequestLimitExceeded", None),
        ("InternalServerError", None),
        ("TransactionCanceledException", [{"Code": "None"}, {"Code": "ThrottlingError"}]),
    ],
)
def test_throttled_table_is_unavailable(code: str, reasons: list[dict[str, str]] | None) -> None:
    client = stub_client()
    with Stubber(client) as stubber:
        stubber.add_response("batch_get_item", {"Responses": {}})
        stubber.add_client_error(
            "transact_write_items", code, modeled_fields={"CancellationReasons": reasons} if reasons else {}
        )

        with pytest.raises(TableUnavailableError):
            ResultsTable(client, "t").write(labeled())


def test_lost_race_in_dynamodb_is_tried_again() -> None:
    client = stub_client()
    lost = [{"Code": "ConditionalCheckFailed"}, {"Code": "None"}]
    with Stubber(client) as stubber:
        stubber.add_response("batch_get_item", {"Responses": {}})
        stubber.add_client_error(
            "transact_write_items", "TransactionCanceledException", modeled_fields={"CancellationReasons": lost}
        )
        stubber.add_response("batch_get_item", {"Responses": {}})
        stubber.add_response("transact_write_items", {})

        assert ResultsWriter(Rows(client, "t"), sleep=lambda _: None).write(labeled())

        stubber.assert_no_pending_responses()


def test_table_that_cannot_be_reached_is_unavailable() -> None:
    client = boto3.client(
        "dynamodb",
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        endpoint_url="http://127.0.0.1:9",
        config=Config(retries={"total_max_attempts": 1}),
    )

    with pytest.raises(TableUnavailableError):
        ResultsTable(client, "t").get("cat.jpg")


def stub_client() -> DynamoDBClient:
    return boto3.client("dynamodb", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
