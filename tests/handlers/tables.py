"""Both sides of the results table, as tests use them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handlers.results.item import Snapshot, Write
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
