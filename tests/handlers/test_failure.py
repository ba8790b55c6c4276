"""The use-case of `record_failure`, on fakes."""

from __future__ import annotations

import io
from typing import Any

import pytest
from aws_lambda_powertools import Logger

from handlers.labelling.errors import RekognitionDeniedError, StorageError
from handlers.labelling.events import EventKind, ObjectEvent
from handlers.labelling.metrics import Metric, Metrics
from handlers.labelling.pipeline import Recorder
from handlers.results import keys
from handlers.results.codes import Code, sentence
from handlers.results.errors import TableUnavailableError
from handlers.results.table import ResultsWriter
from tests.handlers.assembling import events_queue, fail_at
from tests.handlers.factories import BUCKET, event, label, labeled, time_of
from tests.handlers.fakes import FakeRows


def record(rows: FakeRows, occurrence: ObjectEvent, metrics: Metrics | None = None) -> str:
    recorder = Recorder(BUCKET, ResultsWriter(rows), None, metrics or Metrics(), lambda: time_of(50))
    return recorder.record_failure(occurrence).outcome


def result(rows: FakeRows) -> dict[str, Any]:
    return rows.items[keys.image_place("cat.jpg")]


def test_upload_becomes_failed_with_a_code_and_a_sentence() -> None:
    rows, metrics = FakeRows(), Metrics()

    assert record(rows, event(), metrics) == "FAILED"

    assert (result(rows)["status"], result(rows)["code"]) == ("FAILED", "RETRIES_EXHAUSTED")
    assert result(rows)["message"] == sentence(Code.RETRIES_EXHAUSTED)
    assert (result(rows)["versionId"], result(rows)["etag"], result(rows)["sizeBytes"]) == ("v1", "0123", 1000)
    assert result(rows)["gsi2pk"] == "STATUS#FAILED"
    assert metrics.take()[0] == {Metric.PICTURES_FAILED: 1}


def test_reason_that_was_noted_is_told() -> None:
    rows = FakeRows()
    fail_at(event(), StorageError(), events_queue(rows))
    fail_at(event(), RekognitionDeniedError(), events_queue(rows))

    record(rows, event())

    assert result(rows)["code"] == "REKOGNITION_ACCESS_DENIED"
    assert result(rows)["message"] == sentence(Code.REKOGNITION_ACCESS_DENIED)


def test_unexpected_error_is_noted_as_exhausted_retries() -> None:
    rows = FakeRows()

    fail_at(event(), KeyError("bug"), events_queue(rows))

    assert [item["code"] for item in rows.items.values()] == ["RETRIES_EXHAUSTED"]


def test_note_that_cannot_be_written_is_only_warned_of() -> None:
    def fail(operation: str) -> None:
        raise TableUnavailableError("throttled")

    rows, log = FakeRows(), io.StringIO()
    rows.fail = fail

    fail_at(event(), StorageError(), events_queue(rows, logger=Logger(service="noting", stream=log)))

    assert len(log.getvalue().splitlines()) == 1


def test_success_that_came_meanwhile_stays() -> None:
    rows, metrics = FakeRows(), Metrics()
    ResultsWriter(rows).write(labeled("cat.jpg", label("Cat"), sequencer=1))

    assert record(rows, event(sequencer=1), metrics) == "STALE"

    assert result(rows)["status"] == "LABELED"
    assert metrics.take()[0] == {Metric.STALE_EVENTS: 1}


def test_failure_of_a_newer_version_replaces_the_older_one_s_labels() -> None:
    rows = FakeRows()
    ResultsWriter(rows).write(labeled("cat.jpg", label("Cat"), sequencer=1))

    record(rows, event(sequencer=2))

    assert result(rows)["status"] == "FAILED"
    assert (keys.IMAGE + "cat.jpg", "LABEL#cat") not in rows.items


def test_delete_that_failed_is_done_here() -> None:
    rows = FakeRows()

    assert record(rows, event(kind=EventKind.REMOVED)) == "DELETED"

    assert result(rows)["status"] == "DELETED"


def test_event_of_another_bucket_is_ignored() -> None:
    rows = FakeRows()

    assert record(rows, event(bucket="somebody-elses")) == "FOREIGN"

    assert rows.items == {}


def test_throttled_table_leaves_the_message_in_the_queue() -> None:
    def fail(operation: str) -> None:
        raise TableUnavailableError("throttled")

    rows = FakeRows()
    rows.fail = fail

    with pytest.raises(TableUnavailableError):
        record(rows, event())
