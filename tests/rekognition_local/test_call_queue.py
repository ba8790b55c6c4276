"""A busy machine answers as a quota would, and loses nothing of its work."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any

import pytest
from botocore.exceptions import ClientError
from mypy_boto3_rekognition import RekognitionClient

from rekognition_local.call_queue import MOST_UNFINISHED, CallQueue
from rekognition_local.errors import BusyError
from rekognition_local.server import CALLS_AT_ONCE, LocalRekognition, Options
from tests.rekognition_local.conftest import START_TIMEOUT_S, MemoryReader
from tests.rekognition_local.pictures import plain

PATIENCE_S = 0.2


class Work:
    """Work that ends when the test ends it."""

    def __init__(self) -> None:
        self.at_once = self.most_at_once = self.ended = 0
        self.may_end = asyncio.Event()

    async def __call__(self) -> str:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await self.may_end.wait()
        self.at_once -= 1
        self.ended += 1
        return "done"


async def outcomes(queue: CallQueue, work: Callable[[], Awaitable[str]], calls: Iterable[int]) -> list[Any]:
    """Return the outcomes of simultaneous calls: answers and errors."""
    return await asyncio.gather(*(queue.answer(call, work, is_lasting=True) for call in calls), return_exceptions=True)


def test_calls_wait_for_their_turn() -> None:
    async def scene() -> tuple[list[Any], int]:
        work = Work()
        calls = asyncio.create_task(outcomes(CallQueue(2, patience_s=60), work, range(5)))
        while work.at_once < 2:
            await asyncio.sleep(0)
        work.may_end.set()
        return await calls, work.most_at_once

    assert asyncio.run(scene()) == (["done"] * 5, 2)


def test_work_keeps_its_place_and_its_answer_waits_for_the_next_try() -> None:
    async def scene() -> tuple[list[Any], list[Any], list[Any], int]:
        work, queue = Work(), CallQueue(2, PATIENCE_S)
        first = await outcomes(queue, work, range(5))
        second = await outcomes(queue, work, range(5))
        work.may_end.set()
        third = await outcomes(queue, work, range(5))
        await outcomes(queue, work, range(5))
        return first, second, third, work.ended

    first, second, third, ended = asyncio.run(scene())
    assert [type(each) for each in first + second] == [BusyError] * 10
    assert third == ["done"] * 5
    assert ended == 5


def test_an_answer_that_may_change_is_worked_out_each_time() -> None:
    async def scene() -> int:
        work, queue = Work(), CallQueue(2, patience_s=60)
        work.may_end.set()
        for _ in range(3):
            await queue.answer("unversioned", work, is_lasting=False)
        return work.ended

    assert asyncio.run(scene()) == 3


def test_a_queue_that_is_full_refuses_at_once() -> None:
    async def scene() -> list[Any]:
        work, queue = Work(), CallQueue(1, patience_s=60)
        calls = asyncio.create_task(outcomes(queue, work, range(MOST_UNFINISHED)))
        while work.at_once < 1:
            await asyncio.sleep(0)
        with pytest.raises(BusyError):
            await queue.answer("one more", work, is_lasting=True)
        work.may_end.set()
        return await calls

    assert set(asyncio.run(scene())) == {"done"}


def test_an_error_of_the_work_is_the_caller_s_and_is_not_remembered() -> None:
    failures = [LookupError("no such object")]

    async def work() -> str:
        if failures:
            raise failures.pop()
        return "done"

    async def scene() -> list[Any]:
        queue = CallQueue(1, patience_s=60)
        return [*await outcomes(queue, work, [1]), *await outcomes(queue, work, [1])]

    first, second = asyncio.run(scene())
    assert isinstance(first, LookupError)
    assert second == "done"


@pytest.fixture
def slow(start_server: Callable[..., LocalRekognition], reader_at_a_gate: MemoryReader) -> LocalRekognition:
    """Return a server whose pictures do not arrive before the gate is opened."""
    return start_server(Options(), reader_at_a_gate, patience_s=PATIENCE_S)


@pytest.fixture
def reader_at_a_gate() -> Iterator[MemoryReader]:
    """Yield an S3 that answers when its gate is opened, at the latest at the end of the test."""
    reader = MemoryReader()
    reader.gate = threading.Event()
    yield reader
    reader.gate.set()


def test_a_burst_is_throttled_and_then_answered_without_reading_anything_twice(
    slow: LocalRekognition, reader_at_a_gate: MemoryReader, make_client: Callable[[str], RekognitionClient]
) -> None:
    client = make_client(slow.url)
    names = [f"{number}.png" for number in range(3 * CALLS_AT_ONCE)]
    for number, name in enumerate(names):
        reader_at_a_gate.objects["bucket", name, "1"] = plain(width=100 + number)

    def call(name: str) -> str:
        try:
            client.detect_faces(Image={"S3Object": {"Bucket": "bucket", "Name": name, "Version": "1"}})
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "answered"

    with ThreadPoolExecutor(len(names)) as threads:
        first = list(threads.map(call, names))
        assert reader_at_a_gate.gate is not None
        reader_at_a_gate.gate.set()
        deadline_s = monotonic() + START_TIMEOUT_S
        again = list(threads.map(call, names))
        while "ThrottlingException" in again and monotonic() < deadline_s:
            again = list(threads.map(call, names))

    assert first == ["ThrottlingException"] * len(names)
    assert again == ["answered"] * len(names)
    assert sorted(name for _, name, _ in reader_at_a_gate.reads) == sorted(names)
