"""A real server on a free port, a boto3 client whose every answer is held against the service model."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from typing import Any
from urllib.request import Request, urlopen

import boto3
import pytest
from botocore.config import Config
from botocore.validate import ParamValidator
from mypy_boto3_rekognition import RekognitionClient

from rekognition_local.errors import InvalidS3ObjectError
from rekognition_local.server import LocalRekognition, Options
from rekognition_local.wire import check_answer

START_TIMEOUT_S = 60
TOKEN = "of-the-owner"


class MemoryReader:
    """S3 objects in memory; `gate`, when set, holds every read until it is opened."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str, str | None], bytes] = {}
        self.reads: list[tuple[str, str, str | None]] = []
        self.failures: list[Exception] = []
        self.gate: threading.Event | None = None
        self.reading = threading.Event()

    def read(self, bucket: str, key: str, version: str | None) -> bytes:
        """Return the object, or raise the service's error."""
        self.reads.append((bucket, key, version))
        self.reading.set()
        if self.gate is not None and not self.gate.wait(START_TIMEOUT_S):
            raise TimeoutError("the test never opened the gate")
        if self.failures:
            raise self.failures.pop(0)
        if (bucket, key, version) not in self.objects:
            raise InvalidS3ObjectError
        return self.objects[bucket, key, version]


class Control:
    """The control plane of a server."""

    def __init__(self, url: str, token: str = TOKEN) -> None:
        self._url = f"{url}/_rekognition_local"
        self._headers = {"X-Rekognition-Local-Token": token}

    def request(self, method: str, path: str, document: Any = None) -> Any:
        """Send JSON, give JSON; raises HTTPError."""
        body = None if document is None else json.dumps(document).encode()
        request = Request(f"{self._url}/{path}", body, self._headers, method=method)
        with urlopen(request, timeout=START_TIMEOUT_S) as answer:
            return json.load(answer)

    def put_rules(self, *rules: dict[str, Any]) -> None:
        """Replace the rules."""
        self.request("PUT", "rules", list(rules))

    def calls(self) -> dict[str, Any]:
        """Return the counts."""
        counts: dict[str, Any] = self.request("GET", "calls")
        return counts


@pytest.fixture(scope="session")
def start_server() -> Iterator[Callable[..., LocalRekognition]]:
    """Yield a function that starts servers in threads; they end with the session."""
    running: list[tuple[LocalRekognition, threading.Thread]] = []

    def start(
        options: Options | None = None, reader: MemoryReader | None = None, patience_s: float = START_TIMEOUT_S
    ) -> LocalRekognition:
        options = replace(options or Options(), token=TOKEN, patience_s=patience_s)
        server = LocalRekognition(options, (reader or MemoryReader()).read)
        thread = threading.Thread(target=server.run, name="rekognition_local")
        thread.start()
        running.append((server, thread))
        server.wait_until_ready(START_TIMEOUT_S)
        return server

    yield start
    for server, thread in running:
        server.stop()
        thread.join(START_TIMEOUT_S)
        assert not thread.is_alive()


@pytest.fixture(scope="session")
def reader() -> MemoryReader:
    """Return the S3 of the shared server."""
    return MemoryReader()


@pytest.fixture(scope="session")
def server(start_server: Callable[..., LocalRekognition], reader: MemoryReader) -> LocalRekognition:
    """Return a server for all tests that need no other options."""
    return start_server(reader=reader)


@pytest.fixture
def control(server: LocalRekognition, reader: MemoryReader) -> Iterator[Control]:
    """Yield the shared server's control plane, reset before and after."""
    plane = Control(server.url)
    plane.request("POST", "reset")
    yield plane
    plane.request("POST", "reset")
    reader.__init__()  # type: ignore[misc]  # the server keeps this object: empty it in place


@pytest.fixture(scope="session")
def make_client() -> Iterator[Callable[[str], RekognitionClient]]:
    """Yield a function that makes clients without retries, whose answers are checked."""
    clients: list[RekognitionClient] = []

    @cache
    def make(url: str) -> RekognitionClient:
        client: RekognitionClient = boto3.client(
            "rekognition",
            endpoint_url=url,
            region_name="eu-central-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}, read_timeout=120, max_pool_connections=20),
        )
        client.meta.events.register("after-call.rekognition", _assert_answer_fits_model)
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def rekognition(server: LocalRekognition, make_client: Callable[[str], RekognitionClient]) -> RekognitionClient:
    """Return a client of the shared server, which remembers the last pictures unless the test takes `control`."""
    return make_client(server.url)


def _assert_answer_fits_model(http_response: Any, parsed: dict[str, Any], model: Any, **_: Any) -> None:
    assert http_response.headers["x-amzn-RequestId"]
    assert http_response.headers["Content-Type"] == "application/x-amz-json-1.1"
    if http_response.status_code == 200:
        raw = json.loads(http_response.content)
        check_answer(raw, model.output_shape, model.name)
        members = {name: value for name, value in parsed.items() if name != "ResponseMetadata"}
        report = ParamValidator().validate(members, model.output_shape)
        assert not report.has_errors(), report.generate_report()
        assert set(members) == set(raw), "botocore has lost a member of the answer"
