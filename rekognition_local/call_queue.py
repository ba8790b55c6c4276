"""The calls that look at pictures wait in one queue: a busy machine answers as a quota would, and loses no work."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar, cast

from rekognition_local.errors import BusyError

T = TypeVar("T")
MOST_UNFINISHED = 256
REMEMBERED_ANSWERS = 256


class CallQueue:
    """Does the work of `at_once` calls in order of arrival; a call that waits longer than `patience_s` is throttled.

    A throttled client retries, while a client that times out counts a failure. The work keeps its place and is done
    without its caller. The same call then joins it or finds its answer, so that no work is done twice.
    """

    def __init__(self, at_once: int, patience_s: float) -> None:
        self._turns = asyncio.Semaphore(at_once)
        self._patience_s = patience_s
        self._unfinished: dict[Hashable, asyncio.Task[Any]] = {}
        self._answers: OrderedDict[Hashable, Any] = OrderedDict()

    async def answer(self, call: Hashable, work: Callable[[], Awaitable[T]], *, is_lasting: bool) -> T:
        """Do the work of a call when its turn comes, or return the answer of the same call under way or before it.

        Raises BusyError when that takes too long or too much is waiting, and what the work raises.
        """
        if call in self._answers:
            self._answers.move_to_end(call)
            return cast("T", self._answers[call])
        task = self._unfinished.get(call)
        if task is None:
            if len(self._unfinished) >= MOST_UNFINISHED:
                raise BusyError
            task = asyncio.create_task(self._in_turn(work))
            self._unfinished[call] = task
            task.add_done_callback(lambda done: self._finished(call, done, is_lasting))
        await asyncio.wait({task}, timeout=self._patience_s)
        if not task.done():
            raise BusyError
        return cast("T", task.result())

    async def _in_turn(self, work: Callable[[], Awaitable[T]]) -> T:
        async with self._turns:
            return await work()

    def _finished(self, call: Hashable, task: asyncio.Task[Any], is_lasting: bool) -> None:
        del self._unfinished[call]
        # This reads the error even without a waiter: asyncio would report it as lost.
        if task.cancelled() or task.exception() is not None or not is_lasting:
            return
        self._answers[call] = task.result()
        if len(self._answers) > REMEMBERED_ANSWERS:
            self._answers.popitem(last=False)

    def forget(self) -> None:
        """Forget all answers."""
        self._answers.clear()
