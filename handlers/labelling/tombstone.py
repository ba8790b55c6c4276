"""What is left in the table of a picture that was deleted."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from handlers.labelling.events import EventKind, ObjectEvent, iso_ms
from handlers.results.codes import Code, Status, sentence
from handlers.results.document import Result
from handlers.results.plan import Write

KEEP: Final = timedelta(days=15)
"""Longer than a message can stay in SQS (14 days): an event that is older than the delete cannot come later."""


def tombstone(event: ObjectEvent, now: datetime) -> Write:
    """The write that takes a picture's result away, at the event's place in the order."""
    result: Result = {
        "key": event.key,
        "bucket": event.bucket,
        "status": Status.DELETED,
        "code": Code.OBJECT_DELETED,
        "message": sentence(Code.OBJECT_DELETED),
        "sequencer": event.position.sequencer,
        "processedAt": iso_ms(now),
    }
    # The version of a purge is not what was there last: nobody knows that any more.
    if event.version_id and event.kind is not EventKind.PURGED:
        result["versionId"] = event.version_id
    return Write(result, event.position.event_time, expires_at_s=int((now + KEEP).timestamp()))
