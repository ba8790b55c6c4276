"""Runs an ASGI application on a free port of the loopback interface, in a thread."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp


@contextmanager
def served(app: ASGIApp, *, dated: bool = True) -> Iterator[str]:
    """Yield the application's address while the block runs; `dated` says whether its answers have a date."""
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", date_header=dated))
    # The socket listens from here on, so the first request may come before the server runs: it is not refused.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        host, port = listener.getsockname()
        try:
            yield f"http://{host}:{port}"
        finally:
            server.should_exit = True
            thread.join(10)
