"""The process: sockets, threads, start and end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import secrets
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

import boto3
import cv2
import uvicorn
from botocore.config import Config

from rekognition_local.analysis import Analyzer, Models
from rekognition_local.app import Services, build_app
from rekognition_local.call_queue import CallQueue
from rekognition_local.door import ANY_ADDRESS, Access
from rekognition_local.errors import ConfigurationError
from rekognition_local.rules import RuleBook, read_rules
from rekognition_local.sources import ImageSource, ReadObject, read_object
from rekognition_local.throttle import Throttle
from rekognition_local.vision.classifier import Classifier
from rekognition_local.wire import session

# Detectors release the interpreter's lock; more threads than processors gain nothing.
VISION_THREADS = max(1, min(4, os.cpu_count() or 1))
DOWNLOAD_THREADS = 8
# Enough that no thread waits for work. More would only take longer, and all of them at the same time.
CALLS_AT_ONCE = 2 * VISION_THREADS + 2
GRACE_S = 1


@dataclass(frozen=True)
class Options:
    """Options of a server; `port` 0 takes a free one. Times and rates have the units of their names.

    `token` opens the control plane; without it the server makes one and writes it into the ready file. `hosts` are
    names besides this machine's own by which the server is reached.
    """

    host: str = "127.0.0.1"
    port: int = 0
    s3_endpoint: str | None = None
    model: Path | None = None
    classes: Path | None = None
    rules: Path | None = None
    calls_per_second: float | None = None
    delay_ms: int = 0
    ready_file: Path | None = None
    token: str | None = None
    hosts: frozenset[str] = frozenset()
    # Well below the time after which clients give up: the stack's `rekognitionTimeoutSeconds` is 10.
    patience_s: float = 5.0


class LocalRekognition:
    """A server: `run` blocks until `stop` (or SIGTERM, SIGINT when it runs in the main thread)."""

    def __init__(self, options: Options, read: ReadObject | None = None) -> None:
        """Read model and rules and bind the port. Raises ConfigurationError."""
        self._options = options
        self._token = options.token or secrets.token_hex(20)
        self._vision = ThreadPoolExecutor(VISION_THREADS, thread_name_prefix="vision")
        self._downloads = ThreadPoolExecutor(DOWNLOAD_THREADS, thread_name_prefix="download")
        rules = RuleBook()
        if options.rules is not None:
            rules.replace(read_rules(options.rules))
        models = Models(classifier=_classifier(options))
        # Beside the rest of the start: it takes a third of a second, and the first call may come sooner.
        self._vision.submit(models.objects.load)
        analyzer = Analyzer(self._vision, models)
        source = ImageSource(analyzer, read or partial(read_object, _s3_client(options)), self._downloads)
        is_everywhere = options.host in ("0.0.0.0", "::")
        services = Services(
            source=source,
            throttle=Throttle(options.calls_per_second, monotonic),
            queue=CallQueue(CALLS_AT_ONCE, options.patience_s),
            rules=rules,
            delay_s=options.delay_ms / 1000,
            models=models,
            access=Access(self._token, options.hosts | {ANY_ADDRESS if is_everywhere else options.host.lower()}),
        )
        self._socket = _bind(options)
        self.host, self.port = self._socket.getsockname()[:2]
        config = uvicorn.Config(
            build_app(services), log_config=None, access_log=False, timeout_graceful_shutdown=GRACE_S, lifespan="off"
        )
        self._server = _Server(config, self._announce, services.closing)
        self._started = threading.Event()

    @property
    def url(self) -> str:
        """Return the server's address."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def run(self) -> None:
        """Serve until another thread stops the server."""
        # Each detector is one task of the pool; OpenCV's own threads on top would only fight for processors.
        cv2.setNumThreads(1)
        try:
            asyncio.run(self._serve())
        finally:
            self._socket.close()
            self._vision.shutdown(wait=False, cancel_futures=True)
            self._downloads.shutdown(wait=False, cancel_futures=True)

    def wait_until_ready(self, timeout_s: float) -> None:
        """Block until the server answers; for a server that runs in another thread. Raises TimeoutError."""
        if not self._started.wait(timeout_s):
            raise TimeoutError(f"The local Rekognition did not start within {timeout_s} s")

    def stop(self) -> None:
        """Stop the server: calls that hang end now, others within a second. May be called from any thread."""
        self._server.should_exit = True

    async def _serve(self) -> None:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().add_signal_handler(number, self.stop)
        await self._server.serve(sockets=[self._socket])

    def _announce(self) -> None:
        """Wake the threads that wait for the server."""
        self._started.set()
        logging.getLogger("rekognition_local").info("listening on %s", self.url)
        if self._options.ready_file is not None:
            document = {"port": self.port, "pid": os.getpid(), "url": self.url, "token": self._token}
            unfinished = self._options.ready_file.with_name(self._options.ready_file.name + ".part")
            unfinished.unlink(missing_ok=True)
            # The token is for the owner of the file alone.
            with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                json.dump(document, file)
            unfinished.replace(self._options.ready_file)


class _Server(uvicorn.Server):
    """uvicorn, saying when it is ready, and leaving signals to `LocalRekognition`: it would raise them again."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[], None], closing: asyncio.Event) -> None:
        super().__init__(config)
        self._announce = announce
        self._closing = closing

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._announce()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._closing.set()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _bind(options: Options) -> socket.socket:
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    # The protocol is named: asyncio turns off Nagle's algorithm only then, and without that each answer takes 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((options.host, options.port))
        listener.listen(256)
    except OSError as error:
        listener.close()
        raise ConfigurationError(f"--host {options.host} --port {options.port} cannot be bound: {error}") from error
    return listener


def _classifier(options: Options) -> Classifier | None:
    if options.model is None and options.classes is None:
        return None
    if options.model is None or options.classes is None:
        raise ConfigurationError("--model and --classes belong together: give both or neither")
    return Classifier(options.model, options.classes)


def _s3_client(options: Options) -> Any:
    """Return a client of S3 by boto3's standard variables.

    Emulators have no host name per bucket, so they get paths.
    """
    endpoint = options.s3_endpoint or os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    config = Config(
        connect_timeout=3,
        read_timeout=10,
        retries={"total_max_attempts": 2, "mode": "standard"},
        max_pool_connections=DOWNLOAD_THREADS,
        s3={"addressing_style": "path" if endpoint else "auto"},
    )
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    clients: Any = boto3.Session(botocore_session=session(), region_name=region)  # the stubs know services as literals
    return clients.client("s3", endpoint_url=endpoint, config=config)
