"""The share of Rekognition's quota that each batch gets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.concurrency import Concurrency, derive


@pytest.mark.parametrize(
    ("rekognition_tps", "batch_size", "expected"),
    [
        (5, 10, Concurrency(2, 2.5)),
        (50, 10, Concurrency(3, 50 / 3)),
        (51, 10, Concurrency(4, 12.75)),
        (50, 5, Concurrency(6, 50 / 6)),
        (1000, 1, Concurrency(600, 1000 / 600)),
        (5000, 1, Concurrency(1000, 5)),
        (1, 1, Concurrency(2, 0.5)),
    ],
)
def test_derives_batches_and_their_share(rekognition_tps: float, batch_size: int, expected: Concurrency) -> None:
    assert derive(rekognition_tps, batch_size) == expected


@given(rekognition_tps=st.floats(1, 10_000), batch_size=st.integers(1, 10))
def test_never_exceeds_the_quota_nor_lambdas_limits(rekognition_tps: float, batch_size: int) -> None:
    concurrency = derive(rekognition_tps, batch_size)

    assert concurrency.maximum * concurrency.calls_per_second <= rekognition_tps * (1 + 1e-9)
    assert 2 <= concurrency.maximum <= 1000
