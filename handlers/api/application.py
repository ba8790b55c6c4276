"""One function of the API, behind either gateway: its requests, its routes, its answers.

REST APIs send events of payload version 1.0, HTTP APIs of version 2.0. Refusals and failures are problem documents
(RFC 9457). Powertools' event handler would add 20 to 40 ms to a cold start (`python -m benchmarks event-handler`).
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qs

from aws_lambda_powertools import Logger

from .fields import Reader
from .storage import may_pass

MAX_BODY_BYTES: Final = 8192
MAX_PARAMETERS: Final = 50
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
    "PICTURE_PENDING": (HTTPStatus.CONFLICT, "This picture is not analysed yet. Ask again when it has a result."),
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


# --- requests


@dataclass(frozen=True)
class Request:
    """One request. `query` has each parameter's values in the order they were sent."""

    method: str
    path: str
    query: Mapping[str, Sequence[str]]
    content_type: str
    body: bytes

    def parameters(self, readers: Mapping[str, Reader]) -> list[Any]:
        """Return the parameters of the query string in the order of their readers. Raises ProblemError."""
        return _checked("parameter", self.query, readers)

    def fields(self, readers: Mapping[str, Reader]) -> list[Any]:
        """Return the fields of the body's JSON object in the order of their readers. Raises ProblemError."""
        if self.content_type.split(";")[0].strip().lower() != "application/json":
            raise ProblemError("UNSUPPORTED_MEDIA_TYPE")
        try:
            content = json.loads(self.body, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise ProblemError("INVALID_JSON") from error
        if not isinstance(content, dict):
            errors = [("body", "must be a JSON object")]
            raise ProblemError("INVALID_REQUEST", "The body must be a JSON object.", errors=errors)
        return _checked("field", {name: [value] for name, value in content.items()}, readers)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _checked(kind: str, sent: Mapping[str, Sequence[Any]], readers: Mapping[str, Reader]) -> list[Any]:
    """Return what each of the readers returns. One error lists all problems, also of names without a reader."""
    values = []
    errors = [(name, "is not known") for name in sorted(sent.keys() - readers.keys())]
    for name, read in readers.items():
        try:
            values.append(read(sent.get(name, ())))
        except ValueError as error:
            errors.append((name, str(error)))
    if errors:
        name, message = errors[0]
        # An unknown name is the caller's text of any length.
        shown = name if len(name) <= 40 else name[:40] + "…"
        raise ProblemError("INVALID_REQUEST", f"The {kind} {shown} {message}.", errors=errors)
    return values


def request_of(event: Mapping[str, Any]) -> Request:
    """Return the request in a gateway's event. Raises ProblemError."""
    if event.get("version") == "2.0":
        context = event["requestContext"]
        method, path = context["http"]["method"], event.get("routeKey", "").partition(" ")[2]
        # Without a route, the path begins with the stage, unless that is the default one.
        path = path or str(event["rawPath"]).removeprefix(f"/{context.get('stage', '$default')}") or "/"
        query = _query(event.get("rawQueryString") or "")
    else:
        method, path = event["httpMethod"], event.get("resource") or event["path"]
        query = event.get("multiValueQueryStringParameters") or {}
    body = _body(event.get("body") or "", base64_encoded=bool(event.get("isBase64Encoded")))
    return Request(method.upper(), path, query, header(event, "content-type"), body)


def header(event: Mapping[str, Any], name: str) -> str:
    """Return a header of a gateway's event, even of one that is no good request; "" where there is none."""
    headers = event.get("headers") or {}
    return next((str(value) for own, value in headers.items() if own.lower() == name), "")


def _query(text: str) -> dict[str, list[str]]:
    try:
        return parse_qs(text, keep_blank_values=True, max_num_fields=MAX_PARAMETERS, errors="strict")
    except ValueError as error:
        sentence = "The query string cannot be read: use UTF-8, and few parameters."
        raise ProblemError("INVALID_REQUEST", sentence) from error


def _body(text: str, *, base64_encoded: bool) -> bytes:
    try:
        # Of more nothing is decoded: a gateway lets 10 MB through.
        start = text[: MAX_BODY_BYTES * 2]
        body = base64.b64decode(start, validate=True) if base64_encoded else start.encode()
    except ValueError as error:
        raise ProblemError("INVALID_REQUEST", "The body cannot be read: send UTF-8.") from error
    if len(body) > MAX_BODY_BYTES:
        limit = f"The body may have at most {MAX_BODY_BYTES} bytes."
        raise ProblemError("BODY_TOO_LARGE", f"{limit} Upload pictures to the URL from generate-upload-url.")
    return body


# --- routes


Endpoint = Callable[[Request], Answer]

# All routes of the API, of whatever function: an HTTP API sends unknown routes to one of the functions.
METHODS: Final[Mapping[str, tuple[str, ...]]] = {
    "/generate-upload-url": ("POST",),
    "/detect-labels": ("POST",),
    "/result": ("GET",),
    "/images": ("GET", "DELETE"),
    "/relabel": ("POST",),
    "/labels": ("GET",),
    "/image-url": ("GET",),
    "/health": ("GET",),
}


@dataclass(frozen=True)
class Application:
    """The routes of one function.

    `passing` are errors that may be gone a moment later, beside those of services.
    """

    routes: Mapping[tuple[str, str], Endpoint]
    allowed_origins: frozenset[str]
    logger: Logger
    passing: tuple[type[Exception], ...] = ()

    def handle(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Answer a gateway's event."""
        started = time.perf_counter()
        request_id = str(event["requestContext"].get("requestId") or "")
        self.logger.set_correlation_id(request_id)
        route = "-"
        try:
            request = request_of(event)
            endpoint = self._endpoint(request)
            route = f"{request.method} {request.path}"
            answer = endpoint(request)
        except ProblemError as problem:
            answer = problem.answer(request_id)
        except Exception as error:  # the border of the function: the log gets the cause, the caller a problem document
            answer = self._problem(error).answer(request_id)
        duration_ms = round((time.perf_counter() - started) * 1000, 1)
        outcome = {"route": route, "status": int(answer.status), "durationMs": duration_ms}
        self.logger.info("answered", extra=outcome | {"code": answer.content.get("code")})
        return answer.for_gateway(header(event, "origin"), self.allowed_origins)

    def _endpoint(self, request: Request) -> Endpoint:
        endpoint = self.routes.get((request.method, request.path))
        if endpoint:
            return endpoint
        methods = METHODS.get(request.path)
        if not methods:
            raise ProblemError("UNKNOWN_ROUTE")
        only = f"This path takes {' and '.join(methods)} only."
        raise ProblemError("METHOD_NOT_ALLOWED", only, headers={"Allow": ", ".join(methods)})

    def _problem(self, error: Exception) -> ProblemError:
        if isinstance(error, self.passing) or may_pass(error):
            self.logger.warning("not available", exc_info=error)
            return ProblemError("UNAVAILABLE", headers={"Retry-After": "1"})
        self.logger.error("unexpected error", exc_info=error)
        return ProblemError("INTERNAL_ERROR")
