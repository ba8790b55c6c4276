"""Reading: results, the gallery and the search, label counts, links to look at pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from http import HTTPStatus
from typing import Any, Final, Protocol, cast

from ..api.answers import Answer
from ..api.fields import Body, Query, checked_key, integer_text, number, one_of, text
from ..api.problems import ProblemError
from ..api.requests import Request
from ..results.codes import Status
from ..results.document import Result, json_ready
from ..results.errors import InvalidCursorError, InvalidQueryError
from ..results.keys import iso_ms
from ..results.previews import CONTENT_TYPE, SIDES_PX, preview_key
from ..results.query import MAX_CHARACTERS, MAX_CONDITIONS
from ..results.query import Query as Search
from ..results.search import LISTED_STATUSES, MAX_LIMIT, Order, Page, Results

DEFAULT_LIMIT: Final = 24
MAX_LABEL_CHARACTERS: Final = 100
MAX_CURSOR_CHARACTERS: Final = 8192
_SUMMARY: Final = ("key", "versionId", "status", "code", "message", "uploadedAt", "processedAt", "width", "height")
_SHOWN_TYPES: Final = {
    name: f"image/{name.lower()}" for name in ("JPEG", "PNG", "HEIC", "HEIF", "WebP", "AVIF", "GIF", "TIFF", "BMP")
}
"""Content types by the format in the file's bytes, never by the type of the upload."""


_IN_BROWSERS: Final = frozenset({"JPEG", "PNG", "WebP", "AVIF", "GIF"})
"""Formats that every browser shows."""


class Objects(Protocol):
    """The uploads bucket."""

    def has(self, key: str) -> bool:
        """Return whether the bucket has an object of this key now."""


class Links(Protocol):
    """Gives links to look at pictures."""

    def link(self, key: str, version_id: str | None, content_type: str, *, attachment: bool) -> str:
        """Return a short-lived link to one version."""


@dataclass(frozen=True)
class Previews:
    """The bucket of previews, and links to look at them."""

    objects: Objects
    links: Links

    def link(self, result: Result, side_px: int) -> str | None:
        """Return a link to a preview of the version that was judged; None where there is none."""
        place = preview_key(result["key"], result.get("versionId"), side_px)
        return self.links.link(place, None, CONTENT_TYPE, attachment=False) if self.objects.has(place) else None


@dataclass(frozen=True)
class Reading:
    """Answers requests about pictures below `prefix`; it knows no others."""

    results: Results
    objects: Objects
    links: Links
    prefix: str
    link_expiry_s: int
    now: Callable[[], datetime]
    previews: Previews | None = None
    """The stack's previews; None where it makes none."""

    def detect_labels(self, request: Request) -> Answer:
        """Answer POST /detect-labels."""
        body = Body(request.json_object(), ("key",))
        key = body.required("key", checked_key, "")
        body.done()
        return self._answer(key)

    def get_result(self, request: Request) -> Answer:
        """Answer GET /result."""
        query = Query(request.query, ("key",))
        key = query.key()
        query.done()
        return self._answer(key)

    def list_images(self, request: Request) -> Answer:
        """Answer GET /images."""
        query = Query(request.query, ("q", "label", "minConfidence", "order", "status", "limit", "cursor"))
        searched = query.optional("q", _query, "")
        labels = query.several("label", _label, MAX_CONDITIONS)
        least = query.optional("minConfidence", number(0, 100), Decimal(0))
        order = cast("Order", query.optional("order", one_of("newest", "confidence", "taken"), "newest"))
        status = query.optional("status", one_of(*LISTED_STATUSES), "")
        limit = query.optional("limit", integer_text(1, MAX_LIMIT), DEFAULT_LIMIT)
        cursor = query.optional("cursor", _cursor, None)
        query.done()
        listed_status = Status(status) if status else None
        try:
            if not (searched or labels or order == "taken"):
                page = self.results.list_images(limit, cursor, listed_status)
            elif listed_status in (None, Status.LABELED):
                search = Search.of(searched, labels) if searched or labels else Search()
                page = self.results.search(search, min_confidence=least, order=order, limit=limit, cursor=cursor)
            else:
                page = Page([], None, 0)
        except InvalidCursorError as error:
            raise ProblemError(error.code, f"The parameter cursor is wrong: {error}.") from error
        except InvalidQueryError as error:
            raise ProblemError(error.code, f"The search is not valid: {error}.") from error
        images = [json_ready(summary(result)) for result in page.items if self._shows(result["key"])]
        content = {"images": images, "cursor": page.cursor, "total": page.total}
        return Answer({name: value for name, value in content.items() if value is not None})

    def list_labels(self, request: Request) -> Answer:
        """Answer GET /labels."""
        Query(request.query, ()).done()
        ranked = sorted(self.results.label_counts().items(), key=lambda item: (-item[1], item[0]))
        return Answer({"labels": [{"name": name, "count": count} for name, count in ranked]})

    def get_image_url(self, request: Request) -> Answer:
        """Answer GET /image-url."""
        query = Query(request.query, ("key", "size", "showFlagged"))
        key = query.key()
        show_flagged = query.optional("showFlagged", one_of("true", "false"), "false") == "true"
        size = query.optional("size", one_of(*map(str, SIDES_PX)), "")
        query.done()
        result = self._find(key)
        if result is None:
            raise ProblemError("PICTURE_PENDING")
        if result.get("moderation") and not show_flagged:
            raise ProblemError("PICTURE_FLAGGED")
        expires_at = self.now() + timedelta(seconds=self.link_expiry_s)
        url = self._preview(result, int(size)) if size else None
        return Answer({"url": url or self._original(result), "expiresAt": iso_ms(expires_at)})

    def _preview(self, result: Result, side_px: int) -> str | None:
        """Return a link to a preview, or None for the original.

        Raises ProblemError if browsers can show neither.
        """
        if self.previews is None or result["status"] != Status.LABELED:
            return None
        url = self.previews.link(result, side_px)
        if url is None and result.get("format") not in _IN_BROWSERS:
            raise ProblemError("PREVIEW_NOT_FOUND")
        return url

    def _original(self, result: Result) -> str:
        # A browser never shows a file that is no picture, whatever type it was uploaded with.
        shown = _SHOWN_TYPES.get(result.get("format", "")) if result["status"] == Status.LABELED else None
        # Of the version that was judged: another may have come under the same key since.
        version_id, attachment = result.get("versionId"), shown is None
        return self.links.link(result["key"], version_id, shown or "application/octet-stream", attachment=attachment)

    def get_health(self, request: Request) -> Answer:
        """Answer GET /health, which fails when the table cannot be read."""
        Query(request.query, ()).done()
        self.results.get(self.prefix)
        return Answer({"status": "ok"})

    def _answer(self, key: str) -> Answer:
        result = self._find(key)
        if result is None:
            return Answer({"key": key, "status": "PENDING"}, HTTPStatus.ACCEPTED, {"Retry-After": "1"})
        return Answer(json_ready(result))

    def _find(self, key: str) -> Result | None:
        """Return the result, or None while it is pending. Raises ProblemError."""
        if not self._shows(key):
            raise ProblemError("PICTURE_NOT_FOUND")
        result = self.results.get(key)
        if result and result["status"] != Status.DELETED:
            return result
        if self.objects.has(key):
            return None
        raise ProblemError("PICTURE_DELETED" if result else "PICTURE_NOT_FOUND")

    def _shows(self, key: str) -> bool:
        return key.startswith(self.prefix)


def summary(result: Result) -> dict[str, Any]:
    """Shorten a result to the bounded part that a gallery shows."""
    values = cast("Mapping[str, Any]", result)
    short = {name: values[name] for name in _SUMMARY if name in values}
    if taken_at := result.get("capture", {}).get("takenAt"):
        short["capture"] = {"takenAt": taken_at}
    for part in ("labels", "moderation"):
        if part in values:
            short[part] = [{"name": label["name"], "confidence": label["confidence"]} for label in values[part]]
    return short


def _label(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be empty")
    return text(value, most_characters=MAX_LABEL_CHARACTERS)


def _query(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be empty")
    return text(value, most_characters=MAX_CHARACTERS)


def _cursor(value: str) -> str | None:
    return text(value, most_characters=MAX_CURSOR_CHARACTERS)
