"""The share of Rekognition's quota that each batch gets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.concurrency import Concurrency, derive


@pytest.mark.parametrize(
    ("rekognition_tps", "expected"),
    [
        (5, Concurrency(2, 2.5)),
        (50, Concurrency(2, 25)),
        (51, Concurrency(3, 17)),
        (1000, Concurrency(40, 25)),
        (50_000, Concurrency(1000, 50)),
        (1, Concurrency(2, 0.5)),
    ],
)
def test_derives_functions_and_their_share(rekognition_tps: float, expected: Concurrency) -> None:
    assert derive(rekognition_tps) == expected


@given(rekognition_tps=st.floats(1, 100_000))
def test_never_exceeds_the_quota_nor_lambdas_limits(rekognition_tps: float) -> None:
    concurrency = derive(rekognition_tps)

    assert concurrency.maximum * concurrency.calls_per_second <= rekognition_tps * (1 + 1e-9)
    assert 2 <= concurrency.maximum <= 1000
