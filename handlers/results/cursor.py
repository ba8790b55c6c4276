"""Cursors that nobody can read or forge: the position in a query, encrypted, authenticated and bound to that query.

A cursor is encrypted and then authenticated with HMAC-SHA256 alone: its keystream is HMAC(key, nonce and counter), its
tag HMAC(another key, nonce and ciphertext). AES-GCM would need `cryptography`, a native package that is larger than
everything else in the API's zips; the standard library has no cipher. A cursor is a few hundred bytes, so the hashes
cost some microseconds.

The keys are random. The results table keeps them as well as a secrets service would, without its price and its
requests: a reader of the table can read everything that a cursor hides. Each instance reads the keys now and then, and
again for a cursor of an unknown key.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from . import keys
from .errors import ConflictError, InvalidCursorError
from .table import expressions, read_item, to_wire, translated_errors, wire_key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 16
_TAG_BYTES: Final = 16
_MAX_CHARACTERS: Final = 8192
CURSOR_KEYS: Final = (keys.CURSOR_KEYS_PK, keys.META)
RENEWAL_S: Final = 30 * 24 * 3600
"""After so long a new key is made. Cursors of the one before stay good until the next renewal."""
_READ_AGAIN_S: Final = 5
_TRUSTED_S: Final = 300
"""So long an instance takes the keys for the table's: whoever removes or replaces them ends all cursors that soon."""
FOREIGN: Final = "the cursor is not one of this service's: begin with the first page"


def query_hash(**parameters: object) -> str:
    """Return a hash that binds cursors to a query."""
    text = json.dumps(parameters, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def encode(key: bytes, query: str, state: Mapping[str, Any]) -> str:
    """Return a cursor that goes on at `state`, for the query of this hash only."""
    plaintext = json.dumps({"q": query, "s": state}, separators=(",", ":"), ensure_ascii=False).encode()
    nonce = secrets.token_bytes(_NONCE_BYTES)
    sealed = nonce + _crypted(key, nonce, plaintext)
    return base64.urlsafe_b64encode(sealed + _tag(key, sealed)).decode().rstrip("=")


def decode(cursor_keys: Sequence[bytes], query: str, cursor: str) -> dict[str, Any] | None:
    """Return the state in a cursor, or None if none of these keys encrypted it.

    Raises InvalidCursorError when one of them has made it for another query.
    """
    if len(cursor) > _MAX_CHARACTERS:
        return None
    try:
        content = base64.b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return None
    sealed, tag = content[:-_TAG_BYTES], content[-_TAG_BYTES:]
    for key in cursor_keys:
        if hmac.compare_digest(_tag(key, sealed), tag):
            document = json.loads(_crypted(key, sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]))
            if document["q"] != query:
                raise InvalidCursorError(
                    "the cursor belongs to another query: use it with the parameters it was given for"
                )
            state: dict[str, Any] = document["s"]
            return state
    return None


def _crypted(key: bytes, nonce: bytes, text: bytes) -> bytes:
    """Encrypt, or decrypt: XOR with the keystream."""
    own = _derived(key, b"encryption")
    blocks = (hmac.digest(own, nonce + number.to_bytes(4, "big"), "sha256") for number in count())
    stream = b"".join(next(blocks) for _ in range(0, len(text), hashlib.sha256().digest_size))
    return bytes(a ^ b for a, b in zip(text, stream, strict=False))


def _tag(key: bytes, sealed: bytes) -> bytes:
    return hmac.digest(_derived(key, b"authentication"), sealed, "sha256")[:_TAG_BYTES]


def _derived(key: bytes, purpose: bytes) -> bytes:
    return hmac.digest(key, b"labelstack cursor " + purpose, "sha256")


# --- the keys


@dataclass
class CursorKeys:
    """The keys of one stack. Raises TableUnavailableError."""

    client: DynamoDBClient
    table: str
    now: Callable[[], float] = time.time
    _keys: list[bytes] = field(default_factory=list)
    """The current one, and the one before."""
    _made_at: int = 0
    _read_at: float = 0

    def encode(self, query: str, state: dict[str, Any]) -> str:
        """Return a cursor of the current key."""
        self._refresh()
        if self._is_due():
            self._renew()
        return encode(self._keys[0], query, state)

    def decode(self, query: str, cursor: str) -> dict[str, Any]:
        """Return the state in a cursor. Raises InvalidCursorError."""
        self._refresh()
        state = decode(self._keys, query, cursor)
        # Another instance may have renewed the keys. Forged cursors must not cost a request each.
        if state is None and self.now() - self._read_at >= _READ_AGAIN_S:
            self._read()
            state = decode(self._keys, query, cursor)
        if state is None:
            raise InvalidCursorError(FOREIGN)
        return state

    def _refresh(self) -> None:
        if not self._keys or self.now() - self._read_at >= _TRUSTED_S:
            self._read()

    def _is_due(self) -> bool:
        return self.now() - self._made_at >= RENEWAL_S

    def _read(self) -> None:
        item = read_item(self.client, self.table, CURSOR_KEYS) or {}
        self._keys = [item[name].value for name in ("current", "previous") if name in item]
        self._made_at, self._read_at = int(item.get("madeAt", 0)), self.now()

    def _renew(self) -> None:
        """Put a new key in the current one's place, unless another instance has done so."""
        self._read()
        if not self._is_due():
            return
        old, new, made_at = self._keys[:1], secrets.token_bytes(KEY_BYTES), int(self.now())
        item = {"current": new, "madeAt": made_at} | ({"previous": old[0]} if old else {})
        unchanged = expressions({"madeAt": self._made_at} if old else {})
        try:
            with translated_errors():
                self.client.put_item(TableName=self.table, Item=wire_key(*CURSOR_KEYS) | to_wire(item), **unchanged)
        except ConflictError:
            self._read()
        else:
            self._keys, self._made_at = [new, *old], made_at


class OpenKey:
    """A key of zeros, for readers of the whole table, from whom a cursor hides nothing."""

    def encode(self, query: str, state: dict[str, Any]) -> str:
        """Return a cursor."""
        return encode(bytes(KEY_BYTES), query, state)

    def decode(self, query: str, cursor: str) -> dict[str, Any]:
        """Return the state in a cursor. Raises InvalidCursorError."""
        state = decode([bytes(KEY_BYTES)], query, cursor)
        if state is None:
            raise InvalidCursorError(FOREIGN)
        return state
