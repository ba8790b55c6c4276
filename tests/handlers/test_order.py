"""The order of a picture's states: the table of rule 2 in ARCHITECTURE.md."""

from __future__ import annotations

import pytest

from handlers.results.codes import Status
from handlers.results.keys import pad_sequencer
from handlers.results.order import Position, State

EARLIER, LATER = "2026-01-01T00:00:00.000Z", "2026-01-01T00:00:00.001Z"


def position(sequencer: str, event_time: str = EARLIER) -> Position:
    return Position(pad_sequencer(sequencer), event_time)


@pytest.mark.parametrize("stored", Status)
@pytest.mark.parametrize("other", Status)
def test_the_larger_position_wins_whatever_the_status(stored: Status, other: Status) -> None:
    for behind, ahead in ((position("9"), position("10")), (position("9"), position("9", LATER))):
        assert State(behind, stored).yields_to(State(ahead, other))
        assert not State(ahead, stored).yields_to(State(behind, other))


@pytest.mark.parametrize(
    ("stored", "winners"),
    [
        (Status.FAILED, {Status.LABELED, Status.REJECTED, Status.DELETED}),
        (Status.LABELED, {Status.DELETED}),
        (Status.REJECTED, {Status.DELETED}),
        (Status.DELETED, set()),
    ],
)
def test_at_one_position_the_larger_rank_wins(stored: Status, winners: set[Status]) -> None:
    at = position("9")

    assert {other for other in Status if State(at, stored).yields_to(State(at, other))} == winners


@pytest.mark.parametrize("status", Status)
def test_an_event_needs_no_work_that_is_older_or_done(status: Status) -> None:
    state, is_done = State(position("9", LATER), status, "v9"), status is not Status.FAILED

    assert state.settles(position("8", LATER))
    assert state.settles(position("9", EARLIER))
    assert state.settles(position("9", LATER)) == is_done
    assert not state.settles(position("10"))


@pytest.mark.parametrize("status", Status)
def test_a_version_is_uploaded_once_whatever_the_time_of_its_event(status: Status) -> None:
    state, is_done = State(position("9"), status, "v9"), status is not Status.FAILED

    assert state.settles(position("9", LATER), "v9") == is_done
    assert not state.settles(position("9", LATER), "v10")
    assert not state.settles(position("9", LATER))


def test_the_next_position_lies_between_this_one_and_the_next_sequencer() -> None:
    assert position("9") < position("9").next() < position("A")
