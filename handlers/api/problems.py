"""Problem documents (RFC 9457): what the API answers when it does not do what was asked.

ProblemError
├── InvalidRequestError        400 INVALID_REQUEST, INVALID_JSON, INVALID_CURSOR, INVALID_QUERY
├── FlaggedPictureError        403 PICTURE_FLAGGED
├── PictureNotFoundError       404 PICTURE_NOT_FOUND
├── DeletedPictureError        404 PICTURE_DELETED
├── NoPreviewError             404 PREVIEW_NOT_FOUND
├── UnknownRouteError          404 UNKNOWN_ROUTE
├── MethodNotAllowedError      405 METHOD_NOT_ALLOWED
├── PendingPictureError        409 PICTURE_PENDING
├── BodyTooLargeError          413 BODY_TOO_LARGE
├── UnsupportedMediaTypeError  415 UNSUPPORTED_MEDIA_TYPE
├── InternalError              500 INTERNAL_ERROR
├── NotDeployedError           501 NOT_DEPLOYED
└── UnavailableError           503 UNAVAILABLE

Codes are stable; the sentences may be improved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, ClassVar


@dataclass(frozen=True)
class FieldError:
    """One field or parameter that is not as the contract says."""

    field: str
    message: str


class ProblemError(Exception):
    """Base of what is answered as a problem document."""

    status: ClassVar[HTTPStatus]
    code: str

    def __init__(
        self,
        detail: str,
        *,
        code: str | None = None,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or type(self).code
        self.errors = tuple(errors)
        self.headers = dict(headers or {})

    def document(self, request_id: str) -> dict[str, Any]:
        """Return the body of the answer."""
        document: dict[str, Any] = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": int(self.status),
            "code": self.code,
            "detail": self.detail,
        }
        if request_id:
            document["requestId"] = request_id
        if self.errors:
            document["errors"] = [{"field": error.field, "message": error.message} for error in self.errors]
        return document


class InvalidRequestError(ProblemError):
    """The request does not follow the contract."""

    status = HTTPStatus.BAD_REQUEST
    code = "INVALID_REQUEST"


class FlaggedPictureError(ProblemError):
    """Moderation flagged the picture, and nobody said that it is to be shown all the same."""

    status = HTTPStatus.FORBIDDEN
    code = "PICTURE_FLAGGED"


class PictureNotFoundError(ProblemError):
    """There is no such picture, or none that the API shows."""

    status = HTTPStatus.NOT_FOUND
    code = "PICTURE_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("There is no picture with this key.")


class DeletedPictureError(ProblemError):
    """The picture was deleted a short time ago."""

    status = HTTPStatus.NOT_FOUND
    code = "PICTURE_DELETED"

    def __init__(self) -> None:
        super().__init__("This picture was deleted.")


class NoPreviewError(ProblemError):
    """There is no preview of the picture, not yet or for good, and no browser shows its file."""

    status = HTTPStatus.NOT_FOUND
    code = "PREVIEW_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("There is no preview of this picture. Ask again in a moment, or without size for the file.")


class UnknownRouteError(ProblemError):
    """No such path."""

    status = HTTPStatus.NOT_FOUND
    code = "UNKNOWN_ROUTE"


class MethodNotAllowedError(ProblemError):
    """The path is there, and takes other methods."""

    status = HTTPStatus.METHOD_NOT_ALLOWED
    code = "METHOD_NOT_ALLOWED"


class PendingPictureError(ProblemError):
    """The picture is not analysed yet, so nobody knows whether it may be shown."""

    status = HTTPStatus.CONFLICT
    code = "PICTURE_PENDING"


class BodyTooLargeError(ProblemError):
    """The body is longer than any request needs."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    code = "BODY_TOO_LARGE"


class UnsupportedMediaTypeError(ProblemError):
    """The body is not said to be JSON."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    code = "UNSUPPORTED_MEDIA_TYPE"


class InternalError(ProblemError):
    """Our fault. The cause is in the log and never in the answer."""

    status = HTTPStatus.INTERNAL_SERVER_ERROR
    code = "INTERNAL_ERROR"

    def __init__(self) -> None:
        super().__init__("Something went wrong on our side. Try again in a moment.")


class NotDeployedError(ProblemError):
    """The deployment has nothing that could do this."""

    status = HTTPStatus.NOT_IMPLEMENTED
    code = "NOT_DEPLOYED"


class UnavailableError(ProblemError):
    """A service that the API needs does not answer now."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = "UNAVAILABLE"

    def __init__(self) -> None:
        super().__init__("The service cannot answer now. Try again in a moment.", headers={"Retry-After": "1"})
