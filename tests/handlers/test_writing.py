"""Writing results: the plan of a write, and its repetition when another writer was faster."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from handlers.results import keys
from handlers.results.codes import Code, Status
from handlers.results.errors import TableUnavailableError
from handlers.results.item import TRANSACTION_ACTIONS, Write, moved, plan
from handlers.results.order import Position
from handlers.results.table import ResultsWriter
from tests.handlers.factories import event, label, labeled, position, reading, time_of
from tests.handlers.fakes import FakeRows, comparable, counts_of_entries


def writer(rows: FakeRows) -> ResultsWriter:
    return ResultsWriter(rows, sleep=lambda _: None, jitter=lambda: 1.0)


def other_writer(rows: FakeRows, write: Write) -> Callable[[], None]:
    def commit() -> None:
        writer(rows).write(write)

    return commit


def labels_of(rows: FakeRows, key: str = "cat.jpg") -> set[str]:
    return {item["label"] for item in rows.partition(keys.IMAGE + key) if item["sk"].startswith(keys.LABEL)}


def terms_of(rows: FakeRows, key: str = "cat.jpg") -> set[str]:
    places = [item["sk"] for item in rows.partition(keys.IMAGE + key)]
    return {place.removeprefix(keys.TERM) for place in places if place.startswith(keys.TERM)}


def counts_match(rows: FakeRows) -> bool:
    counters = {place: item for place, item in comparable(rows.items).items() if place[0] == keys.COUNTERS_PK}
    return counters == counts_of_entries(rows.items)


def test_first_result_brings_its_entries_and_counts() -> None:
    rows = FakeRows()

    assert writer(rows).write(labeled("cat.jpg", label("Cat"), label("Pet")))

    assert labels_of(rows) == {"Cat", "Pet"}
    assert counts_match(rows)


def test_newer_result_takes_the_older_one_s_entries_away() -> None:
    rows = FakeRows()
    writer(rows).write(labeled("cat.jpg", label("Cat"), label("Pet"), sequencer=1))

    assert writer(rows).write(labeled("cat.jpg", label("Cat"), label("Sofa"), sequencer=2))

    assert labels_of(rows) == {"Cat", "Sofa"}
    assert counts_match(rows)


def test_older_result_changes_nothing() -> None:
    rows = FakeRows()
    writer(rows).write(labeled("cat.jpg", label("Cat"), sequencer=2))
    before = dict(rows.items)

    assert not writer(rows).write(labeled("cat.jpg", label("Dog"), sequencer=1))

    assert rows.items == before


def test_same_result_again_changes_nothing() -> None:
    rows = FakeRows()
    writer(rows).write(labeled("cat.jpg", label("Cat")))
    before = dict(rows.items)

    assert not writer(rows).write(labeled("cat.jpg", label("Cat"), processed=9))

    assert rows.items == before


def test_success_replaces_the_failure_of_the_same_event_and_not_the_other_way() -> None:
    rows = FakeRows()
    failed = labeled(status=Status.FAILED)

    assert writer(rows).write(failed)
    assert writer(rows).write(labeled("cat.jpg", label("Cat")))
    assert not writer(rows).write(failed)

    assert labels_of(rows) == {"Cat"}


def test_delete_takes_all_away_and_an_older_upload_does_not_bring_it_back() -> None:
    rows = FakeRows()
    writer(rows).write(labeled("cat.jpg", label("Cat"), sequencer=1))

    assert writer(rows).write(event(sequencer=3).tombstone(time_of(4)))
    assert not writer(rows).write(labeled("cat.jpg", label("Cat"), sequencer=2))

    assert labels_of(rows) == set()
    [item] = rows.partition(keys.IMAGE + "cat.jpg")
    assert item["status"] == "DELETED"
    assert item["expiresAt"] > time_of(0).timestamp() + 14 * 86_400
    assert "gsi2pk" not in item
    assert counts_match(rows)


def test_events_of_one_sequencer_are_ordered_by_their_time() -> None:
    # LocalStack gives every event the same sequencer.
    rows = FakeRows()
    first, second = labeled("cat.jpg", label("Cat"), sequencer=1), labeled("cat.jpg", label("Dog"), sequencer=2)
    second.result["sequencer"] = first.result["sequencer"]

    assert writer(rows).write(second)
    assert not writer(rows).write(first)

    assert labels_of(rows) == {"Dog"}


def test_terms_are_of_the_name_the_print_the_classes_and_the_year() -> None:
    rows = FakeRows()
    write = reading("a/IMG_20260101 Zoë.jpg", "STOP", "No-Parking", "stop")
    write.result.update({"faces": [], "moderation": [], "uploadedAt": "2025-12-31T23:59:59.999Z"})

    writer(rows).write(write)

    name = {"NAME#im", "NAME#20", "NAME#2026", "NAME#20260101", "NAME#zo"}
    print_and_classes = {"TEXT#stop", "TEXT#no", "TEXT#parking", "FACES#none", "FLAGGED#no", "YEAR#2025"}
    assert terms_of(rows, write.result["key"]) == name | print_and_classes


def test_terms_are_of_the_camera_and_the_year_of_its_clock() -> None:
    rows = FakeRows()
    write = reading("a.jpg")
    write.result["uploadedAt"] = "2025-12-31T23:59:59.999Z"
    write.result["capture"] = {"takenAt": "2019-05-01T12:00:00", "camera": "Canon EOS R5"}

    writer(rows).write(write)

    assert terms_of(rows, "a.jpg") == {"CAMERA#canon", "CAMERA#eos", "CAMERA#r5", "YEAR#2019"}


@pytest.mark.parametrize("status", [Status.REJECTED, Status.FAILED])
def test_what_is_not_labelled_has_no_terms(status: Status) -> None:
    rows = FakeRows()
    writer(rows).write(labeled("cat.jpg", status=status))

    assert terms_of(rows) == set()


def test_terms_come_and_go_with_the_result() -> None:
    rows = FakeRows()
    writer(rows).write(reading("cat.jpg", "stop", "sign"))
    writer(rows).write(reading("cat.jpg", "stop", "here", sequencer=2))
    assert terms_of(rows) == {"NAME#ca", "TEXT#stop", "TEXT#here", "YEAR#2026"}

    writer(rows).write(event(sequencer=3).tombstone(time_of(4)))
    assert terms_of(rows) == set()


@pytest.mark.parametrize("layout", [None, 1])
@pytest.mark.parametrize("status", [Status.LABELED, Status.REJECTED])
def test_a_result_of_a_former_layout_gets_its_terms_and_is_counted_by_the_next_write(
    layout: int | None, status: Status
) -> None:
    rows = FakeRows()
    writer(rows).write(reading("cat.jpg", "stop") if status == Status.LABELED else labeled("cat.jpg", status=status))
    meta, shard = keys.image_place("cat.jpg"), (keys.COUNTERS_PK, keys.counter_sk("cat.jpg"))
    rows.items[shard] = {n: v for n, v in rows.items[shard].items() if not n.startswith(keys.TOTAL_PREFIX)}
    del rows.items[meta]["terms"]
    if layout:
        rows.items[meta]["terms"] = layout
    else:
        rows.items = {place: item for place, item in rows.items.items() if not place[1].startswith(keys.TERM)}

    assert advance(rows, "v1", position(5))

    terms = {"NAME#ca", "TEXT#stop", "YEAR#2026"}
    assert terms_of(rows) == (terms if status == Status.LABELED else set())
    assert counts_match(rows)


def test_terms_without_room_come_before_and_go_after_the_transaction() -> None:
    rows = FakeRows()
    words = [[f"{name}{n}" for n in range(40)] for name in ("old", "new")]
    writer(rows).write(reading("cat.jpg", *words[0], labels="Old"))

    writer(rows).write(reading("cat.jpg", *words[1], sequencer=2, labels="New"))

    assert labels_of(rows) == {f"New {n}" for n in range(49)}
    assert terms_of(rows) == {"NAME#ca", "YEAR#2026", *(f"TEXT#{word}" for word in words[1])}
    assert counts_match(rows)


def test_a_later_writer_s_terms_stay_where_an_earlier_one_tidies_up() -> None:
    rows = FakeRows()
    words = [[f"{name}{n}" for n in range(40)] for name in ("old", "new")]
    writer(rows).write(reading("cat.jpg", *words[0], labels="Old"))
    later = other_writer(rows, reading("cat.jpg", *words[0], sequencer=3))
    rows.before_commit = [lambda: None, lambda: None, later]  # what comes before, the change, what goes after it

    assert writer(rows).write(reading("cat.jpg", *words[1], sequencer=2, labels="New"))

    assert {f"TEXT#{word}" for word in words[0]} <= terms_of(rows)
    assert labels_of(rows) == set()
    assert counts_match(rows)


def test_replacing_49_labels_by_49_others_is_one_transaction() -> None:
    rows = FakeRows()
    writer(rows).write(labeled("cat.jpg", *(label(f"Old {n}") for n in range(49)), sequencer=1))

    write = labeled("cat.jpg", *(label(f"New {n}") for n in range(49)), sequencer=2)
    changes = plan(write, rows.image("cat.jpg"))

    assert TRANSACTION_ACTIONS == 100 < len(changes)
    assert {bool(change.put) for change in changes[TRANSACTION_ACTIONS:]} == {True}


def test_more_labels_than_a_transaction_holds_are_refused() -> None:
    with pytest.raises(ValueError, match="50 labels"):
        plan(labeled("cat.jpg", *(label(f"L{n}") for n in range(50))), None)


def test_labels_that_differ_in_case_become_one_entry() -> None:
    changes = plan(labeled("cat.jpg", label("cat", "80"), label("Cat", "90")), None)

    entries = [change.put for change in changes if change.put and "label" in change.put]
    assert [(entry["label"], str(entry["confidence"])) for entry in entries] == [("Cat", "90")]


def test_write_that_lost_a_race_is_planned_anew() -> None:
    rows = FakeRows()
    other = labeled("cat.jpg", label("Dog"), sequencer=1)
    rows.before_commit = [other_writer(rows, other), lambda: None]

    assert writer(rows).write(labeled("cat.jpg", label("Cat"), sequencer=2))

    assert labels_of(rows) == {"Cat"}
    assert counts_match(rows)


def test_write_on_what_was_seen_reads_nothing() -> None:
    rows = FakeRows()
    snapshot = writer(rows).read("cat.jpg")
    rows.fail = lambda operation: None if operation == "commit" else pytest.fail(operation)

    assert writer(rows).write(labeled("cat.jpg", label("Cat")), snapshot)


def test_write_on_what_has_changed_since_reads_again() -> None:
    rows = FakeRows()
    snapshot = writer(rows).read("cat.jpg")
    writer(rows).write(labeled("cat.jpg", label("Dog"), sequencer=1))

    assert writer(rows).write(labeled("cat.jpg", label("Cat"), sequencer=2), snapshot)

    assert labels_of(rows) == {"Cat"}
    assert counts_match(rows)


def test_write_that_lost_against_a_newer_one_stays_away() -> None:
    rows = FakeRows()
    newer = labeled("cat.jpg", label("Dog"), sequencer=3)
    rows.before_commit = [other_writer(rows, newer)]

    assert not writer(rows).write(labeled("cat.jpg", label("Cat"), sequencer=2))

    assert labels_of(rows) == {"Dog"}


def test_writer_that_always_loses_gives_up_with_an_error() -> None:
    rows, pauses = FakeRows(), list[float]()
    for number in range(1, 11):
        rows.before_commit += [other_writer(rows, labeled("cat.jpg", sequencer=number)), lambda: None]
    slow = ResultsWriter(rows, sleep=pauses.append, jitter=lambda: 1.0)

    with pytest.raises(TableUnavailableError):
        slow.write(labeled("cat.jpg", sequencer=1000))

    assert pauses == sorted(pauses)
    assert max(pauses) == 0.5


def advance(rows: FakeRows, version_id: str, to: Position) -> bool:
    """Return whether the stored result was moved."""
    write = moved(rows.image("cat.jpg"), version_id, to)
    return write is not None and writer(rows).write(write) is not None


def test_advance_moves_the_result_and_nothing_else() -> None:
    rows = FakeRows()
    writer(rows).write(labeled("cat.jpg", label("Cat"), sequencer=1))
    before = comparable(rows.items)

    assert advance(rows, "v1", position(5))

    meta = keys.image_place("cat.jpg")
    expected = before | {meta: before[meta] | {"sequencer": position(5).sequencer, "eventTime": position(5).event_time}}
    assert comparable(rows.items) == expected


def test_advance_leaves_another_version_s_result() -> None:
    rows = FakeRows()
    writer(rows).write(labeled("cat.jpg", label("Cat"), sequencer=1))
    before = dict(rows.items)

    assert not advance(rows, "v7", position(5))

    assert rows.items == before


def test_why_an_attempt_failed_is_remembered_for_its_event() -> None:
    rows = FakeRows()

    writer(rows).note_attempt("cat.jpg", position(1), Code.REKOGNITION_TIMEOUT, 1)

    assert writer(rows).attempt_code("cat.jpg", position(1)) is Code.REKOGNITION_TIMEOUT
    assert writer(rows).attempt_code("cat.jpg", position(2)) is None


def test_long_unreadable_message_is_cut_to_what_an_item_holds() -> None:
    rows = FakeRows()

    writer(rows).keep_unreadable("m1", "é" * 500_000, "2026-11-20T12:00:00.000Z")

    [item] = rows.items.values()
    assert len(item["body"].encode()) == 300_000
    assert item["gsi2pk"] == "STATUS#UNREADABLE"


def test_write_tells_its_place_in_the_order() -> None:
    write: Write = labeled(sequencer=7)

    assert write.state.position == position(7)
    assert write.state.status is Status.LABELED
