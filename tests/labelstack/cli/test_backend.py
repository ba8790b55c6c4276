"""The real backend, as far as it decides anything itself."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from labelstack.cli.backend import Backend
from labelstack.engines.automation import record
from labelstack.engines.automation.record import Record
from labelstack.errors import CloudNotRunningError
from tests.labelstack.cli.fakes import FakeCloud, FakeResults, FakeS3


def connect(folder: Path) -> str | None:
    return Backend().connect("localstack", folder, region=None, profile=None).endpoint_url


def test_a_localstack_that_answers_is_connected_to(
    localstack: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", localstack)
    assert connect(tmp_path) == localstack


def test_a_localstack_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with socket.socket() as taken:  # bound, but not listening
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(CloudNotRunningError, match=r"no LocalStack answers.*AWS_ENDPOINT_URL"):
            connect(tmp_path)


def test_where_no_embedded_cloud_runs_that_is_told(tmp_path: Path) -> None:
    with pytest.raises(CloudNotRunningError, match="labelstack up"):
        Backend().connect("embedded", tmp_path, region=None, profile=None)


def test_what_either_engine_has_deployed_is_found(tmp_path: Path) -> None:
    cloud = FakeCloud(FakeS3(FakeResults()))
    backend = Backend()
    assert backend.recorded(cloud, tmp_path, "local") == (None, None)

    Record(cloud.instance, {"uploadBucket": "b"}).write(record.file_of(tmp_path / "pulumi", "local"))

    assert backend.recorded(cloud, tmp_path, "local") == ("pulumi", {"uploadBucket": "b"})
    cloud.instance = "another"  # it has lost everything
    assert backend.recorded(cloud, tmp_path, "local") == (None, None)
