"""Sources whose functions have no dependencies, so that no build needs pip, and arguments that components share."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.recording import ACCOUNT, PROJECT, REGION

PACKAGES = (
    *("process_image", "record_failure", "pause_pipeline", "workflow", "labelling", "results", "environment"),
    "make_previews",
    *("api", "api_upload_url", "api_results", "api_delete"),
)


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the components' sources of functions, and the contract. Tests leave it unchanged."""
    top = tmp_path_factory.mktemp("sources")
    for package in PACKAGES:
        folder = top / "handlers" / package
        folder.mkdir(parents=True)
        (folder / "__init__.py").touch()
        (folder / "requirements.txt").write_text("# nothing\n")
    (top / "handlers" / "__init__.py").touch()
    (top / "api").mkdir()
    shutil.copy(PROJECT / "api" / "openapi.yaml", top / "api")
    return top


@pytest.fixture
def source_dir(sources: Path, tmp_path: Path) -> Path:
    """Return a copy for a test that changes it."""
    return shutil.copytree(sources, tmp_path, dirs_exist_ok=True)


@pytest.fixture(scope="session")
def pipeline_arguments(sources: Path) -> dict[str, Any]:
    """Return the arguments of both pipelines, except the `service`."""
    return {
        "source_dir": sources,
        "bucket": {"name": "pictures", "arn": "arn:aws:s3:::pictures"},
        "table": {"name": "results", "arn": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/results"},
        "detectors": ["labels", "faces"],
        "max_labels": 12,
        "min_confidence": 72.5,
        "image_properties": False,
        "rekognition_tps": 30,
        "rekognition_timeout_seconds": 10,
        "retry_base_delay_seconds": 5,
        "cache_days": 30,
        "batch_size": 10,
        "max_receive_count": 6,
        "runtime": "python3.13",
        "architecture": "arm64",
        "memory_mb": 1024,
        "timeout_seconds": 60,
        "log_retention_days": 14,
        "log_level": "INFO",
    }
