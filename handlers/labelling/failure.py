"""The use-case of `record_failure`: an event that used up its attempts becomes a FAILED result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from handlers.labelling.events import EventKind, ObjectEvent, iso_ms
from handlers.labelling.ports import Announcer, Results
from handlers.labelling.tally import Count, Tally
from handlers.labelling.tombstone import tombstone
from handlers.results.codes import Code, Status, sentence
from handlers.results.document import Result
from handlers.results.plan import Write


@dataclass(frozen=True)
class FailureRecording:
    """Records what the dead-letter queue holds, and announces what is stored and could not be announced before.

    Raises TableUnavailableError, AnnouncementError and AnnouncementClaimedError: the message then stays there.
    """

    bucket: str
    results: Results
    tally: Tally
    now: Callable[[], datetime]
    announcing: Announcer | None = None
    """None where results are not announced."""

    def record(self, event: ObjectEvent, code: Code | None = None) -> str:
        """Write the failure and why (`code`, or as noted), if nothing better is known; what became of the event."""
        if event.bucket != self.bucket:
            self.tally.add(Count.IGNORED_EVENTS)
            return "FOREIGN"
        seen = self.results.read(event.key)
        state = seen.state
        # A repair that fails leaves what was there.
        if state and (event.kind is EventKind.ASKED or state.settles(event.position, event.uploaded_version)):
            return self._leave(event)
        # A tombstone needs nothing that can have failed but the table.
        removed = event.kind is EventKind.REMOVED
        write = tombstone(event, self.now()) if removed else self._failure(event, code)
        if not self.results.write(write, seen):
            return self._leave(event)
        self.tally.add(Count.PICTURES_DELETED if removed else Count.PICTURES_FAILED)
        if self.announcing and write.pending:
            self.announcing.announce(write.result, write.pending)
        return write.result["status"]

    def _leave(self, event: ObjectEvent) -> str:
        """What is stored stays: a failure to announce it does not change it."""
        self.tally.add(Count.STALE_EVENTS)
        if self.announcing:
            self.announcing.resume(event.key)
        return "STALE"

    def _failure(self, event: ObjectEvent, code: Code | None) -> Write:
        code = code or self.results.attempt_code(event.key, event.position) or Code.RETRIES_EXHAUSTED
        result: Result = {
            "key": event.key,
            "bucket": event.bucket,
            "status": Status.FAILED,
            "code": code,
            "message": sentence(code),
            "sequencer": event.position.sequencer,
            "processedAt": iso_ms(self.now()),
        }
        if event.kind is EventKind.CREATED:
            result["uploadedAt"] = iso_ms(event.time)
            if event.version_id:
                result["versionId"] = event.version_id
            if event.etag:
                result["etag"] = event.etag
            if event.size_bytes is not None:
                result["sizeBytes"] = event.size_bytes
        event_time = event.position.event_time
        return Write(result, event_time, pending=self.announcing.open(result, event_time) if self.announcing else None)
