"""Answers, as both gateways take them from a function, and problem documents (RFC 9457) of refusals and failures."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
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


# By code: the status, and the sentence where it is always the same. Codes are stable; sentences may be improved.
PROBLEMS: Final[Mapping[str, tuple[HTTPStatus, str]]] = {
    "INVALID_REQUEST": (HTTPStatus.BAD_REQUEST, ""),
    "INVALID_JSON": (HTTPStatus.BAD_REQUEST, "The body is not JSON: send a JSON object."),
    "INVALID_CURSOR": (HTTPStatus.BAD_REQUEST, ""),
    "INVALID_QUERY": (HTTPStatus.BAD_REQUEST, ""),
    "PICTURE_FLAGGED": (
        HTTPStatus.FORBIDDEN,
        "Moderation flagged this picture. Ask again with showFlagged=true to see it.",
    ),
    "PICTURE_NOT_FOUND": (HTTPStatus.NOT_FOUND, "There is no picture with this key."),
    "PICTURE_DELETED": (HTTPStatus.NOT_FOUND, "This picture was deleted."),
    "PREVIEW_NOT_FOUND": (
        HTTPStatus.NOT_FOUND,
        "There is no preview of this picture. Ask again in a moment, or without size for the file.",
    ),
    "UNKNOWN_ROUTE": (HTTPStatus.NOT_FOUND, "The API has no such path."),
    "METHOD_NOT_ALLOWED": (HTTPStatus.METHOD_NOT_ALLOWED, ""),
    "PICTURE_PENDING": (
        HTTPStatus.CONFLICT,
        "This picture is not analysed yet. Ask again when it has a result.",
    ),
    "BODY_TOO_LARGE": (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, ""),
    "UNSUPPORTED_MEDIA_TYPE": (HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Send the body as application/json."),
    # The cause is in the log and never in the answer.
    "INTERNAL_ERROR": (HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong on our side. Try again in a moment."),
    "NOT_DEPLOYED": (HTTPStatus.NOT_IMPLEMENTED, ""),
    "UNAVAILABLE": (HTTPStatus.SERVICE_UNAVAILABLE, "The service cannot answer now. Try again in a moment."),
}


class ProblemError(Exception):
    """A request that gets a problem document as its answer.

    Attributes:
        code: One of PROBLEMS.
        errors: The fields or parameters that break the contract, each with the reason.
    """

    def __init__(
        self,
        code: str,
        detail: str = "",
        *,
        errors: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.code, self.errors, self.headers = code, errors, headers or {}
        self.status, sentence = PROBLEMS[code]
        super().__init__(detail or sentence)

    def answer(self, request_id: str) -> Answer:
        """Return the problem document."""
        errors = [{"field": field, "message": message} for field, message in self.errors]
        document = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": int(self.status),
            "code": self.code,
            "detail": str(self),
            **({"requestId": request_id} if request_id else {}),
            **({"errors": errors} if errors else {}),
        }
        return Answer(document, self.status, self.headers, "application/problem+json")
