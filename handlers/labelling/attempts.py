"""Notes about attempts that failed, so that `record_failure` can tell a person why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from handlers.labelling.errors import AnnouncementError, TransientError
from handlers.labelling.events import ObjectEvent
from handlers.labelling.ports import Results
from handlers.results.errors import AnnouncementClaimedError, TableUnavailableError

_KEEP: Final = timedelta(days=15)
"""Longer than a message can stay in the queues."""


@dataclass(frozen=True)
class AttemptNotes:
    """Writes the notes; a note that cannot be written is only warned of."""

    results: Results
    now: Callable[[], datetime]
    warn: Callable[[str], None]

    def note(self, event: ObjectEvent, error: Exception) -> None:
        """Note the code of an attempt that failed, unless its result is stored and only waits to be announced."""
        if isinstance(error, (AnnouncementError, AnnouncementClaimedError)):
            return
        code = error.code if isinstance(error, TransientError) else TransientError.code
        expires_at_s = int((self.now() + _KEEP).timestamp())
        try:
            self.results.note_attempt(event.key, event.position, code, expires_at_s)
        except TableUnavailableError as failure:
            self.warn(f"Why the attempt failed could not be noted: {failure}")
