"""The time that is left of a function's call."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Self

from aws_lambda_powertools.utilities.typing import LambdaContext

MARGIN_S: Final = 2.0
"""Seconds of the function's time that are kept for writing results and answering the caller."""


@dataclass(frozen=True)
class Deadline:
    """A moment on the monotonic clock after which nothing new is begun."""

    at_s: float
    clock: Callable[[], float] = field(default=time.monotonic, repr=False, compare=False)
    total_s: float = 0.0
    """The time that the invocation had at first."""

    @classmethod
    def of(cls, context: LambdaContext) -> Self:
        """Return the deadline of a call of a function."""
        total_s = context.get_remaining_time_in_millis() / 1000 - MARGIN_S
        return cls(time.monotonic() + total_s, total_s=total_s)

    @property
    def halfway(self) -> Deadline:
        """Return the deadline for starting long work, which then has the other half of the time."""
        return Deadline(self.at_s - self.total_s / 2, self.clock)

    @property
    def remaining_s(self) -> float:
        """Return the seconds left, negative after the deadline."""
        return self.at_s - self.clock()
