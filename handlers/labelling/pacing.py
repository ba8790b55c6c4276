"""Keeping to the quota and to the deadline."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

MARGIN_S: Final = 2.0
"""Of the function's time, kept for writing results and answering whoever called it."""


@dataclass(frozen=True)
class Deadline:
    """A moment on the monotonic clock after which nothing new is begun."""

    at_s: float
    clock: Callable[[], float] = field(default=time.monotonic, repr=False, compare=False)
    given_s: float = 0.0
    """How much time there was at first."""

    @classmethod
    def of(cls, context: LambdaContext, clock: Callable[[], float]) -> Self:
        """That of a function which has just been called."""
        given_s = context.get_remaining_time_in_millis() / 1000 - MARGIN_S
        return cls(clock() + given_s, clock, given_s)

    @property
    def halfway(self) -> Deadline:
        """Until then is begun what may itself take long: it has the other half."""
        return Deadline(self.at_s - self.given_s / 2, self.clock)

    @property
    def remaining_s(self) -> float:
        """Seconds left; negative when it is over."""
        return self.at_s - self.clock()


class Pacer:
    """A token bucket: `calls_per_second` on average, at most one second's worth (one call at least) at once.

    Each instance of the function has its share of the quota, so that together they keep to it. Thread-safe.
    """

    def __init__(
        self,
        calls_per_second: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._rate = calls_per_second
        self._burst = max(1.0, calls_per_second)
        self._tokens = self._burst
        self._clock = clock
        self._sleep = sleep
        self._filled_at = clock()
        self._lock = threading.Lock()

    def wait(self, at_most_s: float) -> bool:
        """Wait for a turn and take it; False, at once and without taking it, if it is more than `at_most_s` away."""
        with self._lock:
            self._fill()
            wait_s = max(0.0, (1 - self._tokens) / self._rate)
            if wait_s > at_most_s:
                return False
            # Tokens may be owed: who comes next waits longer.
            self._tokens -= 1
        if wait_s:
            self._sleep(wait_s)
        return True

    def empty(self) -> None:
        """The service said that the quota is used up: nobody has a turn saved."""
        with self._lock:
            self._fill()
            self._tokens = min(self._tokens, 0.0)

    def _fill(self) -> None:
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now
