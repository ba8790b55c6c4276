"""Rekognition's requests pass through ministack."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from labelstack.clouds.rekognition_route import LocalRekognition

HEADERS = {"x-amz-target": "RekognitionService.DetectLabels", "content-type": "application/x-amz-json-1.1"}


class Server(BaseHTTPRequestHandler):
    """Answers with the request; `hang` waits until the test ends, `leave` closes without an answer."""

    protocol_version = "HTTP/1.1"
    ended = threading.Event()

    def do_POST(self) -> None:
        """Answer as Rekognition refuses a picture."""
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        self.close_connection = True
        if body == "hang":
            self.ended.wait()
        if body in ("hang", "leave"):
            return
        answer = json.dumps({"target": self.headers["x-amz-target"], "body": body}).encode()
        self.send_response(400)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("x-amzn-errortype", "InvalidImageFormatException")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def route(tmp_path: Path) -> Iterator[LocalRekognition]:
    """Yield a route to a server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        ready = tmp_path / "ready.json"
        ready.write_text(json.dumps({"url": f"http://127.0.0.1:{server.server_port}"}))
        yield LocalRekognition(ready)
        Server.ended.set()
        server.shutdown()
        thread.join()
    Server.ended.clear()


async def ask(route: LocalRekognition, body: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send one request; return its answer."""
    return await route.handle("POST", "/", HEADERS, body, {})


def test_answers_pass_through_whole(route: LocalRekognition) -> None:
    status, headers, body = asyncio.run(ask(route, b"picture"))

    assert status == 400
    assert headers == {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amzn-Errortype": "InvalidImageFormatException",
    }
    assert json.loads(body) == {"target": "RekognitionService.DetectLabels", "body": "picture"}


def test_requests_that_hang_do_not_keep_others_waiting(route: LocalRekognition) -> None:
    async def many() -> int:
        hanging = [asyncio.create_task(ask(route, b"hang")) for _ in range(100)]
        status, _, _ = await asyncio.wait_for(ask(route, b"picture"), 10)
        for task in hanging:
            task.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)
        return status

    assert asyncio.run(many()) == 400


def test_a_closed_connection_is_an_error_of_the_server(route: LocalRekognition) -> None:
    status, _, body = asyncio.run(ask(route, b"leave"))

    assert (status, json.loads(body)["__type"]) == (500, "InternalServerError")


def test_no_local_rekognition_is_an_error_of_the_server(tmp_path: Path) -> None:
    status, _, body = asyncio.run(ask(LocalRekognition(tmp_path / "missing.json"), b""))

    assert (status, json.loads(body)["__type"]) == (500, "InternalServerError")
