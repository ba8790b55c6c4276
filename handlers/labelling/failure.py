"""Recording an event that used up its attempts: it becomes a FAILED result."""

from __future__ import annotations

from typing import cast

from ..results.codes import Code, Status
from ..results.document import Result
from ..results.item import Write
from .events import EventKind, ObjectEvent
from .pipeline import Batch, Ended, Outcome, Recorder, new_result, tombstone


def record_failure(recorder: Recorder, event: ObjectEvent, code: Code | None = None) -> Ended:
    """Write the failure and its reason (`code`, or the noted one), unless a better result is stored.

    Publish a stored result that could not be published before. Raises what `Recorder` raises: the message then stays.
    """
    if event.bucket != recorder.bucket:
        return recorder.ignore()
    batch = Batch()
    image = recorder.image(event.key, batch)
    # A repair that fails leaves the stored result.
    if image.state and (event.kind is EventKind.REPAIR or image.state.settles(event.position, event.uploaded_version)):
        return recorder.leave(Outcome.STALE, image)
    # A tombstone needs nothing that can have failed but the table.
    if event.kind is EventKind.REMOVED:
        return recorder.store(event, tombstone(event, recorder.now()), batch)
    code = code or recorder.results.attempt_code(event.key, event.position) or Code.RETRIES_EXHAUSTED
    result = new_result(event, Status.FAILED, recorder.now(), code)
    if event.kind is EventKind.CREATED:
        facts = {
            "uploadedAt": event.position.event_time,
            "versionId": event.version_id,
            "etag": event.etag,
            "sizeBytes": event.size_bytes,
        }
        result.update(cast("Result", {name: fact for name, fact in facts.items() if fact is not None}))
    return recorder.store(event, Write(result, event.position.event_time), batch)
