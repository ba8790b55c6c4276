"""The content cache: what Rekognition said of these bytes, whatever their key, so that it is asked once.

An item holds the answers that came together, and tells detectors and settings apart: to switch on another detector
costs only that detector's calls, and a picture of which one detector failed does not pay for the others again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from handlers.results import keys
from handlers.results.document import Analysis
from handlers.results.rows import Rows
from handlers.results.size import trimmed


@dataclass(frozen=True)
class PictureHeader:
    """What the first bytes of a picture tell; None where they do not."""

    format: str
    width: int | None
    """As a person sees it, turned by its orientation; `height` too."""
    height: int | None
    converted: bool = False
    """Rekognition sees a converted copy."""


@dataclass(frozen=True)
class Answer:
    """What one detector found, and the picture's header: with all answers cached, no byte is read."""

    analysis: Analysis
    header: PictureHeader
    truncated: tuple[str, ...] = ()


class AnswerCache:
    """Answers by content. Raises TableUnavailableError when DynamoDB throttles or fails."""

    def __init__(self, rows: Rows, days: int, now: Callable[[], datetime]) -> None:
        self._rows = rows
        self._keep = timedelta(days=days)
        self._now = now

    def find(self, etag: str, size_bytes: int, fingerprints: Mapping[str, str]) -> dict[str, Answer]:
        """The answers that are known, by detector; `fingerprints` says which detectors and settings are meant."""
        now_s = int(self._now().timestamp())
        found: dict[str, Answer] = {}
        for item in self._rows.read_partition(keys.content_pk(etag, size_bytes)):
            # DynamoDB removes expired items within days, not at once.
            if item["expiresAt"] <= now_s:
                continue
            for detector, fingerprint in item["fingerprints"].items():
                if fingerprints.get(detector) == fingerprint:
                    found[detector] = _answer(item, detector)
        return found

    def keep(self, etag: str, size_bytes: int, fingerprints: Mapping[str, str], answers: Mapping[str, Answer]) -> None:
        """Keep the answers of some detectors for the cache's days, in one item."""
        whole = Analysis()
        for answer in answers.values():
            whole.update(answer.analysis)
        fitting, cut = trimmed(whole)
        content = cast("dict[str, Any]", fitting)
        header = next(iter(answers.values())).header
        kept = {detector: fingerprints[detector] for detector in sorted(answers)}
        item: dict[str, Any] = {
            "pk": keys.content_pk(etag, size_bytes),
            "sk": "ANALYSIS#" + "#".join(f"{detector}={fingerprint}" for detector, fingerprint in kept.items()),
            "fingerprints": kept,
            "analyses": {name: {part: content[part] for part in answer.analysis} for name, answer in answers.items()},
            "format": header.format,
            "width": header.width,
            "height": header.height,
            "converted": header.converted,
            "truncated": cut,
            "expiresAt": int((self._now() + self._keep).timestamp()),
        }
        self._rows.put(item)


def _answer(item: Mapping[str, Any], detector: str) -> Answer:
    analysis = cast("Analysis", item["analyses"][detector])
    return Answer(
        analysis=analysis,
        header=PictureHeader(item["format"], _int(item["width"]), _int(item["height"]), item.get("converted", False)),
        truncated=tuple(part for part in item["truncated"] if part.partition(".")[0] in analysis),
    )


def _int(number: Any) -> int | None:
    return None if number is None else int(number)
