"""Previews: small WebP copies of a picture's versions, made and removed by the bucket's events, beside labelling.

An event that comes twice or late changes nothing. An existing preview is not made again, and a preview whose version
is gone by the time that it is stored goes too.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from ..results.document import SIDES_PX, preview_key
from . import picture
from .decoder import Decoder
from .errors import ObjectGoneError, PictureRejectedError, UnreadableMessageError
from .events import Deadline, EventKind, ObjectEvent, decode_message
from .metrics import Metric, Metrics
from .s3_objects import S3Objects, S3Previews


class Outcome(StrEnum):
    """The outcome of an event."""

    MADE = "MADE"
    KNOWN = "KNOWN"
    """The version has its previews."""
    UNUSABLE = "UNUSABLE"
    """The file is no picture, or one that cannot be decoded."""
    REMOVED = "REMOVED"
    GONE = "GONE"
    """There is no such version any more."""
    HIDDEN = "HIDDEN"
    """A delete marker hides the versions; they and their previews stay."""
    FOREIGN = "FOREIGN"
    """The event is about another bucket."""


@dataclass(frozen=True)
class Previews:
    """The function behind the queue of previews of one bucket. Its errors let Lambda try the message again."""

    bucket: str
    objects: S3Objects
    decoder: Decoder
    store: S3Previews
    metrics: Metrics
    logger: Logger

    def handle(self, event: dict[str, Any], context: LambdaContext) -> None:
        """Follow the events of a message."""
        deadline = Deadline.of(context)
        try:
            for record in event["Records"]:
                message = decode_message(record["body"])
                if message.unreadable:
                    raise UnreadableMessageError(message.unreadable)
                for each in message.events:
                    outcome = self.follow(each, deadline)
                    self.logger.info("Previews", key=each.key, version_id=each.version_id, outcome=outcome)
        finally:
            self.metrics.publish()

    def follow(self, event: ObjectEvent, deadline: Deadline) -> Outcome:
        """Make or remove the previews of the event's version. Raises TransientError when that may succeed later."""
        if event.bucket != self.bucket:
            self.metrics.add(Metric.IGNORED_EVENTS)
            return Outcome.FOREIGN
        if event.kind is EventKind.REMOVED and event.version_id:
            return Outcome.HIDDEN
        if event.kind in (EventKind.REMOVED, EventKind.PURGED):
            return self._remove(event.key, event.version_id, Outcome.REMOVED)
        try:
            return self._make(event, deadline)
        except ObjectGoneError:
            return Outcome.GONE
        except PictureRejectedError:
            self.metrics.add(Metric.PICTURES_WITHOUT_PREVIEW)
            return Outcome.UNUSABLE

    def _make(self, event: ObjectEvent, deadline: Deadline) -> Outcome:
        # Not opened where the event says all: S3 does not even describe what only its owner has a key to.
        stored = event.uploaded_object or self.objects.open(event.key, event.uploaded_version, 1)[0]
        places = [preview_key(event.key, stored.version_id, side_px) for side_px in SIDES_PX]
        # Without versions, another picture may have come under the same key.
        if stored.version_id and self.store.has(places[-1]):
            return Outcome.KNOWN
        picture.check_size(stored.size_bytes)
        name = picture.format_of(self.objects.read_start(stored, picture.HEADER_READS_BYTES[0]))
        content = self.objects.read(stored)
        previews = self.decoder.previews(content, stored.size_bytes, name, SIDES_PX, deadline.remaining_s)
        for place, preview in zip(places, previews, strict=True):
            self.store.put(place, preview)
        try:
            self.objects.open(event.key, stored.version_id, 1)
        except ObjectGoneError:
            return self._remove(event.key, stored.version_id, Outcome.GONE)
        self.metrics.add(Metric.PREVIEWS_MADE)
        return Outcome.MADE

    def _remove(self, key: str, version_id: str | None, outcome: Outcome) -> Outcome:
        for side_px in SIDES_PX:
            self.store.delete(preview_key(key, version_id, side_px))
        return outcome
