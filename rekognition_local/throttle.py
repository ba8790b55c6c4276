"""The quota per operation: a token bucket each, as AWS counts transactions per second."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rekognition_local.errors import ThroughputExceededError


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_at_s: float


class Throttle:
    """Lets `calls_per_second` calls of each operation through; None lets all through.

    The buckets hold one second's worth. `clock` gives seconds.
    """

    def __init__(self, calls_per_second: float | None, clock: Callable[[], float]) -> None:
        self._rate = calls_per_second
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}

    def take(self, operation: str) -> None:
        """Take one call's token. Raises ThroughputExceededError when there is none."""
        if self._rate is None:
            return
        now, capacity = self._clock(), max(1.0, self._rate)
        bucket = self._buckets.setdefault(operation, _Bucket(capacity, now))
        bucket.tokens = min(capacity, bucket.tokens + (now - bucket.filled_at_s) * self._rate)
        bucket.filled_at_s = now
        if bucket.tokens < 1:
            raise ThroughputExceededError
        bucket.tokens -= 1

    def reset(self) -> None:
        """Fill all buckets."""
        self._buckets.clear()
