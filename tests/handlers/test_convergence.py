"""Any order and any repetition of events ends in the same table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handlers.labelling.errors import RekognitionServerError
from handlers.labelling.events import EventKind, ObjectEvent
from handlers.labelling.metrics import Metrics
from handlers.labelling.pipeline import Recorder
from handlers.results import keys
from handlers.results.order import FIRST
from handlers.results.table import ResultsWriter, Rows, from_wire
from tests.handlers.assembling import assembled_pipeline, process
from tests.handlers.conftest import create_table
from tests.handlers.factories import BUCKET, event, jpeg, time_of
from tests.handlers.fakes import FakeObjects, FakeRekognition, FakeRows, comparable, counts_of_entries, stored_object
from tests.handlers.tables import ResultsTable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CONTENTS = [jpeg(seed=1), jpeg(seed=2), jpeg(seed=3), b"no picture", b""]
LABELS = {
    stored_object("", CONTENTS[0]).etag: [("Cat", 95.0), ("Pet", 90.0)],
    stored_object("", CONTENTS[1]).etag: [("Dog", 95.0), ("Pet", 80.0)],
    stored_object("", CONTENTS[2]).etag: [],
}
NAMES = ["a.jpg", "b c/ü+.jpg"]
HAPPENS = [EventKind.CREATED, EventKind.CREATED, EventKind.REMOVED, EventKind.PURGED]


@dataclass(frozen=True)
class Delivery:
    """An event that comes out of a queue: the main one or, `dead`, the dead-letter queue; `broken` fails on the way."""

    event: ObjectEvent
    dead: bool = False
    broken: bool = False


@dataclass(frozen=True)
class Operation:
    """Something that is done to the bucket, and the event that says so."""

    event: ObjectEvent
    content: bytes | None = None

    def do(self, objects: FakeObjects) -> None:
        """Apply the operation."""
        key, version = self.event.key, self.event.version_id or ""
        if self.event.kind is EventKind.PURGED:
            objects.purge(key, version)
        else:
            objects.add(key, self.content, version, datetime.fromisoformat(self.event.position.event_time))


@st.composite
def histories(draw: st.DrawFn) -> list[Operation]:
    """Draw uploads, deletes (which leave markers) and purges of versions and markers of a few keys."""
    happened: list[Operation] = []
    versions: dict[str, list[str]] = {name: [] for name in NAMES}
    for sequencer in range(1, draw(st.integers(2, 9))):
        key = draw(st.sampled_from(NAMES))
        kind = draw(st.sampled_from(HAPPENS))
        version, content = f"v{sequencer}", None
        if kind is EventKind.PURGED:
            if not versions[key]:
                continue
            version = versions[key].pop(draw(st.integers(0, len(versions[key]) - 1)))
        else:
            versions[key].append(version)
            content = draw(st.sampled_from(CONTENTS)) if kind is EventKind.CREATED else None
        happened.append(Operation(event(key, kind=kind, sequencer=sequencer, version_id=version), content))
    return happened


@st.composite
def schedules(draw: st.DrawFn, history: Sequence[Operation]) -> list[Operation | Delivery]:
    """Draw a schedule: the operations in order, and after each its event.

    An event comes whole at least once, and perhaps repeated, broken, or from the dead letters.
    """
    schedule: list[Operation | Delivery] = list(history)
    for operation in history:
        coming = [Delivery(operation.event)]
        for kind in draw(st.lists(st.sampled_from(["well", "dead", "broken"]), max_size=3)):
            coming.append(Delivery(operation.event, dead=kind == "dead", broken=kind == "broken"))
        for delivery in coming:
            schedule.insert(draw(st.integers(schedule.index(operation) + 1, len(schedule))), delivery)
    return schedule


def as_it_happens(history: Sequence[Operation]) -> list[Operation | Delivery]:
    """Return each event at once, in order, which leads to the table's expected end."""
    return [step for operation in history for step in (operation, Delivery(operation.event))]


def when_all_is_done(history: Sequence[Operation], coming: Sequence[Delivery]) -> list[Operation | Delivery]:
    """Return the events after all operations."""
    return [*history, *coming]


class BothFunctions:
    """Both functions on one table."""

    def __init__(self, rows: Rows, objects: FakeObjects, operations: ThreadPoolExecutor) -> None:
        self.broken = False
        self.rekognition = FakeRekognition(labels=LABELS, fail=self._fail)
        writer = ResultsWriter(rows, sleep=lambda _: None)
        self.objects = objects
        self.pipeline = assembled_pipeline(
            rows, objects, self.rekognition.detect, operations, lambda: time_of(1000), results=writer
        )
        self.recorder = Recorder(BUCKET, writer, None, Metrics(), lambda: time_of(2000))

    def _fail(self, detector: object, stored: object) -> None:
        if self.broken:
            raise RekognitionServerError

    def deliver(self, delivery: Delivery) -> None:
        self.broken = delivery.broken
        event = self.objects.with_header(delivery.event)
        if delivery.dead:
            self.recorder.record_failure(event)
            return
        try:
            process(self.pipeline, event)
        except RekognitionServerError:
            assert delivery.broken


def run(rows: Rows, schedule: Sequence[Operation | Delivery]) -> None:
    objects = FakeObjects()
    with ThreadPoolExecutor(1) as operations:
        functions = BothFunctions(rows, objects, operations)
        for step in schedule:
            if isinstance(step, Operation):
                step.do(objects)
            else:
                functions.deliver(step)


def table_after(schedule: Sequence[Operation | Delivery]) -> dict[Any, Any]:
    rows = FakeRows()
    run(rows, schedule)
    items = comparable(rows.items)
    counters = {place: item for place, item in items.items() if place[0] == keys.COUNTERS_PK}
    assert counters == counts_of_entries(rows.items)
    return items


def true_states(history: Sequence[Operation]) -> dict[str, tuple[str, str | None]]:
    """Return the status, and the version of an existing picture, that follow from the final bucket."""
    objects = FakeObjects()
    for operation in history:
        operation.do(objects)
    states: dict[str, tuple[str, str | None]] = {}
    for key, versions in objects.versions.items():
        version, content, _ = versions[-1] if versions else (None, None, None)
        if content is None:
            states[key] = ("DELETED", None)
        else:
            states[key] = ("LABELED" if content.startswith(b"\xff\xd8") else "REJECTED", version)
    return states


def states_of(items: dict[Any, Any]) -> dict[str, tuple[str, str | None]]:
    """Return the status and version of each picture in a table."""
    images = [item for place, item in items.items() if place[1] == keys.META]
    return {
        item["key"]: (item["status"], None if item["status"] == "DELETED" else item.get("versionId")) for item in images
    }


@settings(max_examples=150)
@given(st.data())
def test_any_order_and_repetition_ends_in_the_same_table(data: st.DataObject) -> None:
    history = data.draw(histories())

    table_items = table_after(data.draw(schedules(history)))

    assert table_items == table_after(as_it_happens(history))
    assert states_of(table_items) == true_states(history)


@settings(max_examples=120)
@given(st.data())
def test_repairs_at_any_moment_end_in_the_same_states(data: st.DataObject) -> None:
    history = data.draw(histories())
    schedule = data.draw(schedules(history))
    for name, anew, kind in data.draw(
        st.lists(st.tuples(st.sampled_from(NAMES), st.booleans(), st.sampled_from(["well", "dead", "broken"])))
    ):
        repair = replace(
            event(name, kind=EventKind.REPAIR), processed_before=keys.iso_ms(time_of(500)) if anew else None
        )
        repair = replace(repair, position=FIRST, version_id=None, etag=None)
        delivery = Delivery(repair, dead=kind == "dead", broken=kind == "broken")
        schedule.insert(data.draw(st.integers(0, len(schedule))), delivery)

    states = states_of(table_after(schedule))

    true = true_states(history)
    assert {key: state for key, state in states.items() if key in true} == true
    # For a picture that never existed, a repair that fails leaves a result, until another repair finds nothing.
    assert {state for key, state in states.items() if key not in true} <= {("FAILED", None), ("DELETED", None)}


@settings(max_examples=50)
@given(st.data())
def test_failures_alone_end_in_the_same_table_too(data: st.DataObject) -> None:
    history = data.draw(histories())
    failed = [Delivery(operation.event, dead=True) for operation in history]

    table_items = table_after(when_all_is_done(history, data.draw(st.permutations(failed * 2))))

    assert table_items == table_after(when_all_is_done(history, failed))


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_order_ends_in_the_same_table_in_dynamodb(dynamodb: DynamoDBClient, data: st.DataObject) -> None:
    history = data.draw(histories())
    schedule = data.draw(schedules(history))
    name = create_table(dynamodb)

    run(Rows(dynamodb, name), schedule)

    items = comparable(scan(dynamodb, name))
    dynamodb.delete_table(TableName=name)
    assert items == table_after(as_it_happens(history))


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_deliveries_at_the_same_time_end_in_the_same_table_in_dynamodb(
    dynamodb: DynamoDBClient, data: st.DataObject
) -> None:
    history = data.draw(histories())
    coming = [Delivery(operation.event) for operation in data.draw(st.permutations(list(history) * 2))]
    objects = FakeObjects()
    for operation in history:
        operation.do(objects)
    name = create_table(dynamodb)

    with ThreadPoolExecutor(1) as operations, ThreadPoolExecutor(6) as messages:
        # Two instances of the function: what one keeps in its memory the other does not see.
        functions = [BothFunctions(Rows(dynamodb, name), objects, operations) for _ in range(2)]
        running = [messages.submit(functions[n % 2].deliver, delivery) for n, delivery in enumerate(coming)]
        for future in running:
            future.result()

    rows = scan(dynamodb, name)
    counts = ResultsTable(dynamodb, name).label_counts()
    dynamodb.delete_table(TableName=name)
    assert comparable(rows) == table_after(as_it_happens(history))
    assert counts == Counter(item["label"] for (_, sk), item in rows.items() if sk.startswith(keys.LABEL))


def scan(dynamodb: DynamoDBClient, name: str) -> dict[tuple[str, str], dict[str, Any]]:
    pages = dynamodb.get_paginator("scan").paginate(TableName=name, ConsistentRead=True)
    items = [from_wire(item) for page in pages for item in page["Items"]]
    return {(item["pk"], item["sk"]): item for item in items}
