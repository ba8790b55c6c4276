"""One embedded cloud for all tests that only use it; each test's resources have their own names."""

from collections.abc import Iterator

import pytest

from labelstack.clouds import EmbeddedCloud


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCloud]:
    """Yield a running embedded cloud, without the local Rekognition."""
    with EmbeddedCloud.start(tmp_path_factory.mktemp("embedded"), rekognition=False) as started:
        yield started
