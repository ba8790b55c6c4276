"""The program without pip: its functions' zips are stand-ins, and what they would hold is recorded."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from components import packaging


@contextmanager
def recorded_packages(folder: Path) -> Iterator[list[packaging.Package]]:
    """The packages that the program asks for, in place of building them."""
    asked: list[packaging.Package] = []

    def build(package: packaging.Package, build_dir: Path) -> Path:
        asked.append(package)
        return folder / f"{Path(package.packages[0]).name}.zip"

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packaging, "build", build)
        yield asked


@pytest.fixture
def packages(tmp_path: Path) -> Iterator[list[packaging.Package]]:
    """The packages that a test's programs ask for."""
    with recorded_packages(tmp_path) as asked:
        yield asked
