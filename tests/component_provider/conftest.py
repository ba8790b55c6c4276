"""The functions' zips are stand-ins here, as for the program's own tests."""

from collections.abc import Iterator

import pytest

from components.packaging import Package
from tests.recording import recorded_packages


@pytest.fixture
def packages() -> Iterator[list[Package]]:
    """The packages that a test's programs ask for."""
    with recorded_packages() as asked:
        yield asked
