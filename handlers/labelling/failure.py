"""Recording an event that used up its attempts: it becomes a FAILED result."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from ..results.codes import Code, Status
from ..results.item import Write
from ..results.table import ResultsWriter
from .deadline import Deadline
from .events import EventKind, ObjectEvent
from .metrics import Metric, Metrics
from .outbox import Outbox
from .pipeline import Ended, Outcome, begun, tombstone


@dataclass(frozen=True)
class FailureRecorder:
    """Records dead letters as FAILED, and publishes stored results that could not be published before.

    Raises TableUnavailableError, AnnouncementError and AnnouncementClaimedError: the message then stays there.
    """

    bucket: str
    results: ResultsWriter
    metrics: Metrics
    now: Callable[[], datetime]
    outbox: Outbox | None = None
    """None where results go to the table alone."""

    @contextmanager
    def open(self, events: Sequence[ObjectEvent]) -> Iterator[None]:
        """Prepare nothing."""
        yield

    def process(self, event: ObjectEvent, batch: None, deadline: Deadline) -> Ended:
        """Record an event from the dead-letter queue."""
        return self.record(event)

    def record(self, event: ObjectEvent, code: Code | None = None) -> Ended:
        """Write the failure and its reason (`code`, or the noted one), unless a better result is stored."""
        if event.bucket != self.bucket:
            self.metrics.add(Metric.IGNORED_EVENTS)
            return Ended(Outcome.FOREIGN)
        image = self.results.read(event.key)
        # A repair that fails leaves the stored result.
        if image.state and (
            event.kind is EventKind.REPAIR or image.state.settles(event.position, event.uploaded_version)
        ):
            return self._leave(event)
        # A tombstone needs nothing that can have failed but the table.
        removed = event.kind is EventKind.REMOVED
        write = tombstone(event, self.now()) if removed else self._failed(event, code)
        if not self.results.write(write, image):
            return self._leave(event)
        self.metrics.add(Metric.PICTURES_DELETED if removed else Metric.PICTURES_FAILED)
        if self.outbox and write.outbox:
            self.outbox.deliver(write.result, write.outbox)
        return Ended(write.result["status"], write.result)

    def _leave(self, event: ObjectEvent) -> Ended:
        """Keep the stored result: a failure to publish it does not change it."""
        self.metrics.add(Metric.STALE_EVENTS)
        if self.outbox:
            self.outbox.resume(event.key)
        return Ended(Outcome.STALE)

    def _failed(self, event: ObjectEvent, code: Code | None) -> Write:
        code = code or self.results.attempt_code(event.key, event.position) or Code.RETRIES_EXHAUSTED
        result = begun(event, Status.FAILED, self.now(), code)
        event_time = event.position.event_time
        if event.kind is EventKind.CREATED:
            result["uploadedAt"] = event_time
            if event.version_id:
                result["versionId"] = event.version_id
            if event.etag:
                result["etag"] = event.etag
            if event.size_bytes is not None:
                result["sizeBytes"] = event.size_bytes
        return Write(result, event_time, outbox=self.outbox.entry(result, event_time) if self.outbox else None)
