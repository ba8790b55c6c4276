"""Prepares pictures for Rekognition: those that it does not take as they are become copies.

A separate process decodes them, within limits of time and memory, so that the function survives. It stays for further
pictures, and is started again if it has ended. It has neither credentials nor boto3.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from ..results.codes import Code
from ..results.document import Capture
from ..results.item import PictureHeader
from .decoding import Answer, Converted
from .errors import ConversionDelayedError, PictureRejectedError, TransientError
from .events import Deadline
from .metrics import Metric, Metrics
from .s3_objects import ConvertedObject, S3Objects, StoredObject

SECONDS: Final = 2
"""Seconds of processor time for a picture, beside the allowance for its size."""
_ENVIRONMENT: Final = ("PATH", "LD_LIBRARY_PATH", "LANG")
_ALLOCATOR: Final = {"MALLOC_MMAP_THRESHOLD_": "1048576", "MALLOC_ARENA_MAX": "1"}
"""glibc gives what is larger back at once (mallopt(3)); without, it keeps room for the largest picture so far. The
threads of a HEIC decoder share what is smaller."""
_BROKEN: Final = frozenset({signal.SIGKILL, signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS})
"""Signals that end a decoder which got no memory, or crashed on the picture."""
_COPIES_AT_ONCE: Final = 3
"""Copies of at most 5 MB, which boto3 has twice for each operation: while one is made, others are looked at."""
_MAX_FACTS_BYTES: Final = 32 * 1024 * 1024
"""A step of the workflow that converts nothing has room for such a file twice."""


class Decoder:
    """Decodes one picture at a time; not thread-safe."""

    def __init__(self, max_pixels: int, memory_mb: int, seconds: float = SECONDS) -> None:
        """Set the limits: `memory_mb` of the whole process, and `seconds` a picture beside the time for its size."""
        self._arguments = f"{max_pixels}, {memory_mb}, {seconds}"
        self._process: subprocess.Popen[bytes] | None = None
        self.close: Callable[[], object] = lambda: None
        """Stop the process."""

    def convert(self, content: Iterable[bytes], size_bytes: int, name: str, timeout_s: float) -> Converted:
        """Return the picture in a file of this format, as a JPEG for Rekognition (see `decoding.conversion`).

        The parts of `content` are passed on as they come, so that the file's bytes exist once. Raises
        PictureRejectedError, with the code IMAGE_TOO_COSTLY for a picture that exceeds the limits, and
        TransientError when there is no answer in time.
        """
        answer, [jpeg] = self._ask(content, size_bytes, timeout_s, format=name)
        return Converted(jpeg, answer["width"], answer["height"], answer["capture"])

    def capture(self, content: Iterable[bytes], size_bytes: int, name: str, timeout_s: float) -> Capture | None:
        """Return the camera's facts from a file of this format, without decoding a pixel. Raises as `convert` does."""
        capture: Capture | None = self._ask(content, size_bytes, timeout_s, format=name, facts=True)[0]["capture"]
        return capture

    def previews(
        self, content: Iterable[bytes], size_bytes: int, name: str, sides_px: Sequence[int], timeout_s: float
    ) -> list[bytes]:
        """Return the picture as WebP files of these longest sides, the longest first. Raises as `convert` does."""
        return self._ask(content, size_bytes, timeout_s, format=name, sidesPx=sides_px)[1]

    def _ask(self, content: Iterable[bytes], size_bytes: int, timeout_s: float, **request: Any) -> Answer:
        answer, files = self._exchange(content, {**request, "sizeBytes": size_bytes}, timeout_s)
        if "code" in answer:
            raise PictureRejectedError(Code(answer["code"]), answer["detail"])
        return answer, files

    def _exchange(self, content: Iterable[bytes], request: dict[str, Any], timeout_s: float) -> Answer:
        """Return the process's answer; end the process when that takes too long, or the content does not come."""
        process = self._running()
        assert process.stdin
        assert process.stdout
        deadline_s = time.monotonic() + timeout_s
        timer = threading.Timer(max(0.0, min(timeout_s, threading.TIMEOUT_MAX)), process.kill)
        timer.start()
        line = b""
        try:
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.writelines(content)
            process.stdin.flush()
            line = process.stdout.readline()
            if not line:
                raise EOFError
            answer = json.loads(line, parse_float=Decimal)
            return answer, [process.stdout.read(file_bytes) for file_bytes in answer["sizesBytes"]]
        except (BrokenPipeError, EOFError) as error:
            status = process.wait()
            if time.monotonic() >= deadline_s:
                raise TransientError(f"the decoder did not answer within {timeout_s:.1f} s") from error
            if status == -signal.SIGXCPU:
                detail = "Decoding it takes more time than its size explains"
            elif -status in _BROKEN:
                detail = "Decoding it takes more memory than the function has"
            else:
                raise TransientError(f"the decoder ended with status {status}") from error
            raise PictureRejectedError(Code.IMAGE_TOO_COSTLY, detail) from error
        finally:
            timer.cancel()
            if not line:
                self.close()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self.close()
            # The function's own modules are found where it found them.
            code = f"import sys; sys.path[:] = {sys.path!r}; from {__package__}.decoding.child import main"
            process = subprocess.Popen(
                [sys.executable, "-IS", "-c", f"{code}; main({self._arguments})"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=_ALLOCATOR | {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
                # Ctrl-C is for the function, which closes the pipe.
                start_new_session=True,
            )
            self._process, self.close = process, weakref.finalize(self, _stop, process)
        return self._process


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.communicate()


class Preparation:
    """Prepares pictures; thread-safe. One is converted at a time, so that memory bounds a picture and not a batch.

    None is begun in the second half of the function's time, which is for the last one to be converted and looked at.
    """

    def __init__(self, objects: S3Objects, decoder: Decoder, metrics: Metrics) -> None:
        self._objects = objects
        self._decoder = decoder
        self._metrics = metrics
        self._copies = threading.BoundedSemaphore(_COPIES_AT_ONCE)
        self._turn = threading.BoundedSemaphore(1)

    @contextmanager
    def ready(
        self, stored: StoredObject, header: PictureHeader, deadline: Deadline
    ) -> Iterator[tuple[StoredObject, PictureHeader]]:
        """Yield the object to analyse, for all detectors, and its header with all facts known by then.

        Raises PictureRejectedError, ObjectGoneError, StorageError and ConversionDelayedError.
        """
        if not header.converted:
            yield stored, header
            return
        with _turn(self._copies, deadline.halfway):
            with _turn(self._turn, deadline.halfway):
                content = self._objects.read(stored)
                copy = self._decoder.convert(content, stored.size_bytes, header.format, deadline.remaining_s)
            self._metrics.add(Metric.PICTURES_CONVERTED)
            yield (
                ConvertedObject(**vars(stored), jpeg=copy.jpeg),
                PictureHeader(header.format, copy.width, copy.height, True, header.capture or copy.capture),
            )

    def with_facts(self, stored: StoredObject, header: PictureHeader, deadline: Deadline) -> PictureHeader:
        """Return the header with the camera's facts if they lie behind the bytes read so far. Converts nothing.

        Raises PictureRejectedError, ObjectGoneError, StorageError and ConversionDelayedError.
        """
        if header.width is not None or stored.size_bytes > _MAX_FACTS_BYTES:
            return header
        with _turn(self._turn, deadline.halfway):
            content = self._objects.read(stored)
            capture = self._decoder.capture(content, stored.size_bytes, header.format, deadline.remaining_s)
        return replace(header, capture=capture)


@contextmanager
def _turn(free: threading.Semaphore, deadline: Deadline) -> Iterator[None]:
    remaining_s = deadline.remaining_s
    if remaining_s < 0 or not free.acquire(timeout=min(remaining_s, threading.TIMEOUT_MAX)):
        raise ConversionDelayedError("the picture's turn to be converted did not come in time")
    try:
        yield
    finally:
        free.release()
