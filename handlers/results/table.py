"""The results table in DynamoDB: reading items, and writing results, each in one transaction.

A write reads, plans and commits, and does so again when another writer was faster.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from . import keys
from .codes import Code
from .errors import ConflictError, TableUnavailableError
from .item import TRANSACTION_ACTIONS, Change, Item, Snapshot, Write, plan, unreadable_item
from .keys import Place
from .order import Position

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Wire = dict[str, Any]
NOTHING: Final[Mapping[str, Any]] = {}

GET_KEYS: Final = 100
"""BatchGetItem's limit."""
_PUT_ITEMS: Final = 25
"""BatchWriteItem's limit."""
_BATCH_ATTEMPTS: Final = 6
_ATTEMPTS: Final = 10
_FIRST_PAUSE_S: Final = 0.02
_LONGEST_PAUSE_S: Final = 0.5
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


@dataclass(frozen=True)
class ResultsWriter:
    """The write side. Raises TableUnavailableError when the table throttles or fails."""

    rows: Rows
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.random

    def read(self, key: str) -> Snapshot:
        """Return the stored state of a picture, by a consistent read."""
        place = keys.image_place(key)
        return Snapshot(self.rows.read_items([place]).get(place))

    def write(self, write: Write, stored: Snapshot | None = None) -> Snapshot | None:
        """Write a result in a transaction, if the order of events allows; None if the stored one stays.

        If the caller passes the `stored` state, this reads only after a conflict. Raises TableUnavailableError also
        when other writers win every time.
        """
        for attempt in range(_ATTEMPTS):
            stored = stored or self.read(write.result["key"])
            changes = plan(write, stored.image)
            if not changes:
                return None
            transaction, rest = changes[:TRANSACTION_ACTIONS], changes[TRANSACTION_ACTIONS:]
            before, after = [each for each in rest if each.put], [each for each in rest if not each.put]
            try:
                if before:
                    self.rows.commit(before)
                self.rows.commit(transaction)
            except ConflictError:
                stored = None
                self.sleep(self.jitter() * min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2**attempt))
                continue
            with suppress(ConflictError):  # another writer has a later result, and keeps the terms that it needs
                if after:
                    self.rows.commit(after)
            return Snapshot(changes[0].put)
        raise TableUnavailableError(f"other writers won {_ATTEMPTS} times in a row")

    def note_attempt(
        self, key: str, position: Position, code: Code, expires_at_s: int, waiting_id: str | None = None
    ) -> None:
        """Remember why an attempt failed: the queue does not hand the reason on to the dead-letter queue.

        `waiting_id` is the id of a message that only waited for its turn. Its waits are counted.
        """
        waits = {} if waiting_id is None else {_waits_of(waiting_id): 1}
        self.rows.update(_attempt_place(key, position), put={"code": code, "expiresAt": expires_at_s}, add=waits)

    def waits(self, messages: Mapping[str, Collection[tuple[str, Position]]]) -> dict[str, int]:
        """Return how often messages have waited. `messages` has their events' keys and positions by id."""
        places = {name: {_attempt_place(*event) for event in events} for name, events in messages.items()}
        notes = self.rows.read_items({place for its_places in places.values() for place in its_places})
        return {
            name: sum(int(notes[place].get(_waits_of(name), 0)) for place in its_places if place in notes)
            for name, its_places in places.items()
        }

    def attempt_code(self, key: str, position: Position) -> Code | None:
        """Return why the last attempt at this event failed, if it was noted."""
        place = _attempt_place(key, position)
        note = self.rows.read_items([place]).get(place)
        return Code(note["code"]) if note else None

    def keep_unreadable(self, message_id: str, body: str, received_at: str) -> None:
        """Keep a queue message that is not an S3 event for ever, so that a person can inspect it."""
        self.rows.put_items([unreadable_item(message_id, body, received_at)])


def _waits_of(message_id: str) -> str:
    return f"waits#{message_id}"


def _attempt_place(key: str, position: Position) -> Place:
    return keys.ATTEMPT + key, "#".join(position)


# --- DynamoDB


def client_config(
    connections: int, *, connect_timeout_s: float = 3, read_timeout_s: float = 5, attempts: int = 5
) -> Config:
    """Return a function's client configuration: short time-outs, botocore's own retries of throttling."""
    return Config(
        connect_timeout=connect_timeout_s,
        read_timeout=read_timeout_s,
        max_pool_connections=connections,
        retries={"mode": "standard", "total_max_attempts": attempts},
    )


@dataclass
class Rows:
    """The operations of a table that writing needs. Raises TableUnavailableError."""

    client: DynamoDBClient
    table: str
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)

    def read_items(self, places: Collection[Place], *, consistent: bool = True) -> Mapping[Place, Item]:
        """Return the items that there are at these places, by one BatchGetItem for each 100."""
        items = {}
        for chunk in _chunks(sorted(set(places)), GET_KEYS):
            request = {"Keys": [wire_key(*place) for place in chunk], "ConsistentRead": consistent}
            for answer in self._batch("read", lambda left: self.client.batch_get_item(RequestItems=left), request):
                for wire in answer["Responses"].get(self.table, []):
                    item = from_wire(wire)
                    items[item["pk"], item["sk"]] = item
        return items

    def put_items(self, items: Sequence[Item]) -> None:
        """Write items, whatever is there, by one BatchWriteItem for each 25."""
        for chunk in _chunks(items, _PUT_ITEMS):
            puts = [{"PutRequest": {"Item": to_wire(item)}} for item in chunk]
            list(self._batch("written", lambda left: self.client.batch_write_item(RequestItems=left), puts))

    def _batch(self, what: str, call: Callable[[Any], Any], request: Any) -> Iterator[Any]:
        """Yield the answers to a batch request, and to the rest that DynamoDB leaves each time."""
        left: Any = {self.table: request}
        for attempt in range(_BATCH_ATTEMPTS):
            with translated_errors():
                answer = call(left)
            yield answer
            left = answer.get("UnprocessedKeys") or answer.get("UnprocessedItems")
            if not left:
                return
            self.sleep(0.05 * 2**attempt)
        raise TableUnavailableError(f"DynamoDB left items of a batch un{what} each time")

    def commit(self, changes: Sequence[Change]) -> None:
        """Commit all changes or none, by one TransactWriteItems.

        Raises ConflictError when an item is not as its change expects it.
        """
        with translated_errors():
            self.client.transact_write_items(TransactItems=[self._wire(change) for change in changes])

    def update(
        self,
        place: Place,
        *,
        where: Item | None = None,
        put: Item = NOTHING,
        add: Mapping[str, int] = NOTHING,
        remove: Collection[str] = (),
    ) -> bool:
        """Change attributes of an item, by one UpdateItem; the others stay.

        Return False if it has not these values (`where`) any more.
        """
        request: Wire = {"TableName": self.table, "Key": wire_key(*place), **expressions(where, put, add, remove)}
        try:
            with translated_errors():
                self.client.update_item(**request)
        except ConflictError:
            return False
        return True

    def _wire(self, change: Change) -> Any:
        request = {"TableName": self.table, **expressions(change.where, add=change.add)}
        if change.put:
            return {"Put": request | {"Item": to_wire(change.put)}}
        return {"Update" if change.add else "Delete": request | {"Key": wire_key(*change.place)}}


def to_wire(item: Item) -> Wire:
    """Return Python values as DynamoDB's typed ones; a float is a TypeError."""
    return dict(TypeSerializer().serialize(dict(item))["M"])


def from_wire(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return DynamoDB's typed values as Python ones; numbers are Decimal."""
    return dict(TypeDeserializer().deserialize({"M": item}))


@contextmanager
def translated_errors() -> Iterator[None]:
    """Raise throttling, server errors and network errors as TableUnavailableError, lost races as ConflictError."""
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


def read_item(client: DynamoDBClient, table: str, place: Place) -> Item | None:
    """Return an item, read consistently; None where there is none."""
    with translated_errors():
        item = client.get_item(TableName=table, Key=wire_key(*place), ConsistentRead=True).get("Item")
    return None if item is None else from_wire(item)


def queried(client: DynamoDBClient, table: str, pk: str, sk_start: str = "", **request: Any) -> Iterator[Item]:
    """Yield the items of a partition of the table, or of the request's index, whose sort keys begin so."""
    index = request.get("IndexName", "")
    condition, values = f"{index}pk = :pk", {":pk": pk}
    if sk_start:
        condition, values[":start"] = f"{condition} AND begins_with({index}sk, :start)", sk_start
    request |= {"KeyConditionExpression": condition, "ExpressionAttributeValues": to_wire(values)}
    with translated_errors():
        for page in client.get_paginator("query").paginate(TableName=table, **request):
            yield from map(from_wire, page["Items"])


def wire_key(pk: str, sk: str) -> Wire:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def expressions(where: Item | None, put: Item = NOTHING, add: Item = NOTHING, remove: Collection[str] = ()) -> Wire:
    """Return the parameters for a condition (see `Change.where`) and for an update of attributes."""
    aliases = {name: f"n{number}" for number, name in enumerate(dict.fromkeys([*(where or ()), *put, *add, *remove]))}
    clauses = {
        "SET": [f"#{aliases[name]} = :put_{aliases[name]}" for name in put],
        "ADD": [f"#{aliases[name]} :add_{aliases[name]}" for name in add],
        "REMOVE": [f"#{aliases[name]}" for name in remove],
    }
    conditions = [f"#{aliases[name]} = :is_{aliases[name]}" for name in where or ()]
    operands = (("is", where or {}), ("put", put), ("add", add))
    values = {f":{use}_{aliases[name]}": value for use, named in operands for name, value in named.items()}
    expressions: Wire = {
        "UpdateExpression": " ".join(f"{verb} {', '.join(parts)}" for verb, parts in clauses.items() if parts),
        "ConditionExpression": "attribute_not_exists(pk)" if where == {} else " AND ".join(conditions),
        "ExpressionAttributeNames": {f"#{alias}": name for name, alias in aliases.items()},
        "ExpressionAttributeValues": to_wire(values),
    }
    return {name: expression for name, expression in expressions.items() if expression}


def _chunks(values: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (values[start : start + size] for start in range(0, len(values), size))
