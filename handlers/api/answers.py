"""Answers, as both gateways take them from a function."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

# Every answer is of now, and none is a page.
_ALWAYS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


@dataclass(frozen=True)
class Answer:
    """A JSON document that is answered."""

    content: Mapping[str, Any]
    status: HTTPStatus = HTTPStatus.OK
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"

    def for_gateway(self, origin: str, allowed_origins: Collection[str]) -> dict[str, Any]:
        """Return the answer for the gateway; a page of an allowed origin may read it."""
        headers = {"Content-Type": self.content_type, **_ALWAYS, **self.headers}
        if allowed_origins:
            headers["Vary"] = "Origin"
        if origin in allowed_origins:
            headers["Access-Control-Allow-Origin"] = origin
        return {
            "statusCode": int(self.status),
            "headers": headers,
            "body": json.dumps(self.content, ensure_ascii=False, separators=(",", ":"), allow_nan=False),
            "isBase64Encoded": False,
        }
