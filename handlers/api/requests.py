"""A request, whichever gateway it came through.

REST APIs send events of payload version 1.0, HTTP APIs of version 2.0.
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl

from .answers import ProblemError
from .fields import Reader, checked

MAX_BODY_BYTES: Final = 8192
MAX_PARAMETERS: Final = 50


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
        return checked("parameter", self.query, readers)

    def fields(self, readers: Mapping[str, Reader]) -> list[Any]:
        """Return the fields of the body's JSON object in the order of their readers. Raises ProblemError."""
        return checked("field", {name: [value] for name, value in self._json_object().items()}, readers)

    def _json_object(self) -> dict[str, Any]:
        if self.content_type.split(";")[0].strip().lower() != "application/json":
            raise ProblemError("UNSUPPORTED_MEDIA_TYPE")
        try:
            content = json.loads(self.body, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise ProblemError("INVALID_JSON") from error
        if not isinstance(content, dict):
            errors = [("body", "must be a JSON object")]
            raise ProblemError("INVALID_REQUEST", "The body must be a JSON object.", errors=errors)
        return content


def request_of(event: Mapping[str, Any]) -> Request:
    """Return the request in a gateway's event. Raises ProblemError."""
    if event.get("version") == "2.0":
        method, path = _route_of_http_api(event)
        query = _parsed(event.get("rawQueryString") or "")
    else:
        method, path = event["httpMethod"], event.get("resource") or event["path"]
        query = event.get("multiValueQueryStringParameters") or {}
    return Request(
        method=method.upper(),
        path=path,
        query=query,
        content_type=header(event, "content-type"),
        body=_body(event.get("body") or "", base64_encoded=bool(event.get("isBase64Encoded"))),
    )


def header(event: Mapping[str, Any], name: str) -> str:
    """Return a header of a gateway's event, even of one that is no good request; "" where there is none."""
    headers = event.get("headers") or {}
    return next((str(value) for own, value in headers.items() if own.lower() == name), "")


def _route_of_http_api(event: Mapping[str, Any]) -> tuple[str, str]:
    """Return method and path without the stage, which begins `rawPath` unless it is the default one."""
    method = event["requestContext"]["http"]["method"]
    _, _, path = event.get("routeKey", "").partition(" ")
    if path:
        return method, path
    stage = event["requestContext"].get("stage", "$default")
    return method, str(event["rawPath"]).removeprefix(f"/{stage}") or "/"


def _parsed(text: str) -> dict[str, list[str]]:
    query: dict[str, list[str]] = {}
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_PARAMETERS, errors="strict")
    except ValueError as error:
        sentence = "The query string cannot be read: use UTF-8, and few parameters."
        raise ProblemError("INVALID_REQUEST", sentence) from error
    for name, value in pairs:
        query.setdefault(name, []).append(value)
    return query


def _body(text: str, *, base64_encoded: bool) -> bytes:
    try:
        # Of more nothing is decoded: a gateway lets 10 MB through.
        start = text[: MAX_BODY_BYTES * 2]
        body = base64.b64decode(start, validate=True) if base64_encoded else start.encode()
    except (binascii.Error, ValueError) as error:
        raise ProblemError("INVALID_REQUEST", "The body cannot be read: send UTF-8.") from error
    if len(body) > MAX_BODY_BYTES:
        limit = f"The body may have at most {MAX_BODY_BYTES} bytes."
        raise ProblemError("BODY_TOO_LARGE", f"{limit} Upload pictures to the URL from generate-upload-url.")
    return body


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
