"""The use-case of announcing: a stored result becomes a document in the results bucket and a message of the topic.

It knows nothing of queues: `process_image` and `record_failure` announce what they have stored, and whoever comes upon
a stored result that waits for it (its event comes again, a step of a workflow, a repair) resumes.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from handlers.labelling.errors import AnnouncementError
from handlers.labelling.notification import notification
from handlers.labelling.ports import DocumentStore, Publisher
from handlers.labelling.tally import Count, Tally
from handlers.results.document import Result
from handlers.results.errors import TableUnavailableError
from handlers.results.outbox import Outbox
from handlers.results.pending import Pending
from handlers.results.published import document_key, published


@dataclass(frozen=True)
class Announcing:
    """Announces each result once to the targets that there are: at least one of them.

    Raises AnnouncementError when a target does not take it, AnnouncementClaimedError while somebody else is at it,
    TableUnavailableError. The result waits on then, and may be resumed.
    """

    outbox: Outbox
    documents: DocumentStore | None
    publisher: Publisher | None
    min_confidence: Decimal
    tally: Tally
    warn: Callable[[str], None]

    def open(self, result: Result, event_time: str) -> Pending:
        """For the write of a result that the caller announces once it is stored."""
        return self.outbox.open(result, event_time)

    def announce(self, result: Result, pending: Pending) -> None:
        """Announce a result that has just been stored with what it waits for."""
        try:
            self._tell(result, pending)
        except AnnouncementError:
            self.tally.add(Count.ANNOUNCEMENTS_FAILED)
            self._release(result["key"], pending)
            raise
        self.outbox.close(result["key"], pending)
        self.tally.add(Count.RESULTS_ANNOUNCED)

    def resume(self, key: str) -> bool:
        """Announce the stored result of a picture if it still waits for it; whether it did."""
        claimed = self.outbox.take(key)
        if claimed is None:
            return False
        self.announce(claimed.result, claimed.pending)
        return True

    def _tell(self, result: Result, pending: Pending) -> None:
        document = None
        if self.documents:
            key = document_key(result["key"], result.get("versionId"))
            content = json.dumps(published(result), ensure_ascii=False, separators=(",", ":"))
            document = {"bucket": self.documents.put(key, content.encode()), "key": key}
        if self.publisher:
            self.publisher.publish(notification(result, pending.id, self.min_confidence, document))

    def _release(self, key: str, pending: Pending) -> None:
        try:
            self.outbox.release(key, pending)
        except TableUnavailableError as error:
            # The claim runs out by itself.
            self.warn(f"The announcement could not be released for the next attempt: {error}")
