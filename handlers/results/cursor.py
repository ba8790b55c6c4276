"""Opaque cursors: where a query goes on, bound to the query they came from."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from handlers.results.errors import InvalidCursorError

_VERSION: Final = 1
_MAX_CHARACTERS: Final = 16_384


def query_hash(**parameters: object) -> str:
    """Stands for a query in its cursors."""
    text = json.dumps(parameters, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def encode(query: str, state: Mapping[str, Any]) -> str:
    """A cursor that goes on at `state`, for the query of this hash only."""
    text = json.dumps({"v": _VERSION, "q": query, "s": state}, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(query: str, cursor: str) -> dict[str, Any]:
    """The state in a cursor. Raises InvalidCursorError when it is malformed or of another query."""
    if len(cursor) > _MAX_CHARACTERS:
        raise InvalidCursorError("the cursor is not one of this service's")
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        content = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, UnicodeError, ValueError, RecursionError) as error:
        raise InvalidCursorError("the cursor is not one of this service's") from error
    if not isinstance(content, dict) or content.get("v") != _VERSION or not isinstance(content.get("s"), dict):
        raise InvalidCursorError("the cursor is not one of this service's")
    if content.get("q") != query:
        raise InvalidCursorError("the cursor belongs to another query: use it with the parameters it was given for")
    state: dict[str, Any] = content["s"]
    return state


def position(value: object) -> tuple[str, str]:
    """A [sort key, picture key] pair of a cursor's state."""
    match value:
        case [str(sort), str(key)] if sort and key and is_text(sort) and is_text(key):
            return sort, key
        case _:
            raise InvalidCursorError("the cursor is not one of this service's")


def hidden(sort: str, key: str, folder: str) -> tuple[str, str]:
    """A position from which a query in descending order finds the same pictures of the folder, without a foreign key.

    A sort key is a time or a confidence, `#`, and the picture's key. After a picture of another folder, the query goes
    on where the folder's own keys begin in that order.
    """
    if key.startswith(folder):
        return sort, key
    head = sort.partition("#")[0]
    # "0" is what follows "/": all keys of the folder are below it.
    return (f"{head}#{folder[:-1]}0" if key > folder else f"{head}#"), folder


def is_text(value: str) -> bool:
    """Whether the string can be written as UTF-8 (half of a surrogate pair cannot)."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
