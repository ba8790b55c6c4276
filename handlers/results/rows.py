"""The DynamoDB side: items to and from the wire, transactions, and DynamoDB's errors in our words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Protocol

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from handlers.results import keys
from handlers.results.errors import ConflictError, TableUnavailableError
from handlers.results.order import State
from handlers.results.pending import Pending
from handlers.results.plan import Action, Count, DeleteEntry, Item, PutEntry, PutImage

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Wire = dict[str, Any]

_CONFLICT_CODES: Final = frozenset(
    {"ConditionalCheckFailedException", "TransactionCanceledException", "TransactionConflictException"}
)
_CONFLICT_REASONS: Final = frozenset({"ConditionalCheckFailed", "TransactionConflict"})
_UNAVAILABLE_CODES: Final = frozenset(
    {
        "InternalServerError",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestTimeout",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TransactionInProgressException",
    }
)
_UNAVAILABLE_REASONS: Final = frozenset({"ThrottlingError", "ProvisionedThroughputExceeded"})


class Rows(Protocol):
    """What writing needs of a table. Raises TableUnavailableError."""

    def read_partition(self, pk: str) -> Sequence[Item]:
        """All items of a partition, read consistently."""

    def commit(self, actions: Sequence[Action]) -> None:
        """All or nothing. Raises ConflictError when the picture is not in the state the plan was made on."""

    def read_image(self, key: str) -> Item | None:
        """The image item of a picture, read consistently."""

    def put(self, item: Item) -> None:
        """Write one item, whatever is there."""

    def change_image(self, key: str, where: Mapping[str, str], put: Mapping[str, str], remove: Sequence[str]) -> bool:
        """Put and remove attributes of a picture's image item; False if it has not these values (`where`) any more."""


def to_wire(item: Item) -> Wire:
    """Python values to DynamoDB's typed ones; a float is a TypeError."""
    serialize = TypeSerializer().serialize
    return {name: serialize(value) for name, value in item.items()}


def from_wire(item: Mapping[str, Any]) -> dict[str, Any]:
    """DynamoDB's typed values to Python ones; numbers are Decimal."""
    deserialize = TypeDeserializer().deserialize
    return {name: deserialize(value) for name, value in item.items()}


def client_config(connections: int) -> Config:
    """How the DynamoDB client of a function is built: short time-outs, botocore's own retries of throttling."""
    return Config(
        connect_timeout=3,
        read_timeout=5,
        max_pool_connections=connections,
        retries={"mode": "standard", "total_max_attempts": 5},
    )


@contextmanager
def translated_errors() -> Iterator[None]:
    """Throttling, server errors and network errors as TableUnavailableError, lost races as ConflictError."""
    try:
        yield
    except ClientError as error:
        code = error.response["Error"].get("Code", "")
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        reasons = {reason.get("Code") for reason in error.response.get("CancellationReasons", [])}
        if code == "TransactionCanceledException" and reasons & _UNAVAILABLE_REASONS:
            raise TableUnavailableError(f"DynamoDB throttles: {error}") from error
        if code in _CONFLICT_CODES and reasons <= _CONFLICT_REASONS | {"None"}:
            raise ConflictError(str(error)) from error
        if code in _UNAVAILABLE_CODES or status >= 500:
            raise TableUnavailableError(f"DynamoDB cannot answer now: {error}") from error
        raise
    except BotoCoreError as error:
        raise TableUnavailableError(f"DynamoDB cannot be reached: {error}") from error


class DynamoRows:
    """`Rows` in DynamoDB."""

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        self._client = client
        self._table = table_name

    def read_partition(self, pk: str) -> Sequence[Item]:
        """All items of a partition, read consistently."""
        items: list[Item] = []
        with translated_errors():
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": {"S": pk}},
                ConsistentRead=True,
            )
            for page in pages:
                items += [from_wire(item) for item in page["Items"]]
        return items

    def commit(self, actions: Sequence[Action]) -> None:
        """One TransactWriteItems."""
        with translated_errors():
            self._client.transact_write_items(TransactItems=[self._wire(action) for action in actions])

    def read_image(self, key: str) -> Item | None:
        """The image item of a picture, read consistently."""
        with translated_errors():
            answer = self._client.get_item(
                TableName=self._table,
                Key={"pk": {"S": keys.image_pk(key)}, "sk": {"S": keys.META}},
                ConsistentRead=True,
            )
        return from_wire(answer["Item"]) if "Item" in answer else None

    def put(self, item: Item) -> None:
        """Write one item, whatever is there."""
        with translated_errors():
            self._client.put_item(TableName=self._table, Item=to_wire(item))

    def change_image(self, key: str, where: Mapping[str, str], put: Mapping[str, str], remove: Sequence[str]) -> bool:
        """One UpdateItem."""
        sets = ", ".join(f"{name} = :new_{name}" for name in put)
        update = " ".join([*([f"SET {sets}"] if put else []), *(["REMOVE " + ", ".join(remove)] if remove else [])])
        try:
            with translated_errors():
                self._client.update_item(
                    TableName=self._table,
                    Key={"pk": {"S": keys.image_pk(key)}, "sk": {"S": keys.META}},
                    UpdateExpression=update,
                    ConditionExpression=" AND ".join(f"{name} = :old_{name}" for name in where),
                    ExpressionAttributeValues={
                        **{f":new_{name}": {"S": value} for name, value in put.items()},
                        **{f":old_{name}": {"S": value} for name, value in where.items()},
                    },
                )
        except ConflictError:
            return False
        return True

    def _wire(self, action: Action) -> Any:
        match action:
            case PutImage(item, read, pending):
                return {"Put": self._put(item) | _pin(read, pending)}
            case PutEntry(item):
                return {"Put": self._put(item)}
            case DeleteEntry(pk, sk):
                return {"Delete": self._at(pk, sk)}
            case Count(pk, sk, amounts):
                return {"Update": self._at(pk, sk) | _add(amounts)}

    def _put(self, item: Item) -> Wire:
        return {"TableName": self._table, "Item": to_wire(item)}

    def _at(self, pk: str, sk: str) -> Wire:
        return {"TableName": self._table, "Key": {"pk": {"S": pk}, "sk": {"S": sk}}}


def _pin(read: State | None, pending: Pending | None) -> Wire:
    if read is None:
        return {"ConditionExpression": "attribute_not_exists(pk)"}
    condition = "sequencer = :sequencer AND eventTime = :eventTime AND #status = :status"
    values = {
        ":sequencer": {"S": read.position.sequencer},
        ":eventTime": {"S": read.position.event_time},
        ":status": {"S": str(read.status)},
    }
    if pending is not None:
        condition += " AND unannounced = :unannounced AND claimedUntil = :claimedUntil"
        values |= {":unannounced": {"S": pending.id}, ":claimedUntil": {"S": pending.claimed_until}}
    return {
        "ConditionExpression": condition,
        "ExpressionAttributeNames": {"#status": "status"},
        "ExpressionAttributeValues": values,
    }


def _add(amounts: Mapping[str, int]) -> Wire:
    labels: Iterable[tuple[int, tuple[str, int]]] = list(enumerate(amounts.items()))
    return {
        "UpdateExpression": "ADD " + ", ".join(f"#n{i} :n{i}" for i, _ in labels),
        "ExpressionAttributeNames": {f"#n{i}": keys.COUNTER_PREFIX + label for i, (label, _) in labels},
        "ExpressionAttributeValues": {f":n{i}": {"N": str(amount)} for i, (_, amount) in labels},
    }
