"""The real backend, as far as it decides anything itself."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from labelstack.cli.backend import LocalBackend
from labelstack.engines.automation import record
from labelstack.engines.automation.record import Record
from labelstack.errors import CloudNotRunningError
from tests.labelstack.cli.fakes import FakeCloud, FakeResults, FakeS3


class Info(http.server.BaseHTTPRequestHandler):
    """LocalStack's answer about itself."""

    def do_GET(self) -> None:  # the name is http.server's
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"version": "4.14.0", "session_id": "one"}')

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    """A LocalStack as far as it tells about itself."""
    with http.server.HTTPServer(("127.0.0.1", 0), Info) as listening:
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()
        thread.join()


def connect(folder: Path) -> str | None:
    return LocalBackend().connect("localstack", folder, region=None, profile=None).endpoint_url


def test_a_localstack_that_answers_is_connected_to(
    server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    assert connect(tmp_path) == server


def test_a_localstack_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with socket.socket() as taken:  # bound, but nobody listens
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(CloudNotRunningError, match=r"no LocalStack answers.*AWS_ENDPOINT_URL"):
            connect(tmp_path)


def test_where_no_embedded_cloud_runs_that_is_told(tmp_path: Path) -> None:
    with pytest.raises(CloudNotRunningError, match="labelstack up"):
        LocalBackend().connect("embedded", tmp_path, region=None, profile=None)


def test_what_either_engine_has_deployed_is_found(tmp_path: Path) -> None:
    cloud = FakeCloud(FakeS3(FakeResults()))
    backend = LocalBackend()
    assert backend.deployed_by(cloud, tmp_path, "local") is None

    Record(cloud.instance, {"uploadBucket": "b"}).write(record.file_of(tmp_path / "pulumi", "local"))

    assert backend.deployed_by(cloud, tmp_path, "local") == "pulumi"
    assert backend.recorded_outputs(cloud, tmp_path, "local") == {"uploadBucket": "b"}
    cloud.instance = "another"  # it has lost everything
    assert backend.deployed_by(cloud, tmp_path, "local") is None
    assert backend.recorded_outputs(cloud, tmp_path, "local") is None
