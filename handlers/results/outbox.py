"""The outbox: who announces a stored result, so that each is announced once, and none is forgotten.

Whoever stores a result has taken its announcement on already. If that one dies, the claim runs out and the next who
comes upon the result (its event comes again) takes it on. An announcement is doubled only when its maker dies between
the announcement and the note of it, or takes longer than its claim: its id is the same then.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from handlers.results.document import Result
from handlers.results.errors import AnnouncementClaimedError
from handlers.results.pending import NOBODY, OUTBOX_ATTRIBUTES, Pending, announcement_id
from handlers.results.plan import document
from handlers.results.rows import Rows

CLAIM: Final = timedelta(seconds=60)
"""Longer than both targets' time-outs and retries together (`labelling.targets`)."""


@dataclass(frozen=True)
class Claimed:
    """A stored result that the caller has to announce now."""

    result: Result
    pending: Pending


class Outbox:
    """Announcements that wait, on the image items. Raises TableUnavailableError."""

    def __init__(self, rows: Rows, now: Callable[[], datetime]) -> None:
        self._rows = rows
        self._now = now

    def open(self, result: Result, event_time: str, *, claimed: bool = True) -> Pending:
        """What a result waits for that is about to be stored: of the caller, or of whoever comes next."""
        return Pending(announcement_id(result, event_time), self._claim() if claimed else NOBODY)

    def take(self, key: str) -> Claimed | None:
        """Take on what the stored result of a picture waits for; None when it waits for nothing.

        Raises AnnouncementClaimedError while somebody else is at it.
        """
        image = self._rows.read_image(key)
        waiting = Pending.of(image) if image else None
        if image is None or waiting is None:
            return None
        mine = Pending(waiting.id, self._claim())
        if waiting.claimed_until > _iso(self._now()):
            raise AnnouncementClaimedError(f"the result of {key!r} is being announced")
        if not self._rows.change_image(key, waiting.attributes(), {"claimedUntil": mine.claimed_until}, ()):
            raise AnnouncementClaimedError(f"the result of {key!r} has changed, or is being announced")
        return Claimed(document(image), mine)

    def close(self, key: str, pending: Pending) -> None:
        """It is announced. What has replaced the result meanwhile waits for an announcement of its own."""
        self._rows.change_image(key, {"unannounced": pending.id}, {}, OUTBOX_ATTRIBUTES)

    def release(self, key: str, pending: Pending) -> None:
        """It could not be announced: whoever comes next may try, and it is listed until one succeeds."""
        change = {"claimedUntil": NOBODY, **Pending.failing(_iso(self._now()), key)}
        self._rows.change_image(key, pending.attributes(), change, ())

    def _claim(self) -> str:
        return _iso(self._now() + CLAIM)


def _iso(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds")
