"""The use-case of `record_failure`, on fakes."""

from __future__ import annotations

from typing import Any

import pytest

from handlers.labelling.attempts import AttemptNotes
from handlers.labelling.errors import RekognitionDeniedError, StorageError
from handlers.labelling.events import EventKind
from handlers.labelling.failure import FailureRecording
from handlers.labelling.tally import Count, Tally
from handlers.results import keys
from handlers.results.codes import Code, sentence
from handlers.results.errors import TableUnavailableError
from handlers.results.writer import ResultsWriter
from tests.handlers.factories import BUCKET, event, label, labeled, time_of
from tests.handlers.fakes import FakeRows


def recording(rows: FakeRows, tally: Tally | None = None) -> FailureRecording:
    return FailureRecording(BUCKET, ResultsWriter(rows), tally or Tally(), lambda: time_of(50))


def result(rows: FakeRows) -> dict[str, Any]:
    return rows.items[keys.image_pk("cat.jpg"), keys.META]


def test_upload_becomes_failed_with_a_code_and_a_sentence() -> None:
    rows, tally = FakeRows(), Tally()

    assert recording(rows, tally).record(event()) == "FAILED"

    assert (result(rows)["status"], result(rows)["code"]) == ("FAILED", "RETRIES_EXHAUSTED")
    assert result(rows)["message"] == sentence(Code.RETRIES_EXHAUSTED)
    assert (result(rows)["versionId"], result(rows)["etag"], result(rows)["sizeBytes"]) == ("v1", "0123", 1000)
    assert result(rows)["gsi2pk"] == "STATUS#FAILED"
    assert tally.take()[0] == {Count.PICTURES_FAILED: 1}


def test_reason_that_was_noted_is_told() -> None:
    rows = FakeRows()
    notes = AttemptNotes(ResultsWriter(rows), lambda: time_of(50), lambda text: None)
    notes.note(event(), StorageError())
    notes.note(event(), RekognitionDeniedError())

    recording(rows).record(event())

    assert result(rows)["code"] == "REKOGNITION_ACCESS_DENIED"
    assert result(rows)["message"] == sentence(Code.REKOGNITION_ACCESS_DENIED)


def test_unexpected_error_is_noted_as_exhausted_retries() -> None:
    rows = FakeRows()

    AttemptNotes(ResultsWriter(rows), lambda: time_of(50), lambda text: None).note(event(), KeyError("bug"))

    assert [item["code"] for item in rows.items.values()] == ["RETRIES_EXHAUSTED"]


def test_note_that_cannot_be_written_is_only_warned_of() -> None:
    def fail(operation: str) -> None:
        raise TableUnavailableError("throttled")

    rows, warnings = FakeRows(), list[str]()
    rows.fail = fail

    AttemptNotes(ResultsWriter(rows), lambda: time_of(50), warnings.append).note(event(), StorageError())

    assert len(warnings) == 1


def test_success_that_came_meanwhile_stays() -> None:
    rows, tally = FakeRows(), Tally()
    ResultsWriter(rows).write(labeled("cat.jpg", label("Cat"), sequencer=1))

    assert recording(rows, tally).record(event(sequencer=1)) == "STALE"

    assert result(rows)["status"] == "LABELED"
    assert tally.take()[0] == {Count.STALE_EVENTS: 1}


def test_failure_of_a_newer_version_replaces_the_older_one_s_labels() -> None:
    rows = FakeRows()
    ResultsWriter(rows).write(labeled("cat.jpg", label("Cat"), sequencer=1))

    recording(rows).record(event(sequencer=2))

    assert result(rows)["status"] == "FAILED"
    assert (keys.image_pk("cat.jpg"), "LABEL#cat") not in rows.items


def test_delete_that_failed_is_done_here() -> None:
    rows = FakeRows()

    assert recording(rows).record(event(kind=EventKind.REMOVED)) == "DELETED"

    assert result(rows)["status"] == "DELETED"


def test_event_of_another_bucket_is_ignored() -> None:
    rows = FakeRows()

    assert recording(rows).record(event(bucket="somebody-elses")) == "FOREIGN"

    assert rows.items == {}


def test_throttled_table_leaves_the_message_in_the_queue() -> None:
    def fail(operation: str) -> None:
        raise TableUnavailableError("throttled")

    rows = FakeRows()
    rows.fail = fail

    with pytest.raises(TableUnavailableError):
        recording(rows).record(event())
