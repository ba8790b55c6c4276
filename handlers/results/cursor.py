"""Cursors that nobody can read or forge: the position in a query, encrypted, authenticated and bound to that query.

A cursor is encrypted and then authenticated with HMAC-SHA256 alone: its keystream is HMAC(key, nonce and counter), its
tag HMAC(another key, nonce and ciphertext). AES-GCM would need `cryptography`, a native package that is larger than
everything else in the API's zips; the standard library has no cipher. A cursor is a few hundred bytes, so the hashes
cost some microseconds.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any, Final

from . import keys
from .errors import InvalidCursorError

KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 16
_TAG_BYTES: Final = 16
_MAX_CHARACTERS: Final = 8192


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
    except (binascii.Error, UnicodeError):
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


def packed(sort: str, key: str) -> list[str]:
    """Return a position in an index for a cursor's state, without the sort key if it follows from the picture's key."""
    head = sort.partition("#")[0]
    return [head if sort == keys.sort_key(head, key) else sort, key]


def position(state: Sequence[str]) -> tuple[str, str]:
    """Return the sort key and the picture's key of a packed position."""
    sort, key = state
    return (sort if "#" in sort else keys.sort_key(sort, key)), key


def hidden(sort: str, key: str, folder: str) -> tuple[str, str]:
    """Return a position without a foreign key from which a descending query returns the same pictures of the folder.

    A sort key is a time or a confidence, `#`, and the picture's key. After a picture of another folder, the query goes
    on where the folder's own keys begin in that order. Nobody can read it, but its length would tell the key's.
    """
    if key.startswith(folder):
        return sort, key
    head = sort.partition("#")[0]
    # "0" is what follows "/": all keys of the folder are below it.
    return (f"{head}#{folder[:-1]}0" if key > folder else f"{head}#"), folder
