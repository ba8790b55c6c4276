"""Fakes of the API functions' dependencies, and events as the gateways send them."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast
from urllib.parse import parse_qs, quote, urlencode

from aws_lambda_powertools import Logger

from handlers.api.application import Application
from handlers.api_delete.changes import Changes
from handlers.api_results.reading import Reading
from handlers.api_upload_url.uploads import Uploads
from handlers.environment import Variables
from handlers.results.codes import Status
from handlers.results.cursor import OpenKey
from handlers.results.document import Result
from handlers.results.errors import TableUnavailableError
from handlers.results.query import Query
from handlers.results.search import Page

NOW = datetime(2026, 11, 21, 9, 0, 0, 123456, tzinfo=UTC)
PREFIX = "uploads/"
SITE = "https://site.example"


def result(key: str, **more: Any) -> Result:
    """Return a labelled picture's result."""
    labels = [("Cat", "99.25"), ("Pet", "91.5")]
    document = {
        "key": key,
        "bucket": "pictures",
        "status": "LABELED",
        "sequencer": "0" * 64,
        "processedAt": "2026-11-21T08:59:00.000Z",
        "format": "PNG",
        "width": Decimal(640),
        "height": Decimal(480),
        "labels": [
            {
                "name": name,
                "confidence": Decimal(confidence),
                "parents": [],
                "aliases": [],
                "categories": [],
                "instances": [],
            }
            for name, confidence in labels
        ],
        "moderation": [],
    }
    return cast("Result", document | more)


@dataclass
class FakeResults:
    """Results in memory."""

    documents: dict[str, Result] = field(default_factory=dict)
    broken: bool = False
    requests: list[dict[str, Any]] = field(default_factory=list)

    def add(self, *documents: Result) -> None:
        """Store results, oldest first."""
        self.documents |= {document["key"]: document for document in documents}

    def get(self, key: str) -> Result | None:
        """Return the result of one picture."""
        if self.broken:
            raise TableUnavailableError("told to fail")
        return self.documents.get(key)

    def get_many(self, picture_keys: Iterable[str]) -> dict[str, Result]:
        """Return the results of several pictures by key."""
        return {key: self.documents[key] for key in picture_keys if key in self.documents}

    def list_images(self, limit: int = 20, cursor: str | None = None, status: Status | None = None) -> Page:
        """Return pictures, newest first; the cursor is a number."""
        self.requests.append({"limit": limit, "cursor": cursor, "status": status})
        matching = [document for document in reversed(self.documents.values()) if status in (None, document["status"])]
        start = int(OpenKey().decode("q", cursor)["at"]) if cursor else 0
        following = OpenKey().encode("q", {"at": start + limit}) if start + limit < len(matching) else None
        return Page(matching[start : start + limit], following, None if cursor else len(matching))

    def search(self, query: Query, limit: int = 20, cursor: str | None = None) -> Page:
        """Return pictures that match."""
        facts = {"query": str(query), "least": query.min_confidence, "order": query.order}
        self.requests.append({**facts, "limit": limit})
        if cursor:
            OpenKey().decode("q", cursor)
        newest = reversed(self.documents.values())
        labelled = [document for document in newest if document["status"] == Status.LABELED]
        matches = [document for document in labelled if query.matches(document)]
        return Page(matches[:limit], None, len(matches))

    def label_counts(self) -> dict[str, int]:
        """Return counts that nobody has counted."""
        return {"Bicycle": 3, "Cat": 12, "Apple": 3}


@dataclass
class FakeObjects:
    """A bucket in memory."""

    keys: set[str] = field(default_factory=set)
    name: str = "pictures"
    link_expiry_s: int = 300

    def has(self, key: str) -> bool:
        """Return whether the bucket has an object of this key now."""
        return key in self.keys

    def delete(self, key: str) -> None:
        """Delete it."""
        self.keys.remove(key)

    def link(self, key: str, version_id: str | None, content_type: str, *, attachment: bool) -> str:
        """Return a link that says what it is for."""
        return f"https://bucket.example/{quote(key)}?version={version_id}&type={content_type}&attachment={attachment}"


@dataclass
class FakeErasure:
    """Pictures of which something is left, and how many steps each takes to be erased."""

    steps: dict[str, int] = field(default_factory=dict)

    def keys_below(self, prefix: str) -> list[str]:
        """Return the keys that begin so, each twice."""
        return [key for key in self.steps for _ in range(2) if key.startswith(prefix)]

    def erase(self, key: str, contents: set[tuple[str, int]]) -> bool:
        """Take a step."""
        left = self.steps.pop(key, 1) - 1
        if left:
            self.steps[key] = left
        return not left


@dataclass
class FakeApi:
    """All three functions around one state."""

    results: FakeResults = field(default_factory=FakeResults)
    objects: FakeObjects = field(default_factory=FakeObjects)
    previews: FakeObjects | None = None
    """None where the stack makes none."""
    sent: list[str] | None = field(default_factory=list)
    """Messages to the pipeline's queue; None where there is none."""
    erasure: FakeErasure | None = field(default_factory=FakeErasure)
    """None where the API may not purge."""
    signed: list[tuple[str, str, int, int]] = field(default_factory=list)

    def application(self) -> Application:
        """Return the functions as one application."""

        def sign(key: str, content_type: str, size_bytes: int, expiry_s: int) -> str:
            self.signed.append((key, content_type, size_bytes, expiry_s))
            return f"https://bucket.example/{key}?signature"

        uploads = Uploads(sign, PREFIX, 100 * 1024 * 1024, 300, lambda: NOW, lambda: "id")
        objects, previews, erasure = cast(Any, self.objects), cast(Any, self.previews), cast(Any, self.erasure)
        reading = Reading(cast(Any, self.results), objects, PREFIX, lambda: NOW, previews)
        send = None if self.sent is None else self.sent.append
        changes = Changes(objects, PREFIX, erasure, send, lambda: NOW)
        routes = {
            ("POST", "/generate-upload-url"): uploads.generate,
            ("POST", "/detect-labels"): reading.detect_labels,
            ("GET", "/result"): reading.get_result,
            ("GET", "/images"): reading.list_images,
            ("DELETE", "/images"): changes.delete_image,
            ("POST", "/relabel"): changes.relabel,
            ("GET", "/labels"): reading.list_labels,
            ("GET", "/image-url"): reading.get_image_url,
            ("GET", "/health"): reading.get_health,
        }
        origins = Variables({"ALLOWED_ORIGIN": SITE}).names("ALLOWED_ORIGIN")
        return Application(routes, origins, Logger(service="test", level="CRITICAL"))


def rest_event(
    method: str, path: str, query: str = "", body: bytes | None = None, headers: dict[str, str] | None = None
) -> dict[str, Any]:
    """Return an event of a REST API (payload 1.0)."""
    values = parse_qs(query, keep_blank_values=True)
    return {
        "resource": path,
        "path": path,
        "httpMethod": method,
        "headers": headers,
        "queryStringParameters": {name: several[-1] for name, several in values.items()} or None,
        "multiValueQueryStringParameters": values or None,
        "requestContext": {"requestId": "r-1", "stage": "dev", "httpMethod": method, "path": f"/dev{path}"},
        "body": None if body is None else base64.b64encode(body).decode(),
        "isBase64Encoded": body is not None,
    }


def http_event(
    method: str,
    path: str,
    query: str = "",
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
    *,
    known: bool = True,
) -> dict[str, Any]:
    """Return an event of an HTTP API (payload 2.0)."""
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": f"{method} {path}" if known else "$default",
        "rawPath": f"/dev{path}",
        "rawQueryString": query,
        "headers": {name.lower(): value for name, value in (headers or {}).items()},
        "requestContext": {
            "requestId": "r-1",
            "stage": "dev",
            "http": {"method": method, "path": f"/dev{path}", "protocol": "HTTP/1.1"},
        },
        "isBase64Encoded": body is not None,
    }
    return event if body is None else event | {"body": base64.b64encode(body).decode()}


def query_of(**values: Any) -> str:
    """Return a query string."""
    return urlencode(values, doseq=True)
