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

from components import state_machine
from handlers.labelling.announcing import Announcing
from handlers.labelling.attempts import AttemptNotes
from handlers.labelling.detectors import Detector, DetectorSettings
from handlers.labelling.errors import (
    RekognitionServerError,
    RekognitionThrottledError,
    TransientError,
)
from handlers.labelling.events import EventKind, ObjectEvent, decode_message
from handlers.labelling.failure import FailureRecording
from handlers.labelling.pacing import Deadline, Pacer
from handlers.labelling.ports import Announcer, PacedRecogniser, StoredObject
from handlers.labelling.processing import ImageProcessing
from handlers.labelling.recognition import OneCall, PatientRecogniser
from handlers.labelling.tally import Tally
from handlers.labelling.workflow_ends import AnnouncedLater, FailureStep, NotifyStep
from handlers.labelling.workflow_state import encode_event, error_of
from handlers.labelling.workflow_steps import WorkflowSteps
from handlers.results import keys
from handlers.results.outbox import Outbox
from handlers.results.writer import ResultsWriter
from tests.handlers.assembling import image_processing
from tests.handlers.factories import BUCKET, body, eventbridge, jpeg, record, time_of
from tests.handlers.fakes import FakeObjects, FakeRecogniser, FakeRows, counts_of_entries, stored_object
from tests.handlers.states import ExecutionFailed, Machine
from tests.handlers.test_announcing import FakeTargets

EVENTS = 200
MAX_RECEIVES = 5
DETECTORS = (Detector.LABELS, Detector.FACES)
SETTINGS = DetectorSettings(DETECTORS, 10, Decimal(50))
FOREVER = Deadline(1e12)
CONTENTS = [*(jpeg(seed=seed) for seed in range(6)), b"no picture", b""]
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
        """As S3 tells a queue."""
        name = NAMES[self.kind]
        return body(record(self.key, name=name, sequencer=self.sequencer, version_id=self.version_id))

    def event(self) -> str:
        """As S3 tells EventBridge."""
        return eventbridge(self.key, name=NAMES[self.kind], sequencer=self.sequencer, version_id=self.version_id)


@dataclass
class World:
    """What both pipelines work on."""

    objects: FakeObjects
    faults: dict[tuple[Detector, str], tuple[type[Exception], int]]
    rows: FakeRows = field(default_factory=FakeRows)
    targets: FakeTargets = field(default_factory=FakeTargets)
    tally: Tally = field(default_factory=Tally)
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
    def outbox(self) -> Outbox:
        return Outbox(self.rows, lambda: time_of(1000))

    @property
    def announcing(self) -> Announcing:
        return Announcing(self.outbox, self.targets, self.targets, Decimal(0), self.tally, lambda _: None)

    def processing(
        self,
        recogniser: PacedRecogniser,
        operations: ThreadPoolExecutor,
        announcing: Announcing | AnnouncedLater | None,
    ) -> ImageProcessing:
        return image_processing(
            self.rows,
            self.objects,
            recogniser,
            operations,
            lambda: time_of(1000),
            settings=SETTINGS,
            results=self.results,
            tally=self.tally,
            announcing=announcing,
        )

    def recording(self, announcing: Announcer | None) -> FailureRecording:
        return FailureRecording(BUCKET, self.results, self.tally, lambda: time_of(1000), announcing)

    def drain(self, bodies: list[str], process: Callable[[ObjectEvent], object]) -> None:
        """Deliver all messages, those that fail again after the others; what fails too often is a dead letter."""
        notes = AttemptNotes(self.results, lambda: time_of(1000), lambda _: None)
        queue = deque((text, 1) for text in bodies)
        while queue:
            text, receives = queue.popleft()
            [event] = decode_message(text).events
            try:
                process(event)
            except TransientError as error:
                notes.note(event, error)
                if receives < MAX_RECEIVES:
                    queue.append((text, receives + 1))
                else:
                    self.recording(self.announcing).record(event)

    def recogniser(self) -> FakeRecogniser:
        return FakeRecogniser(labels=LABELS, fail=self.fail)

    def table(self) -> bytes:
        """All that is stored."""
        items = [item for _, item in sorted(self.rows.items.items())]
        return json.dumps(items, sort_keys=True, default=str, ensure_ascii=False).encode()

    def told(self) -> list[str]:
        """The messages, without their order."""
        return sorted(json.dumps(message, sort_keys=True) for message in self.targets.messages)


def by_queue(world: World, deliveries: list[Happened]) -> None:
    pacers = {detector: Pacer(1e9) for detector in DETECTORS}
    patient = PatientRecogniser(world.recogniser(), pacers, 1, world.tally, sleep=lambda _: None, jitter=lambda: 0)
    with ThreadPoolExecutor(1) as operations:
        processing = world.processing(patient, operations, world.announcing)
        world.drain([one.notification() for one in deliveries], lambda event: processing.process(event, FOREVER))


def by_workflow(world: World, deliveries: list[Happened], *, announcing: bool = True) -> Machine:
    later = AnnouncedLater(world.outbox) if announcing else None
    with ThreadPoolExecutor(1) as operations:
        steps = WorkflowSteps(world.processing(OneCall(world.recogniser(), world.tally), operations, later))
        functions = {
            "inspect": steps.inspect,
            "recognise": steps.recognise,
            "store": steps.store,
            "fail": FailureStep(world.recording(later)).record,
        }
        if announcing:
            functions["notify"] = NotifyStep(world.announcing).notify
        machine = Machine(
            state_machine.definition(state_machine.StepArns(**{name: name for name in functions}), DETECTORS),
            {name: partial(step, deadline=FOREVER) for name, step in functions.items()},
        )

        def execute(event: ObjectEvent) -> None:
            try:
                machine.run({"event": encode_event(event)})
            except ExecutionFailed as failure:
                raise error_of(failure.error) from failure

        world.drain([one.event() for one in deliveries], execute)
    return machine


def mixed(rng: random.Random) -> tuple[list[Happened], list[Happened]]:
    """What happens to pictures of many kinds, and the deliveries of it: doubled, and in any order."""
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
    for one in happened:
        if one.kind is EventKind.PURGED:
            objects.purge(one.key, one.version_id)
        else:
            objects.add(one.key, one.content, one.version_id, time_of(one.sequencer))
    return objects


@pytest.mark.parametrize("seed", range(12))
def test_200_mixed_events_end_in_the_same_bytes(seed: int) -> None:
    rng = random.Random(seed)
    happened, deliveries = mixed(rng)
    names = sorted({one.key for one in happened} - {NEVER})
    ill = rng.sample(names, len(names) // 2)
    faults = {(DETECTORS[n % 2], key): FAULTS[n // 2 % len(FAULTS)] for n, key in enumerate(ill)}
    faults[Detector.LABELS, NEVER] = (RekognitionServerError, 1_000)
    one, other = (World(bucket_after(happened), faults) for _ in range(2))

    by_queue(one, deliveries)
    machine = by_workflow(other, deliveries)

    assert len(deliveries) == EVENTS
    assert other.table() == one.table()
    assert other.told() == one.told()
    assert other.targets.documents == one.targets.documents
    # What was compared is not empty, and the faults were met.
    statuses = Counter(item["status"] for place, item in one.rows.items.items() if place[1] == keys.META)
    assert min(statuses[status] for status in ("LABELED", "REJECTED", "DELETED", "FAILED")) > 0
    assert counts_of_entries(one.rows.items)
    assert {"Store", "Notify", "labels failed", "faces known"} <= set(machine.visited)
    assert any("Throttled" in retry for retry in machine.retried)
