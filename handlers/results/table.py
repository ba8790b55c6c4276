"""The results table: what the functions write and what everybody reads."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from handlers.results.rows import DynamoRows
from handlers.results.search import ResultsReader
from handlers.results.writer import ResultsWriter

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class ResultsTable(ResultsReader, ResultsWriter):
    """Reads (`ResultsReader`) and writes (`ResultsWriter`) results in one DynamoDB table.

    Raises TableUnavailableError when DynamoDB throttles or fails.
    """

    def __init__(
        self,
        client: DynamoDBClient,
        table_name: str,
        *,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        ResultsReader.__init__(self, client, table_name, sleep=sleep)
        ResultsWriter.__init__(self, DynamoRows(client, table_name), sleep=sleep, jitter=jitter)
