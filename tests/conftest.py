"""One embedded cloud for all tests that only use it; each test's resources have their own names."""

import gc
from collections.abc import Iterator

import pytest

# Imports leave no garbage, and the collections that they set off take a fifth of the time until the first test.
gc.disable()

from labelstack.clouds import EmbeddedCloud  # noqa: E402 — after collections are off


def pytest_collection_finish() -> None:
    """Collect garbage again, without the modules imported so far, and seldom through those of later imports."""
    gc.freeze()
    gc.set_threshold(*gc.get_threshold()[:2], 100)
    gc.enable()


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCloud]:
    """Yield a running embedded cloud, without the local Rekognition."""
    with EmbeddedCloud.start(tmp_path_factory.mktemp("embedded"), rekognition=False) as started:
        yield started
