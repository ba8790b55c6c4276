"""Threads that want the same thing at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Generic, TypeVar

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Of callers with the same key at the same time, one does the work and all get its result, or its error."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flights: dict[object, Future[T]] = {}

    def do(self, key: object, work: Callable[[], T]) -> tuple[T, bool]:
        """The result, and whether this caller did the work."""
        with self._lock:
            flight = self._flights.get(key)
            leads = flight is None
            if flight is None:
                flight = self._flights[key] = Future()
        if not leads:
            return flight.result(), False
        try:
            result = work()
        except BaseException as error:  # handed to those who wait, and raised here
            flight.set_exception(error)
            raise
        else:
            flight.set_result(result)
            return result, True
        finally:
            with self._lock:
                del self._flights[key]


class KeyedLocks:
    """One lock per key, while somebody holds or wants it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._locks: dict[str, tuple[threading.Lock, int]] = {}

    @contextmanager
    def hold(self, key: str) -> Iterator[None]:
        """Alone with this key."""
        with self._lock:
            lock, users = self._locks.get(key, (threading.Lock(), 0))
            self._locks[key] = (lock, users + 1)
        try:
            with lock:
                yield
        finally:
            with self._lock:
                lock, users = self._locks.pop(key)
                if users > 1:
                    self._locks[key] = (lock, users - 1)
