"""Sources whose functions have no dependencies, so that no build needs pip, and arguments that components share."""

from pathlib import Path
from typing import Any

import pytest

from tests.recording import ACCOUNT, REGION

PACKAGES = (
    *("process_image", "record_failure", "pause_pipeline", "workflow", "labelling", "results", "environment"),
    "make_previews",
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


@pytest.fixture
def pipeline_arguments(source_dir: Path) -> dict[str, Any]:
    """Return what both pipelines are told, but for the `service`."""
    return {
        "source_dir": source_dir,
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
