"""Any order and repetition of events, any refusals of the topic: the final results are announced, none twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.labelling.errors import AnnouncementError, RekognitionServerError
from handlers.results import keys
from handlers.results.codes import Status
from handlers.results.item import OUTBOX_ATTRIBUTES
from tests.handlers.assembling import process
from tests.handlers.fakes import FakeRekognition
from tests.handlers.test_announcing import World, nothing, refuse
from tests.handlers.test_convergence import LABELS, Delivery, Operation, histories, schedules


def deliver(world: World, delivery: Delivery, *, refused: bool) -> bool:
    """Return whether the event is done. A failed event comes again."""

    def fail(detector: object, stored: object) -> None:
        if delivery.broken:
            raise RekognitionServerError

    world.targets.before_publish = refuse if refused else nothing
    world.rekognition.fail = fail
    try:
        if delivery.dead:
            world.recorder().record_failure(delivery.event)
        else:
            process(world.pipeline(), world.objects.with_header(delivery.event))
    except (AnnouncementError, RekognitionServerError):
        return False
    return True


def run(world: World, schedule: Iterable[Operation | Delivery], refusals: Iterable[bool]) -> None:
    """Run the schedule, and afterwards the failed events again."""
    left: list[Delivery] = []
    coming = iter(refusals)
    for step in schedule:
        if isinstance(step, Operation):
            step.do(world.objects)
        elif not deliver(world, step, refused=next(coming)):
            left.append(Delivery(step.event, dead=step.dead))
    for delivery in left:
        assert deliver(world, delivery, refused=False)


@settings(max_examples=300)
@given(st.data())
def test_what_is_known_in_the_end_is_told_and_nothing_twice(data: st.DataObject) -> None:
    schedule = data.draw(schedules(data.draw(histories())))
    refusals = data.draw(st.lists(st.booleans(), min_size=len(schedule), max_size=len(schedule)))
    with ThreadPoolExecutor(1) as operations:
        world = World(operations, rekognition=FakeRekognition(labels=LABELS))

        run(world, schedule, refusals)

    images = [item for (_, sk), item in world.rows.items.items() if sk == keys.META]
    assert not [item for item in images if set(item) & set(OUTBOX_ATTRIBUTES)]
    announced = {(message["key"], message.get("versionId"), message["status"]) for message in world.targets.messages}
    assert announced >= {
        (item["key"], item.get("versionId"), item["status"]) for item in images if item["status"] != Status.DELETED
    }
    assert set(Counter(message["id"] for message in world.targets.messages).values()) <= {1}
