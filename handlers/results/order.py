"""The order of a picture's states.

It is a join: the larger position wins, at equal positions the larger rank. Otherwise the stored state stays. Any order
and any repetition of the same events therefore ends in the same table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple, Self

from . import keys
from .codes import Status

TOMBSTONE_DAYS: Final = 15
"""Longer than a message can stay in SQS (14 days): an event that is older than the delete cannot come later."""
_RANKS: Final = {Status.FAILED: 0, Status.LABELED: 1, Status.REJECTED: 1, Status.DELETED: 2}


class Position(NamedTuple):
    """The position of an event among the events of its key.

    On AWS the sequencer alone decides, and two events with the same one are the same event. LocalStack gives every
    event the same sequencer; there the time of the event decides.
    """

    sequencer: str
    """Padded by `keys.pad_sequencer`."""
    event_time: str
    """ISO 8601 UTC with milliseconds."""

    def next(self) -> Position:
        """Return the position right behind this one: after the stored result, and before any later event."""
        later = datetime.fromisoformat(self.event_time) + timedelta(milliseconds=1)
        return self._replace(event_time=keys.iso_ms(later))


FIRST: Final = Position(keys.pad_sequencer("0"), "1970-01-01T00:00:00.000Z")
"""Before everything that happens: of a result that nothing but a repair has asked for."""


@dataclass(frozen=True)
class State:
    """The parts of a stored result that the order needs."""

    position: Position
    status: Status
    version_id: str | None = None

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> Self:
        """Return an image item's state."""
        return cls(Position(item["sequencer"], item["eventTime"]), Status(item["status"]), item.get("versionId"))

    def yields_to(self, other: State) -> bool:
        """Return whether `other` takes the place of this state."""
        return (self.position, _RANKS[self.status]) < (other.position, _RANKS[other.status])

    def settles(self, position: Position, uploaded_version: str | None = None) -> bool:
        """Return whether an event at `position` needs no work: it is older, or done and not FAILED.

        `uploaded_version` is the version that the event says was uploaded. A version is uploaded once:
        with the stored sequencer it is the same event, whatever its time.
        """
        same_upload = (
            position.sequencer == self.position.sequencer
            and uploaded_version is not None
            and uploaded_version == self.version_id
        )
        if same_upload or position == self.position:
            return self.status is not Status.FAILED
        return position < self.position
