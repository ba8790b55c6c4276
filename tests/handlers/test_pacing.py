"""Keeping to the quota: bucket, retries, deadline."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.labelling.detectors import Detector
from handlers.labelling.errors import (
    PictureRejectedError,
    RekognitionDeniedError,
    RekognitionServerError,
    RekognitionThrottledError,
    RekognitionTimeoutError,
)
from handlers.labelling.events import Deadline
from handlers.labelling.rekognition import PacedCalls, TokenBucket
from handlers.labelling.s3_objects import StoredObject
from handlers.results.codes import Code
from tests.handlers.fakes import stored_object


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.sleeps: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds


class Script:
    """A Rekognition that fails call by call as scripted, then answers; each call may take time."""

    def __init__(self, clock: Clock, *errors: Exception, forever: Exception | None = None, takes_s: float = 0) -> None:
        self.errors = list(errors)
        self.forever = forever
        self.takes_s = takes_s
        self.calls: list[float] = []
        self._clock = clock

    def detect(
        self, detector: Detector, parameters: Mapping[str, Any], stored: StoredObject, deadline: Deadline
    ) -> Mapping[str, Any]:
        self.calls.append(self._clock.now)
        self._clock.now += self.takes_s
        error = self.errors.pop(0) if self.errors else self.forever
        if error:
            raise error
        return {"Labels": []}


def detect(
    script: Script,
    clock: Clock,
    *,
    seconds: float = 60,
    rate: float = 100,
    before: int = 0,
) -> object:
    """Detect with a time-out of 10 s, after others have had their turns."""
    bucket = TokenBucket(rate, clock=clock, sleep=clock.sleep)
    for _ in range(before):
        bucket.take(0)
    calls = PacedCalls(
        script.detect,
        {Detector.LABELS: bucket},
        10,
        sleep=clock.sleep,
        jitter=lambda: 1.0,
    )
    return calls.detect(Detector.LABELS, {}, stored_object("k", b"x"), Deadline(clock.now + seconds, clock))


@given(st.floats(0.2, 50), st.integers(1, 60))
def test_bucket_never_gives_more_than_its_rate_after_the_burst(rate: float, calls: int) -> None:
    clock = Clock()
    bucket = TokenBucket(rate, clock=clock, sleep=clock.sleep)

    for _ in range(calls):
        assert bucket.take(10_000)

    burst = max(1.0, rate)
    assert clock.now - 1000.0 >= (calls - burst) / rate - 1e-6


def test_bucket_refuses_at_once_what_is_too_far_away() -> None:
    clock = Clock()
    bucket = TokenBucket(0.1, clock=clock, sleep=clock.sleep)
    bucket.take(0)

    assert not bucket.take(5)
    assert clock.sleeps == []
    assert bucket.take(11)


def test_emptied_bucket_waits_for_a_new_turn() -> None:
    clock = Clock()
    bucket = TokenBucket(10, clock=clock, sleep=clock.sleep)

    bucket.empty()
    bucket.take(1)

    assert clock.sleeps == [pytest.approx(0.1)]


def test_threads_share_the_bucket() -> None:
    clock = Clock()
    bucket = TokenBucket(1, clock=lambda: 1000.0, sleep=clock.sleep)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda _: bucket.take(100), range(8)))

    assert sorted(clock.sleeps) == [pytest.approx(n) for n in range(1, 8)]


def test_throttling_is_tried_again_with_growing_pauses() -> None:
    clock = Clock()
    script = Script(clock, *(RekognitionThrottledError() for _ in range(4)))

    assert detect(script, clock) == {"Labels": []}

    pauses = [second - first for first, second in zip(script.calls, script.calls[1:], strict=False)]
    assert pauses == [pytest.approx(pause, abs=0.02) for pause in (0.25, 0.5, 1, 2)]


@pytest.mark.parametrize("error", [RekognitionServerError, RekognitionTimeoutError])
def test_what_breaks_is_tried_twice_again_and_then_left_to_the_queue(error: type[Exception]) -> None:
    clock = Clock()

    assert detect(Script(clock, error(), error()), clock) == {"Labels": []}
    broken = Script(clock, forever=error())
    with pytest.raises(error):
        detect(broken, clock, seconds=1000)

    assert len(broken.calls) == 3


def test_throttling_for_ever_ends_with_the_deadline() -> None:
    clock = Clock()
    script = Script(clock, forever=RekognitionThrottledError())

    with pytest.raises(RekognitionThrottledError):
        detect(script, clock, seconds=60)

    assert clock.now <= 1050, "no call is begun that could end after the deadline"
    assert len(script.calls) > 5


def test_hanging_service_is_not_called_beyond_the_deadline() -> None:
    clock = Clock()
    script = Script(clock, forever=RekognitionTimeoutError(), takes_s=10)

    with pytest.raises(RekognitionTimeoutError):
        detect(script, clock, seconds=25)

    assert len(script.calls) == 2
    assert clock.now <= 1025


def test_first_call_is_made_even_if_the_deadline_is_short() -> None:
    clock = Clock()
    script = Script(clock)

    assert detect(script, clock, seconds=5) == {"Labels": []}


def test_turn_is_not_waited_for_when_its_call_could_end_after_the_deadline() -> None:
    clock = Clock()
    script = Script(clock)

    with pytest.raises(RekognitionThrottledError):
        detect(script, clock, seconds=12, rate=0.4, before=1)
    assert detect(script, clock, seconds=13, rate=0.4, before=1) == {"Labels": []}

    assert clock.sleeps == [pytest.approx(2.5)]


def test_no_call_after_the_deadline() -> None:
    clock = Clock()
    script = Script(clock)

    with pytest.raises(RekognitionThrottledError):
        detect(script, clock, seconds=-1)

    assert script.calls == []


@pytest.mark.parametrize("error", [RekognitionDeniedError(), PictureRejectedError(Code.IMAGE_DAMAGED)])
def test_what_does_not_pass_is_not_tried_again(error: Exception) -> None:
    clock = Clock()
    script = Script(clock, forever=error)

    with pytest.raises(type(error)):
        detect(script, clock)

    assert len(script.calls) == 1
