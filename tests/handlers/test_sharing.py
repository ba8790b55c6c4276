"""Threads that want the same thing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from handlers.labelling.sharing import KeyedLocks, SingleFlight


class Key:
    """Equal to every other one; tells when it is looked up."""

    def __init__(self, looked_up: threading.Event) -> None:
        self._looked_up = looked_up

    def __hash__(self) -> int:
        self._looked_up.set()
        return 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key)


def fly_together(lead: Callable[[], int]) -> tuple[object, object]:
    """The outcomes of a leader and of a follower that came while the leader was working."""
    flights: SingleFlight[int] = SingleFlight()
    working, joined = threading.Event(), threading.Event()

    def work() -> int:
        working.set()
        assert joined.wait(10)
        return lead()

    def outcome(key: Key, own_work: Callable[[], int]) -> object:
        try:
            return flights.do(key, own_work)
        except LookupError as error:
            return error

    def follow() -> object:
        assert working.wait(10)
        return outcome(Key(joined), lambda: -1)

    with ThreadPoolExecutor(2) as pool:
        leader = pool.submit(outcome, Key(threading.Event()), work)
        follower = pool.submit(follow)
        return leader.result(), follower.result()


def test_follower_gets_the_leader_s_result_and_does_not_work() -> None:
    assert fly_together(lambda: 42) == ((42, True), (42, False))


def test_follower_gets_the_leader_s_error() -> None:
    error = LookupError("leader")

    def fail() -> int:
        raise error

    assert fly_together(fail) == (error, error)


def test_after_an_error_the_next_one_works_anew() -> None:
    flights: SingleFlight[int] = SingleFlight()

    def fail() -> int:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        flights.do("k", fail)

    assert flights.do("k", lambda: 7) == (7, True)


def test_holders_of_one_key_are_alone() -> None:
    locks = KeyedLocks()
    inside: list[int] = []
    most: list[int] = []

    def work(number: int) -> None:
        with locks.hold("k"):
            inside.append(number)
            most.append(len(inside))
            inside.remove(number)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(200)))

    assert most == [1] * 200
    assert locks._locks == {}, "no lock is kept that nobody wants"


def test_second_holder_comes_in_when_the_first_leaves() -> None:
    locks = KeyedLocks()
    order: list[str] = []
    starting = threading.Event()

    def second() -> None:
        starting.set()
        with locks.hold("k"):
            order.append("second")

    with ThreadPoolExecutor(1) as pool:
        with locks.hold("k"):
            waiting = pool.submit(second)
            assert starting.wait(10)
            order.append("first")
        waiting.result(timeout=10)

    assert order == ["first", "second"]


def test_other_keys_do_not_wait() -> None:
    locks = KeyedLocks()

    def other() -> bool:
        with locks.hold("b"):
            return True

    with ThreadPoolExecutor(1) as pool, locks.hold("a"):
        assert pool.submit(other).result(timeout=10)
