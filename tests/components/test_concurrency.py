"""The share of Rekognition's quota that each batch gets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.concurrency import calls_per_second, functions_at_once


@pytest.mark.parametrize(
    ("rekognition_tps", "functions", "share"),
    [
        (5, 2, 2.5),
        (50, 2, 25),
        (51, 3, 17),
        (1000, 40, 25),
        (50_000, 1000, 50),
        (1, 2, 0.5),
    ],
)
def test_derives_functions_and_their_share(rekognition_tps: float, functions: int, share: float) -> None:
    assert (functions_at_once(rekognition_tps), calls_per_second(rekognition_tps)) == (functions, share)


@given(rekognition_tps=st.floats(1, 100_000))
def test_never_exceeds_the_quota_nor_lambdas_limits(rekognition_tps: float) -> None:
    functions = functions_at_once(rekognition_tps)

    assert functions * calls_per_second(rekognition_tps) <= rekognition_tps * (1 + 1e-9)
    assert 2 <= functions <= 1000
