"""One embedded cloud for all tests that only use it; each test's resources have their own names."""

import gc
from collections.abc import Iterator

import pytest

from labelstack.clouds import EmbeddedCloud


def pytest_collection_finish() -> None:
    # Half of the time of a recorded program went into walks through the modules of Pulumi's AWS SDK.
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCloud]:
    """Yield a running embedded cloud, without the local Rekognition."""
    with EmbeddedCloud.start(tmp_path_factory.mktemp("embedded"), rekognition=False) as started:
        yield started
