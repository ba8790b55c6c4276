"""Writes and queries at random, answered by ministack itself and with indexes in order: `python -m …`.

It is a process of its own, because importing ministack changes its process. It prints differences, and how many queries
went either way.
"""

from __future__ import annotations

import json
import random
from typing import Any

from ministack.services import dynamodb

from labelstack.clouds import index_order

TABLE = "table"
KEYS = ("pk", "sk", "gsi1pk", "gsi1sk", "gsi2pk", "gsi2sk", "number")
CONDITIONS = (
    *("", " AND gsi1sk >= :v", " AND gsi1sk > :v", " AND gsi1sk <= :v", " AND gsi1sk < :v", " AND gsi1sk = :v"),
    *(" AND begins_with(gsi1sk, :v)", " AND gsi1sk BETWEEN :v AND :w", " and #s between :v and :w"),
)


def key_schema(hash_name: str, range_name: str) -> list[dict[str, str]]:
    return [
        {"AttributeName": hash_name, "KeyType": "HASH"},
        {"AttributeName": range_name, "KeyType": "RANGE"},
    ]


def index(name: str, hash_name: str, range_name: str) -> dict[str, Any]:
    keys = key_schema(hash_name, range_name)
    return {"IndexName": name, "KeySchema": keys, "Projection": {"ProjectionType": "ALL"}}


def create_table() -> None:
    types = {name: "N" if name == "number" else "S" for name in KEYS}
    answer = dynamodb._create_table(
        {
            "TableName": TABLE,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": name, "AttributeType": kind} for name, kind in types.items()],
            "KeySchema": key_schema("pk", "sk"),
            "GlobalSecondaryIndexes": [
                index("gsi1", "gsi1pk", "gsi1sk"),
                index("gsi2", "gsi2pk", "gsi2sk"),
                index("by-number", "gsi1pk", "number"),
            ],
        }
    )
    assert answer[0] == 200, answer


def word(rng: random.Random) -> str:
    return "".join(rng.choice("abĀ\U0001f408") for _ in range(rng.randint(1, 2)))


def write(rng: random.Random) -> None:
    """Put, change or delete an item; by itself, in a batch or in a transaction."""
    key = {"pk": {"S": rng.choice("pqrs")}, "sk": {"S": word(rng)}}
    item: dict[str, Any] = {**key, "kept": {"N": str(rng.randint(0, 9))}}
    for name in ("gsi1", "gsi2"):
        if rng.random() < 0.8:  # the others are in the table and not in this index
            item |= {f"{name}pk": {"S": rng.choice("xy")}, f"{name}sk": {"S": word(rng)}}
    if rng.random() < 0.5:
        item["number"] = {"N": str(rng.randint(0, 9))}
    kind = rng.choice(("put", "update", "delete", "batch", "transaction"))
    if kind == "put":
        answer = dynamodb._put_item({"TableName": TABLE, "Item": item})
    elif kind == "delete":
        answer = dynamodb._delete_item({"TableName": TABLE, "Key": key})
    elif kind == "batch":
        answer = dynamodb._batch_write_item({"RequestItems": {TABLE: [{"PutRequest": {"Item": item}}]}})
    elif kind == "transaction":
        answer = dynamodb._transact_write_items({"TransactItems": [{"Put": {"TableName": TABLE, "Item": item}}]})
    else:
        request = {
            "TableName": TABLE,
            "Key": key,
            "UpdateExpression": "SET gsi1pk = :p, gsi1sk = :s",
            "ExpressionAttributeValues": {":p": {"S": rng.choice("xy")}, ":s": {"S": word(rng)}},
        }
        answer = dynamodb._update_item(request)
    assert answer[0] == 200, answer


def query(rng: random.Random) -> dict[str, Any]:
    condition = rng.choice(CONDITIONS)
    low, high = sorted((word(rng), word(rng)))
    values = {":p": {"S": rng.choice("xyz")}, ":v": {"S": low}, ":w": {"S": high}}
    request: dict[str, Any] = {
        "TableName": TABLE,
        "IndexName": "gsi1",
        "KeyConditionExpression": f"gsi1pk = :p{condition}",
        "ExpressionAttributeValues": {name: value for name, value in values.items() if name in f":p{condition}"},
        "ScanIndexForward": rng.random() < 0.5,
    }
    if "#s" in condition:
        request["ExpressionAttributeNames"] = {"#s": "gsi1sk"}
    if rng.random() < 0.3:
        request["FilterExpression"] = "kept > :k"
        request["ExpressionAttributeValues"][":k"] = {"N": "4"}
    if rng.random() < 0.9:
        request["Limit"] = rng.randint(1, 6)
    if rng.random() < 0.2:
        other, name = rng.choice((("gsi2", "gsi2"), ("by-number", "gsi1")))
        request |= {"IndexName": other, "KeyConditionExpression": f"{name}pk = :p"}
        request["ExpressionAttributeValues"] = {":p": values[":p"]}
        request.pop("FilterExpression", None)
        request.pop("ExpressionAttributeNames", None)
    if rng.random() < 0.1:
        request["ExclusiveStartKey"] = {"pk": {"S": "p"}, "sk": {"S": word(rng)}, "gsi1pk": {"S": "x"}}
        if rng.random() < 0.8:
            request["ExclusiveStartKey"]["gsi1sk"] = {"S": word(rng)}
    return request


def main() -> None:
    rng = random.Random(0)
    alone = dynamodb._query
    index_order.install()
    create_table()
    narrowed = whole = 0
    differing: list[Any] = []
    for _ in range(200):
        for _ in range(rng.randint(0, 3)):
            write(rng)
        request = query(rng)
        for _ in range(30):  # page by page
            narrowed, whole = (narrowed + 1, whole) if index_order.page_of(request) else (narrowed, whole + 1)
            expected, actual = alone(request), dynamodb._query(request)
            if expected != actual:
                differing.append([request, repr(expected), repr(actual)])
            last = json.loads(actual[2]).get("LastEvaluatedKey")
            if not last:
                break
            request = {**request, "ExclusiveStartKey": last}
            if rng.random() < 0.3:
                write(rng)
    print(json.dumps({"differing": differing[:3], "narrowed": narrowed, "whole": whole}))  # noqa: T201 — its answer


if __name__ == "__main__":
    main()
