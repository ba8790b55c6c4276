"""The workflow's last steps, which know nothing of pictures: record a failure, announce a result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from handlers.labelling.announcing import Announcing
from handlers.labelling.failure import FailureRecording
from handlers.labelling.pacing import Deadline
from handlers.labelling.workflow_state import State, decode_event, ended, error_of
from handlers.results.document import Result
from handlers.results.outbox import Outbox
from handlers.results.pending import Pending


@dataclass(frozen=True)
class AnnouncedLater:
    """Leaves announcing to the workflow's next step: what is stored waits for whoever comes."""

    outbox: Outbox

    def open(self, result: Result, event_time: str) -> Pending:
        """For the write of a result that nobody has taken on to announce yet."""
        return self.outbox.open(result, event_time, claimed=False)

    def announce(self, result: Result, pending: Pending) -> None:
        """Nothing: it waits in the outbox."""

    def resume(self, key: str) -> bool:
        """Nothing: it waits in the outbox."""
        return False


@dataclass(frozen=True)
class NotifyStep:
    """Announces what the steps before have stored."""

    announcing: Announcing

    def notify(self, state: Mapping[str, Any], deadline: Deadline) -> State:
        """Announce the picture's result, if it still waits. Raises what `Announcing` raises."""
        announced = self.announcing.resume(decode_event(state["event"]).key)
        return {**state, "announced": announced}


@dataclass(frozen=True)
class FailureStep:
    """Records what the steps before have failed at."""

    recording: FailureRecording

    def record(self, state: Mapping[str, Any], deadline: Deadline) -> State:
        """Write the picture's FAILED result. Raises what `FailureRecording` raises."""
        error = error_of(state["failure"]["Error"])
        code = getattr(error, "code", None)
        return ended(state, self.recording.record(decode_event(state["event"]), code))
