"""Calling Rekognition within the quota, again after what passes, until the deadline."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from handlers.labelling.detectors import Detector
from handlers.labelling.errors import (
    RekognitionServerError,
    RekognitionThrottledError,
    RekognitionTimeoutError,
)
from handlers.labelling.pacing import Deadline, Pacer
from handlers.labelling.ports import Recogniser, StoredObject
from handlers.labelling.tally import Count, Tally

_FIRST_PAUSE_S: Final = 0.25
_LONGEST_PAUSE_S: Final = 8.0
# Throttling passes by waiting. What breaks or hangs three times in a row is left to the queue, which waits longer and
# lets the other pictures go on.
_MOST_BROKEN: Final = 3


class OneCall:
    """Calls Rekognition once, and counts it: to call again is the workflow's business, which waits for nothing."""

    def __init__(self, recogniser: Recogniser, tally: Tally) -> None:
        self._recogniser = recogniser
        self._tally = tally

    def detect(
        self,
        detector: Detector,
        parameters: Mapping[str, Any],
        stored: StoredObject,
        deadline: Deadline | None = None,
    ) -> Mapping[str, Any]:
        """The operation's answer. Raises what `Recogniser` raises."""
        self._tally.add(Count.REKOGNITION_CALLS)
        try:
            return self._recogniser.detect(detector, parameters, stored)
        except RekognitionThrottledError:
            self._tally.add(Count.REKOGNITION_THROTTLES)
            raise


class PatientRecogniser:
    """Each operation has its own quota, so each has its own pacer; retries pause with full jitter.

    A turn or a retry is waited for only if the call would end before the deadline even when it times out. A first call
    that need not wait is made until the deadline, so that a function whose time-out is short still gets somewhere.
    """

    def __init__(
        self,
        recogniser: Recogniser,
        pacers: Mapping[Detector, Pacer],
        timeout_s: float,
        tally: Tally,
        *,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._call = OneCall(recogniser, tally)
        self._pacers = pacers
        self._timeout_s = timeout_s
        self._sleep = sleep
        self._jitter = jitter

    def detect(
        self, detector: Detector, parameters: Mapping[str, Any], stored: StoredObject, deadline: Deadline
    ) -> Mapping[str, Any]:
        """The operation's answer. Raises what `Recogniser` raises, when it is no use to go on."""
        pacer = self._pacers[detector]
        attempt = broken = 0
        while True:
            remaining_s = deadline.remaining_s
            if remaining_s < 0 or not pacer.wait(max(0.0, remaining_s - self._timeout_s)):
                raise RekognitionThrottledError(f"no turn for {detector.operation} before the deadline")
            try:
                return self._call.detect(detector, parameters, stored)
            except (RekognitionThrottledError, RekognitionServerError, RekognitionTimeoutError) as error:
                if isinstance(error, RekognitionThrottledError):
                    pacer.empty()
                else:
                    broken += 1
                pause_s = self._jitter() * min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2**attempt)
                if broken == _MOST_BROKEN or pause_s + self._timeout_s > deadline.remaining_s:
                    raise
                self._sleep(pause_s)
                attempt += 1
