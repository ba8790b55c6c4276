"""Indexes in order: the same answers as ministack's own, and pages that do not cost more in a larger table."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from labelstack.clouds import EmbeddedCloud

ROOT = Path(__file__).resolve().parents[3]
PARTITION = {":p": {"S": "all"}}


@pytest.mark.parametrize("seed", range(3))
def test_answers_are_ministack_s_own(seed: int) -> None:
    module = "tests.labelstack.clouds.index_order_answers"
    done = subprocess.run([sys.executable, "-m", module, str(seed)], cwd=ROOT, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["differing"] == []
    assert answer["narrowed"] > 300
    assert answer["whole"] > 100


@pytest.fixture
def table(cloud: EmbeddedCloud, numbers: Iterator[int]) -> Iterator[str]:
    """An empty table with one index."""
    name, dynamodb = f"ordered-{next(numbers)}", cloud.client("dynamodb")
    own, index = {"pk": "HASH", "sk": "RANGE"}, {"ipk": "HASH", "isk": "RANGE"}

    def schema(keys: dict[str, str]) -> list[dict[str, str]]:
        return [{"AttributeName": key, "KeyType": kind} for key, kind in keys.items()]

    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in own | index],
        KeySchema=schema(own),
        GlobalSecondaryIndexes=[
            {"IndexName": "by-sort", "KeySchema": schema(index), "Projection": {"ProjectionType": "ALL"}}
        ],
    )
    yield name
    dynamodb.delete_table(TableName=name)


def fill(cloud: EmbeddedCloud, table: str, first: int, end: int) -> None:
    for start in range(first, end, 25):
        puts = [
            {"PutRequest": {"Item": {name: {"S": value} for name, value in item(number).items()}}}
            for number in range(start, min(start + 25, end))
        ]
        assert not cloud.client("dynamodb").batch_write_item(RequestItems={table: puts})["UnprocessedItems"]


def item(number: int) -> dict[str, str]:
    return {"pk": f"p{number}", "sk": "s", "ipk": "all", "isk": f"{number:06}"}


def newest(cloud: EmbeddedCloud, table: str) -> list[dict[str, Any]]:
    answer = cloud.client("dynamodb").query(
        TableName=table,
        IndexName="by-sort",
        KeyConditionExpression="ipk = :p",
        ExpressionAttributeValues=PARTITION,
        ScanIndexForward=False,
        Limit=20,
    )
    found: list[dict[str, Any]] = answer["Items"]
    return found


def fastest_page_s(cloud: EmbeddedCloud, table: str) -> float:
    """The fastest of some pages: what the others take beside it, the machine has spent on something else."""
    taken = []
    for _ in range(10):
        started = time.perf_counter()
        newest(cloud, table)
        taken.append(time.perf_counter() - started)
    return min(taken)


def test_a_page_costs_the_same_in_a_large_table(cloud: EmbeddedCloud, table: str) -> None:
    fill(cloud, table, 0, 100)
    small_s = fastest_page_s(cloud, table)
    fill(cloud, table, 100, 5_000)

    assert [one["isk"]["S"] for one in newest(cloud, table)] == [f"{number:06}" for number in range(4_999, 4_979, -1)]
    # ministack's own way takes thirty times as long here.
    assert fastest_page_s(cloud, table) < 5 * small_s
