"""Reading every result there is, by queries in order of time: for exports and repairs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from . import keys
from .codes import Status
from .item import Item
from .table import Wire, from_wire, queried, translated_errors

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_PASSES: Final = 2


def walk(client: DynamoDBClient, table_name: str, statuses: Sequence[Status], prefix: str = "") -> Iterator[Item]:
    """Yield the image items of these statuses whose keys begin with `prefix`; of each status the oldest first.

    While it goes on, pictures change: one that gets another result may come twice, the newer one later. So that it does
    not slip through between two statuses, what has come to each meanwhile is read in a second pass.
    """
    after: dict[Status, Wire] = {}
    for _ in range(_PASSES):
        for status in statuses:
            yield from _later(client, table_name, status, prefix, after)


def _later(
    client: DynamoDBClient, table_name: str, status: Status, prefix: str, after: dict[Status, Wire]
) -> Iterator[dict[str, Any]]:
    request: dict[str, Any] = {
        "TableName": table_name,
        "IndexName": "gsi2",
        "KeyConditionExpression": "gsi2pk = :partition",
        "ExpressionAttributeValues": {":partition": {"S": keys.status_partition(status)}},
    }
    if prefix:
        request["FilterExpression"] = "begins_with(#key, :prefix)"
        request["ExpressionAttributeNames"] = {"#key": "key"}
        request["ExpressionAttributeValues"][":prefix"] = {"S": prefix}
    while True:
        if status in after:
            request["ExclusiveStartKey"] = after[status]
        with translated_errors():
            answer = client.query(**request)
        for wire in answer["Items"]:
            after[status] = {name: wire[name] for name in ("pk", "sk", "gsi2pk", "gsi2sk")}
            yield from_wire(wire)
        if "LastEvaluatedKey" not in answer:
            return
        after[status] = answer["LastEvaluatedKey"]


def unannounced(client: DynamoDBClient, table_name: str) -> Iterator[str]:
    """Return the keys of results whose announcement has failed, the longest ago first."""
    request: dict[str, Any] = {
        "IndexName": "gsi1",
        "KeyConditionExpression": "gsi1pk = :partition",
        "ExpressionAttributeValues": {":partition": {"S": keys.UNANNOUNCED}},
    }
    return (item["key"] for item in queried(client, table_name, **request))
