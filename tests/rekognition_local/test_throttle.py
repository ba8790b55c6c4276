"""The quota per operation."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError
from mypy_boto3_rekognition import RekognitionClient

from rekognition_local.errors import ThroughputExceededError
from rekognition_local.server import LocalRekognition, Options
from rekognition_local.throttle import Throttle
from tests.rekognition_local.conftest import Control
from tests.rekognition_local.pictures import plain


class Clock:
    """A clock that is set by hand."""

    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def passes(throttle: Throttle, operation: str) -> bool:
    """Return whether a call gets through."""
    try:
        throttle.take(operation)
    except ThroughputExceededError:
        return False
    return True


def test_lets_one_second_s_worth_through_at_once() -> None:
    throttle = Throttle(5, Clock())

    assert [passes(throttle, "DetectLabels") for _ in range(7)] == [True] * 5 + [False] * 2


def test_fills_with_time_up_to_one_second_s_worth() -> None:
    clock = Clock()
    throttle = Throttle(5, clock)
    for _ in range(5):
        throttle.take("DetectLabels")

    clock.now_s += 0.4
    after_a_while = [passes(throttle, "DetectLabels") for _ in range(3)]
    clock.now_s += 60
    after_long = [passes(throttle, "DetectLabels") for _ in range(6)]

    assert after_a_while == [True, True, False]
    assert after_long == [True] * 5 + [False]


def test_each_operation_has_its_own_quota() -> None:
    throttle = Throttle(1, Clock())

    assert passes(throttle, "DetectLabels")
    assert passes(throttle, "DetectFaces")
    assert not passes(throttle, "DetectLabels")


def test_a_rate_below_one_lets_the_first_call_through() -> None:
    clock = Clock()
    throttle = Throttle(0.5, clock)

    first, second = passes(throttle, "DetectText"), passes(throttle, "DetectText")
    clock.now_s += 2

    assert (first, second, passes(throttle, "DetectText")) == (True, False, True)


def test_without_a_rate_everything_passes() -> None:
    throttle = Throttle(None, Clock())

    assert all(passes(throttle, "DetectLabels") for _ in range(1000))


def test_the_server_answers_as_the_quota_does(
    start_server: Callable[..., LocalRekognition], make_client: Callable[[str], RekognitionClient]
) -> None:
    # One call an hour: the second is refused however slow the test runs.
    server = start_server(Options(calls_per_second=1 / 3600))
    client = make_client(server.url)
    client.detect_moderation_labels(Image={"Bytes": plain()})

    with pytest.raises(ClientError, match="Provisioned rate exceeded") as failure:
        client.detect_moderation_labels(Image={"Bytes": plain()})

    assert failure.value.response["Error"]["Code"] == "ProvisionedThroughputExceededException"
    assert failure.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert Control(server.url).calls()["answered"] == {"DetectModerationLabels": 1}
    Control(server.url).request("POST", "reset")
    assert client.detect_moderation_labels(Image={"Bytes": plain()})["ModerationLabels"] == []
