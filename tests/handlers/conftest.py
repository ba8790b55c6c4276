"""A real DynamoDB emulation for the adapters: one per session, a new table per test."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from labelstack.clouds import EmbeddedCloud
from tests.handlers.tables import ResultsTable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@pytest.fixture(autouse=True)
def powertools(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the variables of Powertools' metrics, and a region, as Lambda does."""
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Labelstack")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


@pytest.fixture(scope="session")
def dynamodb(cloud: EmbeddedCloud) -> DynamoDBClient:
    """Return the cloud's DynamoDB."""
    client: DynamoDBClient = cloud.client("dynamodb")
    return client


def create_table(dynamodb: DynamoDBClient) -> str:
    """Return a new empty table, with the keys and indexes of the component's."""
    name = f"results-{uuid.uuid4().hex[:12]}"
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": attribute, "AttributeType": "S"}
            for attribute in ("pk", "sk", "gsi1pk", "gsi1sk", "gsi2pk", "gsi2sk")
        ],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": index,
                "KeySchema": [
                    {"AttributeName": f"{index}pk", "KeyType": "HASH"},
                    {"AttributeName": f"{index}sk", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
            for index in ("gsi1", "gsi2")
        ],
    )
    return name


@pytest.fixture
def table_name(dynamodb: DynamoDBClient) -> Iterator[str]:
    """Yield the name of an empty table."""
    name = create_table(dynamodb)
    yield name
    dynamodb.delete_table(TableName=name)


@pytest.fixture
def table(dynamodb: DynamoDBClient, table_name: str) -> ResultsTable:
    """Return an empty results table."""
    return ResultsTable(dynamodb, table_name)
