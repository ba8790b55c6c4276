"""A function whose batch was full goes on with what waits in the queue, as fast as the quota lets it."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from handlers.labelling.detectors import Detector
from handlers.labelling.errors import RekognitionServerError, RekognitionTimeoutError
from handlers.labelling.events import Deadline, ObjectEvent
from handlers.labelling.rekognition import PacedCalls, TokenBucket
from handlers.labelling.s3_objects import StoredObject
from tests.handlers.assembling import FakeSqs
from tests.handlers.factories import body, message, record
from tests.handlers.fakes import FakeRekognition, stored_object
from tests.handlers.test_sqs_batch import Edge


@dataclass
class Function(Edge):
    """A queue function with a backlog, whose work the test defines."""

    pictures_at_once: float | None = 15

    @property
    def batches(self) -> list[int]:
        return [len(keys) for keys in self.opened]

    @property
    def processed(self) -> list[str]:
        return [event.key for event in self.events]

    def warnings(self) -> list[str]:
        return [line["message"] for line in self.lines if line["level"] == "WARNING"]


def messages(count: int, start: int = 0) -> list[dict[str, Any]]:
    return [message(body(record(f"{n}.jpg")), message_id=f"m{n}") for n in range(start, start + count)]


def test_full_batch_goes_on_until_nothing_waits() -> None:
    function = Function(sqs=FakeSqs(waiting=messages(25, start=10)))

    assert function.handle(*messages(10)) == []

    assert sorted(function.processed) == sorted(f"{n}.jpg" for n in range(35))
    assert sorted(function.batches) == [5, 10, 10, 10]
    assert sorted(function.sqs.deleted) == sorted(f"receipt-m{n}" for n in range(10, 35)), "Lambda deletes its own"


def test_batch_that_is_not_full_leaves_the_queue_to_lambda() -> None:
    function = Function(sqs=FakeSqs(waiting=messages(25, start=10)))

    function.handle(*messages(9))

    assert len(function.processed) == 9
    assert len(function.sqs.waiting) == 25


def test_message_of_its_own_that_fails_stays_in_the_queue_for_its_delay() -> None:
    def work(event: ObjectEvent) -> None:
        if event.key in ("3.jpg", "12.jpg"):
            raise RekognitionServerError("500")

    function = Function(sqs=FakeSqs(waiting=messages(5, start=10)), work=work)

    assert function.handle(*messages(10)) == ["m3"], "Lambda knows nothing of the others"

    assert function.sqs.hidden == {"receipt-m3": 5, "receipt-m12": 5}
    assert sorted(function.sqs.deleted) == ["receipt-m10", "receipt-m11", "receipt-m13", "receipt-m14"]


def test_no_more_are_taken_than_use_the_quota_up() -> None:
    begun, may_end, most = threading.Semaphore(0), threading.Event(), 0

    def work(event: ObjectEvent) -> None:
        begun.release()
        assert may_end.wait(60)

    function = Function(sqs=FakeSqs(waiting=messages(100, start=10)), work=work, pictures_at_once=25)
    running = threading.Thread(target=function.handle, args=messages(10))
    running.start()
    for _ in range(30):
        assert begun.acquire(timeout=60)
    most = 110 - len(function.sqs.waiting)
    may_end.set()
    running.join(60)

    assert most == 30, "10, 20 and 30 under way: with 25 there is no room for another batch"
    assert len(function.processed) == 110


def test_nothing_is_taken_in_the_second_half_of_the_time() -> None:
    now = [1000.0]

    def work(event: ObjectEvent) -> None:
        if event.key == "10.jpg":
            now[0] += 30  # of 58 s

    function = Function(
        sqs=FakeSqs(waiting=messages(50, start=10)), work=work, clock=lambda: now[0], pictures_at_once=0
    )

    function.handle(*messages(10))

    assert sorted(function.batches) == [10, 10]
    assert len(function.sqs.waiting) == 40


def test_queue_that_gives_nothing_and_deletes_nothing_is_only_warned_of() -> None:
    client = boto3.client("sqs", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    function = Function(sqs=client)
    [waiting] = messages(1, start=10)
    received = {
        name[0].upper() + name[1:]: waiting[name] for name in ("messageId", "receiptHandle", "body", "attributes")
    }
    with Stubber(client) as stubber:
        stubber.add_response("receive_message", {"Messages": [received]})
        stubber.add_client_error("receive_message", "AccessDenied")
        stubber.add_client_error("delete_message_batch", "AccessDenied")

        assert function.handle(*messages(10)) == []

    assert len(function.processed) == 11
    assert sorted(function.warnings()) == [
        "Deleting finished messages failed; SQS will deliver them again",
        "Receiving more messages failed; Lambda delivers the rest",
    ]


@pytest.mark.parametrize(("call_s", "pictures"), [(0.1, 15), (0.3, 20), (0.9, 35), (60, 50)])
def test_pictures_under_way_follow_what_calls_take(call_s: float, pictures: float) -> None:
    now = [1000.0]

    @dataclass
    class Slow(FakeRekognition):
        def detect(self, *args: Any) -> Any:
            now[0] += call_s
            return super().detect(*args)

    bucket = TokenBucket(25, clock=lambda: now[0], sleep=lambda _: None)
    calls = PacedCalls(Slow().detect, {Detector.LABELS: bucket}, 10)
    assert calls.pictures_at_once() == pytest.approx(20), "before the first call: 0.3 s"

    for _ in range(60):
        calls.detect(Detector.LABELS, {}, stored_object("cat.jpg", b"cat"), Deadline(now[0] + 100, lambda: now[0]))

    assert calls.pictures_at_once() == pytest.approx(pictures, rel=0.02)


def test_overloaded_service_gets_fewer_pictures_at_once() -> None:
    def fail(detector: Detector, stored: StoredObject) -> None:
        if len(rekognition.calls) < 3:
            raise RekognitionTimeoutError("no answer")

    rekognition = FakeRekognition(fail=fail)
    calls = PacedCalls(
        rekognition.detect, {Detector.LABELS: TokenBucket(25, sleep=lambda _: None)}, 1, sleep=lambda _: None
    )

    calls.detect(Detector.LABELS, {}, stored_object("cat.jpg", b"cat"), Deadline(1e12))

    assert len(rekognition.calls) == 3
    assert calls.pictures_at_once() < 25 * (0.5 + 0.3 / 4)
