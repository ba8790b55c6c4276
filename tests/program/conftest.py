"""The program without pip: its functions' zips are stand-ins, and what they would hold is recorded."""

from pathlib import Path

import pytest

from components import packaging


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[packaging.Package]:
    """The packages that the program asks for, in place of building them."""
    asked: list[packaging.Package] = []

    def build(package: packaging.Package, build_dir: Path) -> Path:
        asked.append(package)
        return tmp_path / f"{Path(package.packages[0]).name}.zip"

    monkeypatch.setattr(packaging, "build", build)
    return asked
