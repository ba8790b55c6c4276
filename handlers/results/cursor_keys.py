"""The keys that encrypt cursors: random, stored in the results table, and renewed by the function itself.

A reader of the table can read everything that a cursor hides. So the table keeps the keys as well as a secrets service
would, without its price and its requests. Each instance reads the keys once, and again for a cursor of an unknown key.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from . import cursor as cursors
from . import keys
from .errors import ConflictError, InvalidCursorError
from .table import translated_errors

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

RENEWAL_S: Final = 30 * 24 * 3600
"""After so long a new key is made. Cursors of the one before stay good until the next renewal."""
_READ_AGAIN_S: Final = 5
_TRUSTED_S: Final = 300
"""So long an instance takes the keys for the table's: whoever removes or replaces them ends all cursors that soon."""
FOREIGN: Final = "the cursor is not one of this service's: begin with the first page"


class _Keys(NamedTuple):
    current: bytes
    previous: tuple[bytes, ...]
    made_at: int


@dataclass
class CursorKeys:
    """The keys of one stack. Raises TableUnavailableError."""

    client: DynamoDBClient
    table: str
    now: Callable[[], float] = time.time
    _known: _Keys | None = None
    _read_at: float = 0

    def encode(self, query: str, state: dict[str, Any]) -> str:
        """Return a cursor of the current key."""
        known = self._current()
        if known is None or self.now() - known.made_at >= RENEWAL_S:
            known = self._renew()
        return cursors.encode(known.current, query, state)

    def decode(self, query: str, cursor: str) -> dict[str, Any]:
        """Return the state in a cursor. Raises InvalidCursorError."""
        state = _decoded(self._current(), query, cursor)
        # Another instance may have renewed the keys. Forged cursors must not cost a request each.
        if state is None and self.now() - self._read_at >= _READ_AGAIN_S:
            state = _decoded(self._read(), query, cursor)
        if state is None:
            raise InvalidCursorError(FOREIGN)
        return state

    def _current(self) -> _Keys | None:
        return self._known if self._known and self.now() - self._read_at < _TRUSTED_S else self._read()

    def _read(self) -> _Keys | None:
        place = {"pk": {"S": keys.CURSOR_KEYS_PK}, "sk": {"S": keys.META}}
        with translated_errors():
            item: Any = self.client.get_item(TableName=self.table, Key=place, ConsistentRead=True).get("Item")
        self._read_at = self.now()
        self._known = None
        if item is not None:
            previous = (item["previous"]["B"],) if "previous" in item else ()
            self._known = _Keys(item["current"]["B"], previous, int(item["madeAt"]["N"]))
        return self._known

    def _renew(self) -> _Keys:
        """Put a new key in the current one's place, unless another instance has done so."""
        old = self._read()
        if old and self.now() - old.made_at < RENEWAL_S:
            return old
        new = _Keys(secrets.token_bytes(cursors.KEY_BYTES), (old.current,) if old else (), int(self.now()))
        item: dict[str, Any] = {
            "pk": {"S": keys.CURSOR_KEYS_PK},
            "sk": {"S": keys.META},
            "current": {"B": new.current},
            "madeAt": {"N": str(new.made_at)},
        }
        unchanged: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
        if old:
            item["previous"] = {"B": old.current}
            unchanged = {
                "ConditionExpression": "madeAt = :made",
                "ExpressionAttributeValues": {":made": {"N": str(old.made_at)}},
            }
        try:
            with translated_errors():
                self.client.put_item(TableName=self.table, Item=item, **unchanged)
        except ConflictError:
            other = self._read()
            assert other is not None, "the condition fails where there are keys"
            return other
        self._known = new
        return new


def _decoded(known: _Keys | None, query: str, cursor: str) -> dict[str, Any] | None:
    return cursors.decode([known.current, *known.previous], query, cursor) if known else None


class OpenKey:
    """The key for readers of the whole table, from whom a cursor hides nothing."""

    _KEY: Final = bytes(cursors.KEY_BYTES)

    def encode(self, query: str, state: dict[str, Any]) -> str:
        """Return a cursor."""
        return cursors.encode(self._KEY, query, state)

    def decode(self, query: str, cursor: str) -> dict[str, Any]:
        """Return the state in a cursor. Raises InvalidCursorError."""
        state = cursors.decode([self._KEY], query, cursor)
        if state is None:
            raise InvalidCursorError(FOREIGN)
        return state
