"""The result document as others get it: in the results bucket, and in an export. Its schema: api/result.schema.json."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from handlers.results.document import json_ready

SCHEMA_VERSION: Final = 1
"""Raised when a reader of the schema would have to change; attributes may be added without."""

_FOLDER: Final = "results/"
_FOLDER_OF_LONG: Final = "results-of-long-keys/"
_MAX_KEY_BYTES: Final = 1024
_NO_VERSION: Final = "null"


def published(result: Mapping[str, Any]) -> dict[str, Any]:
    """The document with JSON's numbers and the version of its schema."""
    return {"schemaVersion": SCHEMA_VERSION, **json_ready(dict(result))}


def document_key(key: str, version_id: str | None) -> str:
    """Where the document of a picture's version is: `results/<key>/<version id>.json`.

    S3 keys have at most 1,024 bytes: where that would be longer, the key's SHA-256 stands for the key, in
    `results-of-long-keys/`. A result without a version, as in a bucket without versions, is in `null.json`.
    """
    name = f"/{version_id or _NO_VERSION}.json"
    whole = f"{_FOLDER}{key}{name}"
    if len(whole.encode()) <= _MAX_KEY_BYTES:
        return whole
    return f"{_FOLDER_OF_LONG}{hashlib.sha256(key.encode()).hexdigest()}{name}"
