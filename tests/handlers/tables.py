"""Both sides of the results table, and searches of it, as tests use them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from handlers.results.item import Snapshot, Write
from handlers.results.query import Query
from handlers.results.search import ResultsReader
from handlers.results.table import ResultsWriter, Rows
from labelstack.table_results import TableResults

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class ResultsTable(TableResults):
    """Reads and writes results in one DynamoDB table."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        super().__init__(client, table_name)
        self.writer = ResultsWriter(Rows(client, table_name))

    def write(self, write: Write) -> Snapshot | None:
        """Put a result where it belongs."""
        return self.writer.write(write)


def query_of(text: str, **more: Any) -> Query:
    """Return the search for a text, which may be empty."""
    return Query.of(text, **more) if text else Query(**more)


def keys_of(reader: ResultsReader, text: str, limit: int = 2, **more: Any) -> list[str]:
    """Return the keys of all pages of a search."""
    pages: list[str] = []
    cursor: str | None = None
    while True:
        page = reader.search(query_of(text, **more), limit, cursor)
        assert len(page.items) <= limit
        pages += [result["key"] for result in page.items]
        cursor = page.cursor
        if cursor is None:
            return pages
