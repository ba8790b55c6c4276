"""The queue's function and the workflow end in the same table, byte for byte, whatever comes in whatever order.

Both are built of the project's own parts; the workflow is run by its own state machine. S3's notifications go to the
one, EventBridge's events of the same facts to the other.
"""

from __future__ import annotations

import json
import random
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial

import pytest
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from components import state_machine
from handlers.labelling import workflow
from handlers.labelling.detectors import Detector, DetectorSettings
from handlers.labelling.errors import (
    RekognitionServerError,
    RekognitionThrottledError,
    TransientError,
)
from handlers.labelling.events import EventKind, ObjectEvent, decode_message
from handlers.labelling.metrics import Metrics
from handlers.labelling.outbox import DeliveringOutbox, Outbox
from handlers.labelling.pipeline import Pipeline, Recorder
from handlers.labelling.rekognition import Detect, PacedCalls, TokenBucket
from handlers.labelling.s3_objects import StoredObject
from handlers.labelling.workflow import State, encode_event, error_of
from handlers.results import keys
from handlers.results.label_rules import LabelRules
from handlers.results.table import ResultsWriter, to_wire
from tests.handlers.assembling import FOREVER, assembled_pipeline, events_queue, fail_at, process
from tests.handlers.factories import BUCKET, body, eventbridge, jpeg, record, time_of
from tests.handlers.fakes import FakeObjects, FakeRekognition, FakeRows, counts_of_entries, stored_object
from tests.handlers.states import ExecutionFailed, Machine
from tests.handlers.test_announcing import FakeTargets

EVENTS = 200
MAX_RECEIVES = 5
DETECTORS = (Detector.LABELS, Detector.FACES)
RULES = LabelRules.of(["Label 1"], None, {"Pet": "Animal"}, {"Label 2": Decimal(62)})
SETTINGS = DetectorSettings(DETECTORS, 10, Decimal(50), rules=RULES)
CAMERA = Image.Exif()
CAMERA.get_ifd(0x8769).update({0x829D: IFDRational(28, 10), 0x8827: 400})
CONTENTS = [*(jpeg(seed=seed, exif=CAMERA) for seed in range(6)), b"no picture", b""]
LABELS = {
    stored_object("", content).etag: [("Pet", 90.0 - n), (f"Label {n % 5}", 60.0 + n), ("Unlikely", 10.0)]
    for n, content in enumerate(CONTENTS)
}
NAMES = {
    EventKind.CREATED: "ObjectCreated:Put",
    EventKind.REMOVED: "ObjectRemoved:DeleteMarkerCreated",
    EventKind.PURGED: "ObjectRemoved:Delete",
}
NEVER = "never.jpg"
"""Of bytes that no other has, and broken for ever."""
# Of a picture and a detector: the error, and how many calls it meets. The last outlasts what one receive tries.
FAULTS: list[tuple[type[Exception], int]] = [
    (RekognitionThrottledError, 5),
    (RekognitionServerError, 2),
    (RekognitionServerError, 4),
]


@dataclass(frozen=True)
class Happened:
    """One thing that happened in the bucket."""

    kind: EventKind
    key: str
    sequencer: int
    version_id: str
    content: bytes | None = None

    def notification(self) -> str:
        """Return the event as S3 sends it to a queue."""
        name = NAMES[self.kind]
        return body(record(self.key, name=name, sequencer=self.sequencer, version_id=self.version_id))

    def event(self) -> str:
        """Return the event as S3 sends it to EventBridge."""
        return eventbridge(self.key, name=NAMES[self.kind], sequencer=self.sequencer, version_id=self.version_id)


@dataclass
class World:
    """The shared world of both pipelines."""

    objects: FakeObjects
    faults: dict[tuple[Detector, str], tuple[type[Exception], int]]
    rows: FakeRows = field(default_factory=FakeRows)
    targets: FakeTargets = field(default_factory=FakeTargets)
    metrics: Metrics = field(default_factory=Metrics)
    met: Counter[tuple[Detector, str]] = field(default_factory=Counter)

    def fail(self, detector: Detector, stored: StoredObject) -> None:
        fault = self.faults.get((detector, stored.key))
        if fault and self.met[detector, stored.key] < fault[1]:
            self.met[detector, stored.key] += 1
            raise fault[0]("in a test")

    @property
    def results(self) -> ResultsWriter:
        return ResultsWriter(self.rows, sleep=lambda _: None)

    @property
    def outbox(self) -> DeliveringOutbox:
        return DeliveringOutbox(
            self.rows,
            self.targets.bucket,
            self.targets.topic,
            Decimal(0),
            self.metrics,
            lambda: time_of(1000),
            lambda _: None,
        )

    def pipeline(self, detect: Detect | None, operations: ThreadPoolExecutor, outbox: Outbox | None) -> Pipeline:
        return assembled_pipeline(
            self.rows,
            self.objects,
            detect,
            operations,
            lambda: time_of(1000),
            settings=SETTINGS,
            results=self.results,
            metrics=self.metrics,
            outbox=outbox,
        )

    def recorder(self, outbox: Outbox | None) -> Recorder:
        return Recorder(BUCKET, self.results, outbox, self.metrics, lambda: time_of(1000))

    def drain(self, bodies: list[str], process: Callable[[ObjectEvent], object]) -> None:
        """Deliver all messages, and failed ones again after the others.

        Those that fail too often become dead letters.
        """
        notes = events_queue(self.rows, now=time_of(1000))
        queue = deque((text, 1) for text in bodies)
        while queue:
            text, receives = queue.popleft()
            [event] = decode_message(text).events
            event = self.objects.with_header(event)
            try:
                process(event)
            except TransientError as error:
                fail_at(event, error, notes)
                if receives < MAX_RECEIVES:
                    queue.append((text, receives + 1))
                else:
                    self.recorder(self.outbox).record_failure(event)

    def rekognition(self) -> FakeRekognition:
        return FakeRekognition(labels=LABELS, fail=self.fail)

    def table(self) -> bytes:
        """Return all stored items, as DynamoDB gets them."""
        items = [to_wire(item) for _, item in sorted(self.rows.items.items())]
        return json.dumps(items, sort_keys=True, ensure_ascii=False).encode()

    def announced(self) -> list[str]:
        """Return the messages, without their order."""
        return sorted(json.dumps(message, sort_keys=True) for message in self.targets.messages)


def by_queue(world: World, deliveries: list[Happened]) -> None:
    buckets = {detector: TokenBucket(1e9) for detector in DETECTORS}
    paced = PacedCalls(world.rekognition().detect, buckets, 1, sleep=lambda _: None, jitter=lambda: 0)
    with ThreadPoolExecutor(1) as operations:
        pipeline = world.pipeline(paced.detect, operations, world.outbox)
        world.drain([delivery.notification() for delivery in deliveries], lambda event: process(pipeline, event))


def by_workflow(world: World, deliveries: list[Happened], *, publishes: bool = True) -> Machine:
    deferred = Outbox() if publishes else None
    with ThreadPoolExecutor(1) as operations:
        asking = world.pipeline(world.rekognition().detect, operations, deferred)
        others = world.pipeline(None, operations, deferred)
        functions: dict[str, Callable[..., State]] = {
            "inspect": partial(workflow.inspect, others),
            "recognise": partial(workflow.recognise, asking),
            "store": partial(workflow.store, others),
            "fail": partial(workflow.fail, world.recorder(deferred)),
        }
        if publishes:
            functions["notify"] = partial(workflow.notify, world.outbox)
        machine = Machine(
            state_machine.definition({name: name for name in functions}, DETECTORS),
            {name: partial(step, deadline=FOREVER) for name, step in functions.items()},
        )

        def execute(event: ObjectEvent) -> None:
            try:
                machine.run({"event": encode_event(event)})
            except ExecutionFailed as failure:
                raise error_of(failure.error) from failure

        world.drain([delivery.event() for delivery in deliveries], execute)
    return machine


def mixed(rng: random.Random) -> tuple[list[Happened], list[Happened]]:
    """Return events of pictures of many kinds, and their deliveries: doubled, and in any order."""
    happened = [Happened(EventKind.CREATED, NEVER, 1, "v1", jpeg(seed=999))]
    versions: dict[str, list[str]] = {}
    while len(happened) < EVENTS * 3 // 4:
        sequencer = len(happened) + 1
        key = f"folder {rng.randrange(3)}/ü+{rng.randrange(25)}.jpg"
        kind = rng.choice([EventKind.CREATED] * 6 + [EventKind.REMOVED, EventKind.PURGED])
        if kind is EventKind.PURGED and not versions.get(key):
            continue
        version = f"v{sequencer}"
        if kind is EventKind.PURGED:
            version = versions[key].pop(rng.randrange(len(versions[key])))
        else:
            versions.setdefault(key, []).append(version)
        content = None
        if kind is EventKind.CREATED:  # some bytes come twice, some only once
            content = rng.choice(CONTENTS) if rng.random() < 0.5 else jpeg(seed=1000 + sequencer)
        happened.append(Happened(kind, key, sequencer, version, content))
    deliveries = happened + [rng.choice(happened) for _ in range(EVENTS - len(happened))]
    rng.shuffle(deliveries)
    return happened, deliveries


def bucket_after(happened: list[Happened]) -> FakeObjects:
    objects = FakeObjects()
    for occurrence in happened:
        if occurrence.kind is EventKind.PURGED:
            objects.purge(occurrence.key, occurrence.version_id)
        else:
            objects.add(occurrence.key, occurrence.content, occurrence.version_id, time_of(occurrence.sequencer))
    return objects


@pytest.mark.parametrize("seed", range(12))
def test_200_mixed_events_end_in_the_same_bytes(seed: int) -> None:
    rng = random.Random(seed)
    happened, deliveries = mixed(rng)
    names = sorted({occurrence.key for occurrence in happened} - {NEVER})
    ill = rng.sample(names, len(names) // 2)
    faults = {(DETECTORS[n % 2], key): FAULTS[n // 2 % len(FAULTS)] for n, key in enumerate(ill)}
    faults[Detector.LABELS, NEVER] = (RekognitionServerError, 1_000)
    first, other = (World(bucket_after(happened), faults) for _ in range(2))

    by_queue(first, deliveries)
    machine = by_workflow(other, deliveries)

    assert len(deliveries) == EVENTS
    assert other.table() == first.table()
    assert other.announced() == first.announced()
    assert other.targets.documents == first.targets.documents
    # The compared tables are not empty, and the faults occurred.
    statuses = Counter(item["status"] for place, item in first.rows.items.items() if place[1] == keys.META)
    assert min(statuses[status] for status in ("LABELED", "REJECTED", "DELETED", "FAILED")) > 0
    assert counts_of_entries(first.rows.items)
    assert {"Store", "Notify", "labels failed", "faces known"} <= set(machine.visited)
    assert any("Throttled" in retry for retry in machine.retried)
