"""Reading: results, the gallery and the search, label counts, links to look at pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from http import HTTPStatus
from typing import Any, Final, cast

from ..api.application import Answer, ProblemError, Request
from ..api.fields import checked_key, flag, integer_text, line, number, one_of, optional, phrase, required, several
from ..api.storage import LinkedBucket
from ..results.codes import Status
from ..results.document import PREVIEW_TYPE, SIDES_PX, Result, json_ready, preview_key
from ..results.errors import InvalidCursorError, InvalidQueryError
from ..results.keys import iso_ms
from ..results.query import MAX_CHARACTERS, MAX_CONDITIONS, Query
from ..results.search import LISTED_STATUSES, MAX_LIMIT, Page, ResultsReader

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
_LISTING: Final = {
    "q": optional("", phrase, MAX_CHARACTERS),
    "label": several(MAX_CONDITIONS, phrase, MAX_LABEL_CHARACTERS),
    "minConfidence": optional(Decimal(0), number, 0, 100),
    "order": optional("newest", one_of, "newest", "confidence", "taken"),
    "status": optional(None, lambda value: Status(one_of(value, *LISTED_STATUSES))),
    "limit": optional(DEFAULT_LIMIT, integer_text, 1, MAX_LIMIT),
    "cursor": optional(None, line, MAX_CURSOR_CHARACTERS),
}
"""The parameters of GET /images."""


@dataclass(frozen=True)
class Reading:
    """Answers requests about pictures below `prefix`; it knows no others."""

    results: ResultsReader
    uploads: LinkedBucket
    prefix: str
    now: Callable[[], datetime]
    previews: LinkedBucket | None = None
    """The stack's previews; None where it makes none."""

    def detect_labels(self, request: Request) -> Answer:
        """Answer POST /detect-labels."""
        [key] = request.fields({"key": required(checked_key)})
        return self._answer(key)

    def get_result(self, request: Request) -> Answer:
        """Answer GET /result."""
        [key] = request.parameters({"key": required(checked_key)})
        return self._answer(key)

    def list_images(self, request: Request) -> Answer:
        """Answer GET /images."""
        text, labels, least, order, status, limit, cursor = request.parameters(_LISTING)
        try:
            if not (text or labels or order == "taken"):
                page = self.results.list_images(limit, cursor, status)
            elif status in (None, Status.LABELED):
                shape = {"min_confidence": least, "order": order}
                query = Query.of(text, labels, **shape) if text or labels else Query(**shape)
                page = self.results.search(query, limit, cursor)
            else:
                page = Page([], None, 0)
        except InvalidCursorError as error:
            raise ProblemError(error.code, f"The parameter cursor is wrong: {error}.") from error
        except InvalidQueryError as error:
            raise ProblemError(error.code, f"The search is not valid: {error}.") from error
        images = [json_ready(summary(result)) for result in page.items if result["key"].startswith(self.prefix)]
        content = {"images": images, "cursor": page.cursor, "total": page.total}
        return Answer({name: value for name, value in content.items() if value is not None})

    def list_labels(self, request: Request) -> Answer:
        """Answer GET /labels."""
        request.parameters({})
        ranked = sorted(self.results.label_counts().items(), key=lambda item: (-item[1], item[0]))
        return Answer({"labels": [{"name": name, "count": count} for name, count in ranked]})

    def get_image_url(self, request: Request) -> Answer:
        """Answer GET /image-url."""
        key, show_flagged, side_px = request.parameters(
            {
                "key": required(checked_key),
                "showFlagged": optional(False, flag),
                "size": optional(None, one_of, *map(str, SIDES_PX)),
            }
        )
        result = self._find(key)
        if result is None:
            raise ProblemError("PICTURE_PENDING")
        if result.get("moderation") and not show_flagged:
            raise ProblemError("PICTURE_FLAGGED")
        expires_at = self.now() + timedelta(seconds=self.uploads.link_expiry_s)
        url = self._preview(result, int(side_px)) if side_px else None
        return Answer({"url": url or self._original(result), "expiresAt": iso_ms(expires_at)})

    def _preview(self, result: Result, side_px: int) -> str | None:
        """Return a link to a preview, or None for the original.

        Raises ProblemError if browsers can show neither.
        """
        if self.previews is None or result["status"] != Status.LABELED:
            return None
        place = preview_key(result["key"], result.get("versionId"), side_px)
        if self.previews.has(place):
            return self.previews.link(place, None, PREVIEW_TYPE, attachment=False)
        if result.get("format") not in _IN_BROWSERS:
            raise ProblemError("PREVIEW_NOT_FOUND")
        return None

    def _original(self, result: Result) -> str:
        # A browser never shows a file that is no picture, whatever type it was uploaded with.
        shown = _SHOWN_TYPES.get(result.get("format", "")) if result["status"] == Status.LABELED else None
        # Of the version that was judged: another may have come under the same key since.
        version_id, attachment = result.get("versionId"), shown is None
        return self.uploads.link(result["key"], version_id, shown or "application/octet-stream", attachment=attachment)

    def get_health(self, request: Request) -> Answer:
        """Answer GET /health, which fails when the table cannot be read."""
        request.parameters({})
        self.results.get(self.prefix)
        return Answer({"status": "ok"})

    def _answer(self, key: str) -> Answer:
        result = self._find(key)
        if result is None:
            return Answer({"key": key, "status": "PENDING"}, HTTPStatus.ACCEPTED, {"Retry-After": "1"})
        return Answer(json_ready(result))

    def _find(self, key: str) -> Result | None:
        """Return the result, or None while it is pending. Raises ProblemError."""
        if not key.startswith(self.prefix):
            raise ProblemError("PICTURE_NOT_FOUND")
        result = self.results.get(key)
        if result and result["status"] != Status.DELETED:
            return result
        if self.uploads.has(key):
            return None
        raise ProblemError("PICTURE_DELETED" if result else "PICTURE_NOT_FOUND")


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
