"""Problem documents (RFC 9457): the API's answers to requests that it refuses or that fail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final

from .answers import Answer

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
