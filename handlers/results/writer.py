"""Writing results: read, plan, commit, and again when another writer was faster."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from handlers.results import keys
from handlers.results.codes import Code, Status, sentence
from handlers.results.errors import ConflictError, TableUnavailableError
from handlers.results.order import Position, State
from handlers.results.plan import Item, Write, document, plan
from handlers.results.rows import Rows

_ATTEMPTS: Final = 10
_FIRST_PAUSE_S: Final = 0.02
_LONGEST_PAUSE_S: Final = 0.5
_MAX_BODY_BYTES: Final = 300_000
_SETTLED: Final = frozenset({Status.LABELED, Status.REJECTED})


@dataclass(frozen=True)
class Snapshot:
    """What was stored of a picture when it was read."""

    image: Item | None

    @property
    def state(self) -> State | None:
        """Where it stands in the order."""
        return State.of(self.image) if self.image else None


class ResultsWriter:
    """The write side. Raises TableUnavailableError when the table throttles or fails."""

    def __init__(
        self,
        rows: Rows,
        *,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._rows = rows
        self._pause = sleep
        self._jitter = jitter

    def read(self, key: str) -> Snapshot:
        """What is stored of a picture now; read consistently."""
        return Snapshot(self._rows.read_image(key))

    def write(self, write: Write, seen: Snapshot | None = None) -> bool:
        """Put a result where the order says it belongs, in one transaction; False if what is stored stays.

        With what was `seen` of the picture before, nothing is read, unless it has changed since. Raises
        TableUnavailableError also when other writers win every time.
        """
        key = write.result["key"]
        for attempt in range(_ATTEMPTS):
            stored = seen or self.read(key)
            actions = plan(write, stored.image)
            if not actions:
                return False
            try:
                self._rows.commit(actions)
            except ConflictError:
                seen = None
                self._pause(self._jitter() * min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2**attempt))
            else:
                return True
        raise TableUnavailableError(f"other writers won {_ATTEMPTS} times in a row")

    def advance(self, seen: Snapshot, version_id: str | None, position: Position) -> bool:
        """Move the result of this version, if it is what was seen, to a later position, otherwise unchanged.

        False if another version's result is stored, or none, or one that failed.
        """
        image = seen.image
        if image is None or image.get("versionId") != version_id or image["status"] not in _SETTLED:
            return False
        moved = document(image)
        moved["sequencer"] = position.sequencer
        self.write(Write(moved, position.event_time, fingerprint=image.get("fingerprint"), moves=True), seen)
        return True

    def note_attempt(self, key: str, position: Position, code: Code, expires_at_s: int) -> None:
        """Remember why an attempt failed: the queue does not hand the reason on to the dead-letter queue."""
        self._rows.put(
            {
                "pk": keys.attempt_pk(key),
                "sk": _attempt_sk(position),
                "code": code,
                "expiresAt": expires_at_s,
            }
        )

    def attempt_code(self, key: str, position: Position) -> Code | None:
        """Why the last attempt at this event failed, if it was noted."""
        for item in self._rows.read_partition(keys.attempt_pk(key)):
            if item["sk"] == _attempt_sk(position):
                return Code(item["code"])
        return None

    def keep_unreadable(self, message_id: str, body: str, received_at: str) -> None:
        """Keep a queue message that is not an S3 event, so that a person can look at it; for ever, once."""
        self._rows.put(
            {
                "pk": keys.unreadable_pk(message_id),
                "sk": keys.META,
                "status": Status.FAILED,
                "code": Code.UNREADABLE_MESSAGE,
                "message": sentence(Code.UNREADABLE_MESSAGE),
                "messageId": message_id,
                "body": keys.cut_to_bytes(body, _MAX_BODY_BYTES),
                "processedAt": received_at,
                "gsi2pk": keys.status_partition("UNREADABLE"),
                "gsi2sk": keys.by_time(received_at, message_id),
            }
        )


def _attempt_sk(position: Position) -> str:
    return f"{position.sequencer}#{position.event_time}"
