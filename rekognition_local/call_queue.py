"""The calls that look at pictures wait in one queue: a busy machine answers as a quota would, and loses no work."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

from rekognition_local.errors import BusyError

T = TypeVar("T")
MOST_UNFINISHED = 256
REMEMBERED_ANSWERS = 256


class SharedWork:
    """Does each work once for all who ask for it by its name while it is under way, and after its success.

    Args:
        remembered: How many results are kept; None for all.
    """

    def __init__(self, remembered: int | None = None) -> None:
        self.unfinished: dict[Hashable, asyncio.Future[Any]] = {}
        self.finished: OrderedDict[Hashable, asyncio.Future[Any]] = OrderedDict()
        self._remembered = remembered

    def future(
        self, name: Hashable, start: Callable[[], Awaitable[T]], *, is_lasting: bool = True
    ) -> asyncio.Future[T]:
        """Return the future of a work: finished, under way, or started now. Shield it: others may wait for it.

        Args:
            is_lasting: Whether the result is worth keeping.
        """
        if name in self.finished:
            self.finished.move_to_end(name)
            return self.finished[name]
        if name not in self.unfinished:
            future = asyncio.ensure_future(start())
            self.unfinished[name] = future
            future.add_done_callback(lambda done: self._end(name, done, is_lasting))
        return self.unfinished[name]

    def _end(self, name: Hashable, future: asyncio.Future[Any], is_lasting: bool) -> None:
        del self.unfinished[name]
        # This reads the error even without a waiter: asyncio would report it as lost.
        if future.cancelled() or future.exception() is not None or not is_lasting:
            return
        self.finished[name] = future
        if self._remembered is not None and len(self.finished) > self._remembered:
            self.finished.popitem(last=False)

    def forget(self) -> None:
        """Forget all results."""
        self.finished.clear()


class CallQueue:
    """Does the work of `at_once` calls in order of arrival; a call that waits longer than `patience_s` is throttled.

    A throttled client retries, while a client that times out counts a failure. The work keeps its place and is done
    without its caller. The same call then joins it or finds its answer, so that no work is done twice.
    """

    def __init__(self, at_once: int, patience_s: float) -> None:
        self._turns = asyncio.Semaphore(at_once)
        self._patience_s = patience_s
        self._work = SharedWork(REMEMBERED_ANSWERS)
        self.forget = self._work.forget

    async def answer(self, call: Hashable, work: Callable[[], Awaitable[T]], *, is_lasting: bool) -> T:
        """Do the work of a call when its turn comes, or return the answer of the same call under way or before it.

        Raises BusyError when that takes too long or too much is waiting, and what the work raises.
        """
        is_new = call not in self._work.finished and call not in self._work.unfinished
        if is_new and len(self._work.unfinished) >= MOST_UNFINISHED:
            raise BusyError
        future = self._work.future(call, lambda: self._in_turn(work), is_lasting=is_lasting)
        await asyncio.wait({future}, timeout=self._patience_s)
        if not future.done():
            raise BusyError
        return future.result()

    async def _in_turn(self, work: Callable[[], Awaitable[T]]) -> T:
        async with self._turns:
            return await work()
