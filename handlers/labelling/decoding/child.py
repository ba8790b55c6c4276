"""The process that decodes pictures for the function: one after the other, within limits that the system enforces.

A request is a line of JSON (`format`, `sizeBytes`, for previews `sidesPx`, `facts` for those alone) and the file. An
answer is a line of JSON (`width`, `height`, `capture` of a conversion and `sizesBytes`, or `code`, `detail`) and the
files. A picture that exceeds a limit ends the process.
"""

from __future__ import annotations

import io
import json
import logging
import math
import os
import resource
import sys
import time
import warnings
from typing import Any, Final

from ..errors import PictureRejectedError
from . import Answer
from .conversion import Allow, convert, facts, previews

_SECONDS_PER_MEGAPIXEL: Final = 0.1
"""Twice what the most expensive format takes on a slow machine (`make bench`)."""
_MAX_SECONDS: Final = 15


def main(max_pixels: int, memory_mb: int, seconds: float) -> None:
    """Answer requests until there are no more.

    `seconds` is the processor time that a picture may take beside what its size allows.
    """
    # Not the address space: allocators reserve much of it that they never use.
    _limit(resource.RLIMIT_DATA, memory_mb * 1024 * 1024)
    _limit(resource.RLIMIT_CORE, 0)
    # Pillow's and libtiff's of each damaged row: the answer says so, and the function's log costs.
    warnings.simplefilter("ignore")
    logging.disable()
    sys.stderr = os.fdopen(os.dup(2), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    requests, answers = sys.stdin.buffer, sys.stdout.buffer

    def allow(pixels: int) -> None:
        """Limit the process to so many more seconds of processor time, rounded up. Then the system kills it."""
        more_s = min(_MAX_SECONDS, seconds + pixels / 1e6 * _SECONDS_PER_MEGAPIXEL)
        _limit(resource.RLIMIT_CPU, math.ceil(time.process_time() + more_s))

    try:
        while line := requests.readline():
            allow(0)
            request = json.loads(line)
            # The bytes have no other name, so that they can be changed without a copy.
            answer, files = answered(request, io.BytesIO(requests.read(request["sizeBytes"])), max_pixels, allow)
            line = json.dumps({**answer, "sizesBytes": [*map(len, files)]}, default=float).encode()
            answers.write(line + b"\n" + b"".join(files))
            answers.flush()
    except MemoryError:
        # As allocators end it that get none.
        os.abort()
    except BrokenPipeError:
        # The function has ended.
        return


def answered(request: Any, stream: io.BytesIO, max_pixels: int, allow: Allow) -> Answer:
    """Return the answer to a request about a file, and its files."""
    name = request["format"]
    try:
        if "sidesPx" in request:
            return {}, previews(stream, name, request["sidesPx"], max_pixels, allow)
        if "facts" in request:
            return {"capture": facts(stream, name, max_pixels)}, []
        copy = convert(stream, name, max_pixels, allow)
        return {"width": copy.width, "height": copy.height, "capture": copy.capture}, [copy.jpeg]
    except PictureRejectedError as error:
        return {"code": error.code, "detail": error.detail}, []


def _limit(what: int, value: int) -> None:
    """Set a limit, unless the one that nobody may raise is lower."""
    highest = resource.getrlimit(what)[1]
    resource.setrlimit(what, (value if highest == resource.RLIM_INFINITY else min(value, highest), highest))
