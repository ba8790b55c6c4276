"""A source folder whose functions have no dependencies, so that building them needs no pip."""

from pathlib import Path

import pytest

PACKAGES = (
    *("process_image", "record_failure", "workflow", "labelling", "results"),
    *("api", "api_upload_url", "api_results", "api_delete"),
)


@pytest.fixture
def source_dir(tmp_path: Path) -> Path:
    """A folder with the packages that the components put into functions."""
    for package in PACKAGES:
        folder = tmp_path / "handlers" / package
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text("")
        (folder / "requirements.txt").write_text("# nothing\n")
    (tmp_path / "handlers" / "__init__.py").write_text("")
    return tmp_path
