"""A test double of the service: the contract of api/openapi.yaml, a bucket and the page, in one process and in memory.

It keeps state for real and checks requests as the contract says, so that the page can be tested without a cloud.
It proves nothing about the functions or the gateway: those have tests of their own.
"""

from __future__ import annotations

import base64
import io
import json
import re
import secrets
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import yaml
from PIL import Image, UnidentifiedImageError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from handlers.results.errors import InvalidQueryError
from handlers.results.keys import date_of
from handlers.results.query import Query

from .scenes import see

WEB = Path(__file__).parents[2] / "web"
CONTRACT = yaml.safe_load((WEB.parent / "api" / "openapi.yaml").read_text())
TYPES = CONTRACT["components"]["schemas"]["UploadRequest"]["properties"]["contentType"]["enum"]
MAX_SIZE_BYTES = 100 * 1024 * 1024
CAPTURE = {
    "capture": {
        "takenAt": "2026-05-01T12:34:56+02:00",
        "camera": "Canon EOS R5",
        "exposureSeconds": 0.008,
        "aperture": 2.8,
        "iso": 400,
    }
}
"""Of pictures whose names begin with `taken`, and may go on with a date."""
TITLES = {400: "Bad Request", 403: "Forbidden", 404: "Not Found", 413: "Content Too Large", 415: "Unsupported"}


class Problem(Exception):
    """An answer that is a problem document."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail


@dataclass
class Picture:
    """An uploaded picture; its result shows when the time has come."""

    key: str
    content: bytes
    content_type: str
    uploaded_at: datetime
    ready_at: float
    given_up: bool = False
    flagged_asked: bool = False


@dataclass
class Double:
    """The service's state, and the settings of a test."""

    delay_s: float = 0.0
    can_delete: bool = True
    previews: bool = False
    """True if pictures have previews."""
    relabelled: list[str] = field(default_factory=list)
    gives_up: bool = True
    """True if pictures that arrive from now on end FAILED where their names begin with `failed`."""
    access_key: str | None = None
    config_extra: dict[str, Any] = field(default_factory=dict)
    failures: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    grants: dict[str, dict[str, str]] = field(default_factory=dict)
    """By the upload URL's path: the key, and the headers that S3 demands."""
    pictures: dict[str, Picture] = field(default_factory=dict)

    def fail_next(self, path: str, status: int, code: str, times: int = 1) -> None:
        """Answer the next requests of this path with a problem."""
        self.failures.setdefault(path, []).extend([(status, code)] * times)

    def put(self, key: str, content: bytes, content_type: str = "image/jpeg") -> None:
        """Add a picture that has arrived and is done."""
        given_up = self.gives_up and key.rsplit("/", 1)[-1].startswith("failed")
        ready_at = time.monotonic() + self.delay_s
        self.pictures[key] = Picture(key, content, content_type, datetime.now(UTC), ready_at, given_up)

    def done(self) -> list[dict[str, Any]]:
        """Return all results, newest first."""
        newest_first = reversed(self.pictures.values())
        return [self.result(picture) for picture in newest_first if picture.ready_at <= time.monotonic()]

    def result(self, picture: Picture) -> dict[str, Any]:
        """Return the result document of a picture that is done."""
        document: dict[str, Any] = {
            "key": picture.key,
            "bucket": "pictures",
            "etag": "0" * 32,
            "sizeBytes": len(picture.content),
            "uploadedAt": stamp(picture.uploaded_at),
            "processedAt": stamp(picture.uploaded_at + timedelta(seconds=self.delay_s)),
            "sequencer": f"{list(self.pictures).index(picture.key):016X}",
            "detectors": ["labels", "faces", "moderation"],
            "reused": False,
        }
        try:
            with Image.open(io.BytesIO(picture.content)) as image:
                size = image.size
                kind = image.format
        except UnidentifiedImageError:
            return document | refused("NOT_AN_IMAGE", "The file is not a picture: upload a JPEG or PNG file.")
        if min(size) < 80:
            return document | refused("IMAGE_TOO_SMALL", "The picture is too small: 80 pixels on each side are needed.")
        if picture.given_up:
            reason = {"code": "ANALYSIS_FAILED", "message": "The analysis did not work. Upload it again later."}
            return document | {"status": "FAILED"} | reason
        name = picture.key.rsplit("/", 1)[-1]
        analysis = {"faces": [], "moderation": []} | see(name) | captured(name)
        return document | {"status": "LABELED", "format": kind, "width": size[0], "height": size[1]} | analysis


def captured(name: str) -> dict[str, Any]:
    """Return the camera's facts from a file of this name."""
    if not name.startswith("taken"):
        return {}
    date = re.search(r"\d{4}-\d\d-\d\d", name)
    return {"capture": CAPTURE["capture"] | ({"takenAt": f"{date[0]}T12:34:56"} if date else {})}


def is_plain(text: str) -> bool:
    """Return whether there are no control characters."""
    return not any(ord(sign) < 32 or ord(sign) == 127 for sign in text)


def safe_name(name: str) -> str:
    """Return a file name for a key: as it is, but for folders and control characters."""
    return "".join(sign if is_plain(sign) and sign != "/" else " " for sign in name)


def refused(code: str, message: str) -> dict[str, str]:
    """Return the part of a result that says why there are no labels."""
    return {"status": "REJECTED", "code": code, "message": message}


def stamp(moment: datetime) -> str:
    """Return the moment in ISO 8601, UTC, with milliseconds."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def summary(result: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a result that a gallery shows."""
    short = {name: value for name, value in result.items() if name in SUMMARY}
    if "capture" in result:
        short["capture"] = {"takenAt": result["capture"]["takenAt"]}
    for part in ("labels", "moderation"):
        if part in result:
            short[part] = [{"name": label["name"], "confidence": label["confidence"]} for label in result[part]]
    return short


SUMMARY = {"key", "status", "code", "message", "uploadedAt", "processedAt", "width", "height"}


def one_key(request: Request) -> str:
    """Return the query parameter `key`."""
    keys = request.query_params.getlist("key")
    if len(keys) != 1:
        raise Problem(400, "INVALID_REQUEST", "The parameter key is needed once.")
    return checked_key(keys[0])


def checked_key(key: object) -> str:
    """Return a key as the contract allows it."""
    if not isinstance(key, str) or not 1 <= len(key) <= 1024:
        raise Problem(400, "INVALID_REQUEST", "The key must be text of 1 to 1024 characters.")
    return key


async def json_body(request: Request, allowed: set[str], needed: set[str]) -> dict[str, Any]:
    """Return the JSON object that was sent."""
    if request.headers.get("content-type", "").split(";")[0] != "application/json":
        raise Problem(415, "UNSUPPORTED_MEDIA_TYPE", "Send application/json.")
    try:
        body = json.loads(await request.body())
    except ValueError:
        raise Problem(400, "INVALID_JSON", "The body is not JSON: send a JSON object.") from None
    if not isinstance(body, dict) or body.keys() - allowed or needed - body.keys():
        raise Problem(400, "INVALID_REQUEST", "The body's fields are not as the contract says.")
    return body


def number(request: Request, name: str, default: float, low: float, high: float) -> float:
    """Return a number among the query parameters."""
    text = request.query_params.get(name)
    try:
        value = default if text is None else float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise Problem(400, "INVALID_REQUEST", f"The parameter {name} must be a number from {low} to {high}.")
    return value


def choice(request: Request, name: str, values: tuple[str, ...], default: str = "") -> str:
    """Return one of some words among the query parameters."""
    value = request.query_params.get(name)
    if value is None:
        return default
    if value not in values:
        raise Problem(400, "INVALID_REQUEST", f"The parameter {name} must be one of {', '.join(values)}.")
    return value


class Service:
    """The routes."""

    def __init__(self, double: Double) -> None:
        self.double = double

    async def config(self, _: Request) -> Response:
        """Return the deployment's settings."""
        known = {"mode": "api", "apiUrl": "/api", "canDelete": self.double.can_delete}
        return JSONResponse(known | self.double.config_extra)

    async def generate(self, request: Request) -> Response:
        """Answer POST /generate-upload-url."""
        body = await json_body(
            request, {"fileName", "contentType", "sizeBytes"}, {"fileName", "contentType", "sizeBytes"}
        )
        name, kind, size = body["fileName"], body["contentType"], body["sizeBytes"]
        if not isinstance(name, str) or not 1 <= len(name) <= 255 or not isinstance(kind, str):
            raise Problem(400, "INVALID_REQUEST", "The file name or type is wrong.")
        if kind not in TYPES:
            raise Problem(400, "INVALID_REQUEST", "The field contentType must be the type of a picture.")
        if not isinstance(size, int) or isinstance(size, bool) or not 1 <= size <= MAX_SIZE_BYTES:
            raise Problem(400, "INVALID_REQUEST", "The field sizeBytes must be a whole number from 1 to 104857600.")
        key = f"uploads/{secrets.token_hex(8)}/{safe_name(name)}"
        grant = secrets.token_hex(16)
        headers = {"Content-Type": kind, "If-None-Match": "*"}
        self.double.grants[grant] = {"key": key, "Content-Length": str(size), **headers}
        answer = {
            "url": str(request.url_for("put", grant=grant)),
            "headers": headers,
            "key": key,
            "expiresAt": stamp(datetime.now(UTC) + timedelta(minutes=15)),
        }
        return JSONResponse(answer)

    async def put(self, request: Request) -> Response:
        """Take one picture by an upload URL, as the bucket does."""
        grant = dict(self.double.grants.get(request.path_params["grant"], {}))
        key = grant.pop("key", None)
        if key is None or any(request.headers.get(name) != value for name, value in grant.items()):
            return Response("<Error><Code>SignatureDoesNotMatch</Code></Error>", 403, media_type="application/xml")
        if key in self.double.pictures:
            return Response("<Error><Code>PreconditionFailed</Code></Error>", 412, media_type="application/xml")
        self.double.put(key, await request.body(), grant["Content-Type"])
        return Response(status_code=200)

    async def get_object(self, request: Request) -> Response:
        """Return a picture of the bucket."""
        picture = self.double.pictures.get(request.path_params["key"])
        return Response(picture.content, media_type=picture.content_type) if picture else Response(status_code=404)

    async def get_preview(self, request: Request) -> Response:
        """Return a preview of the bucket of previews."""
        side, preview = int(request.path_params["size"]), io.BytesIO()
        with Image.open(io.BytesIO(self.double.pictures[request.path_params["key"]].content)) as image:
            image.thumbnail((side, side))
            image.save(preview, "WEBP")
        return Response(preview.getvalue(), media_type="image/webp")

    def find(self, key: str) -> Response:
        """Answer 200, 202 or 404, the same for both routes."""
        picture = self.double.pictures.get(key)
        if not picture:
            raise Problem(404, "PICTURE_NOT_FOUND", "There is no picture with this key.")
        if picture.ready_at > time.monotonic():
            return JSONResponse({"key": key, "status": "PENDING"}, 202, {"Retry-After": "1"})
        return JSONResponse(self.double.result(picture))

    async def detect(self, request: Request) -> Response:
        """Answer POST /detect-labels."""
        body = await json_body(request, {"key"}, {"key"})
        return self.find(checked_key(body["key"]))

    async def get_result(self, request: Request) -> Response:
        """Answer GET /result."""
        return self.find(one_key(request))

    async def images(self, request: Request) -> Response:
        """Answer GET and DELETE /images."""
        if request.method == "DELETE":
            return self.delete(request)
        labels = [name.lower() for name in request.query_params.getlist("label")]
        if len(labels) > 10 or not all(name.strip() and len(name) <= 100 and is_plain(name) for name in labels):
            raise Problem(400, "INVALID_REQUEST", "The labels are not as the contract says.")
        least = number(request, "minConfidence", 0, 0, 100)
        limit = number(request, "limit", 24, 1, 100)
        order = choice(request, "order", ("newest", "confidence", "taken"), "newest")
        status = choice(request, "status", ("LABELED", "REJECTED", "FAILED"))
        if limit != int(limit):
            raise Problem(400, "INVALID_REQUEST", "The limit must be a whole number.")
        text = request.query_params.get("q", "")
        if "q" in request.query_params and not (text.strip() and len(text) <= 1000 and is_plain(text)):
            raise Problem(400, "INVALID_REQUEST", "The query is not as the contract says.")
        try:
            query = Query.of(text, labels, Decimal(least)) if text or labels else None
        except InvalidQueryError as error:
            raise Problem(400, "INVALID_QUERY", f"The search is not valid: {error}.") from None
        matching = [result for result in self.double.done() if not status or result["status"] == status]
        if order == "taken":
            matching = [result for result in matching if result["status"] == "LABELED"]
            matching.sort(key=lambda result: date_of(cast("Any", result)), reverse=True)
        if query:
            labelled: Any = [result for result in matching if result["status"] == "LABELED"]
            matching = [result for result in labelled if query.matches(result)]
        if order == "confidence" and labels:
            matching.sort(key=lambda result: confidence(result, labels[0]), reverse=True)
        start = self.start(request)
        end = start + int(limit)
        page: dict[str, Any] = {"images": [summary(result) for result in matching[start:end]]}
        if end < len(matching):
            page["cursor"] = base64.urlsafe_b64encode(str(end).encode()).decode()
        if start == 0 and (end >= len(matching) or query is None or len(query.conditions) == 1):
            page["total"] = len(matching)
        return JSONResponse(page)

    @staticmethod
    def start(request: Request) -> int:
        """Return where a cursor goes on."""
        cursor = request.query_params.get("cursor")
        if cursor is None:
            return 0
        try:
            return int(base64.urlsafe_b64decode(cursor.encode("ascii")))
        except ValueError:
            raise Problem(400, "INVALID_CURSOR", "The cursor is not one of ours.") from None

    async def relabel(self, request: Request) -> Response:
        """Answer POST /relabel."""
        key = checked_key((await json_body(request, {"key"}, {"key"}))["key"])
        if key not in self.double.pictures:
            raise Problem(404, "PICTURE_NOT_FOUND", "There is no picture with this key.")
        self.double.relabelled.append(key)
        answer = {"key": key, "status": "RELABELLING", "requestedAt": "2026-11-21T09:00:00.123Z"}
        return JSONResponse(answer, 202)

    def delete(self, request: Request) -> Response:
        """Answer DELETE /images."""
        if self.double.access_key and request.headers.get("x-api-key") != self.double.access_key:
            raise Problem(403, "FORBIDDEN", "This needs a valid API key or signature.")
        key = one_key(request)
        if not self.double.pictures.pop(key, None):
            raise Problem(404, "PICTURE_NOT_FOUND", "There is no picture with this key.")
        return JSONResponse({"key": key, "status": "DELETING"}, 202)

    async def labels(self, _: Request) -> Response:
        """Answer GET /labels."""
        counts: dict[str, int] = {}
        for result in self.double.done():
            for label in result.get("labels", []):
                counts[label["name"]] = counts.get(label["name"], 0) + 1
        ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        return JSONResponse({"labels": [{"name": name, "count": count} for name, count in ranked]})

    async def image_url(self, request: Request) -> Response:
        """Answer GET /image-url."""
        key = one_key(request)
        show_flagged = choice(request, "showFlagged", ("true", "false"), "false") == "true"
        picture = self.double.pictures.get(key)
        if not picture:
            raise Problem(404, "PICTURE_NOT_FOUND", "There is no picture with this key.")
        if picture.ready_at > time.monotonic():
            raise Problem(409, "PICTURE_PENDING", "This picture is not analysed yet.")
        if self.double.result(picture).get("moderation") and not show_flagged:
            raise Problem(403, "PICTURE_FLAGGED", "Moderation flagged this picture.")
        size = choice(request, "size", ("480", "1600"))
        place = {"key": key, "size": size} if size and self.double.previews else {"key": key}
        url = str(request.url_for("get_preview" if "size" in place else "get_object", **place))
        return JSONResponse({"url": url, "expiresAt": stamp(datetime.now(UTC) + timedelta(minutes=5))})

    async def health(self, _: Request) -> Response:
        """Answer GET /health."""
        return JSONResponse({"status": "ok"})


def confidence(result: dict[str, Any], name: str) -> float:
    """Return how sure the result is of a label; 0 without it."""
    return max(
        (label["confidence"] for label in result.get("labels", []) if label["name"].lower() == name), default=0.0
    )


def problem(status: int, code: str, detail: str) -> Response:
    """Return a problem document."""
    body = {
        "type": "about:blank",
        "title": TITLES.get(status, "Error"),
        "status": status,
        "code": code,
        "detail": detail,
    }
    return JSONResponse(body, status, media_type="application/problem+json")


async def on_problem(_: Request, error: Exception) -> Response:
    """Turn a Problem into its answer."""
    assert isinstance(error, Problem)
    return problem(error.status, error.code, error.detail)


async def on_http_error(_: Request, error: Exception) -> Response:
    """Answer with the router's own refusals."""
    assert isinstance(error, HTTPException)
    answer = problem(error.status_code, "NOT_FOUND", "There is no such route.")
    answer.headers.update(error.headers or {})
    return answer


class Files(StaticFiles):
    """The page's files, which browsers need not ask for again."""

    def file_response(self, *args: Any, **options: Any) -> Response:
        """Return a file that may be kept."""
        response = super().file_response(*args, **options)
        response.headers["cache-control"] = "max-age=3600"
        return response


def application(double: Double) -> Starlette:
    """Return the page, the API under /api and the bucket under /s3."""
    service = Service(double)

    def watched(app: ASGIApp) -> ASGIApp:
        async def watch(scope: Scope, receive: Receive, send: Send) -> None:
            path = scope["path"]
            double.calls.append(f"{scope['method']} {path}")
            if double.failures.get(path):
                status, code = double.failures[path].pop(0)
                app_or_problem: ASGIApp = problem(status, code, f"The double was told to answer {code}.")
            else:
                app_or_problem = app
            await app_or_problem(scope, receive, send)

        return watch

    api = [
        Route("/generate-upload-url", service.generate, methods=["POST"]),
        Route("/detect-labels", service.detect, methods=["POST"]),
        Route("/result", service.get_result),
        Route("/relabel", service.relabel, methods=["POST"]),
        Route("/images", service.images, methods=["GET", "DELETE"]),
        Route("/labels", service.labels),
        Route("/image-url", service.image_url),
        Route("/health", service.health),
    ]
    return Starlette(
        routes=[
            Route("/config.json", service.config),
            Mount("/api", routes=api),
            Route("/s3/put/{grant}", service.put, methods=["PUT"]),
            Route("/s3/pictures/{key:path}", service.get_object),
            Route("/s3/previews/{size:int}/{key:path}", service.get_preview),
            Mount("/", Files(directory=WEB, html=True)),
        ],
        middleware=[Middleware(watched)],
        exception_handlers={Problem: on_problem, HTTPException: on_http_error},
    )
