"""Calling Rekognition: within the quota, until the deadline, and again after what passes."""

from __future__ import annotations

import math
import random
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, NoCredentialsError, ReadTimeoutError

from ..results import table
from ..results.codes import Code
from .detectors import OPERATIONS, Detector
from .errors import (
    LabellingError,
    ObjectGoneError,
    PictureRejectedError,
    RekognitionDeniedError,
    RekognitionServerError,
    RekognitionThrottledError,
    RekognitionTimeoutError,
)
from .events import Deadline
from .metrics import Metric, Metrics
from .s3_objects import ConvertedObject, StoredObject

if TYPE_CHECKING:
    from mypy_boto3_rekognition import RekognitionClient

_FIRST_PAUSE_S: Final = 0.25
_LONGEST_PAUSE_S: Final = 8.0
# Throttling passes by waiting. A call that breaks or hangs three times in a row is left to the queue, which waits
# longer and lets the other pictures go on.
_MOST_BROKEN: Final = 3
_USUAL_CALL_S: Final = 0.3
_BESIDE_CALL_S: Final = 0.5
"""Seconds to read a picture and to write its result."""
_LONGEST_CALL_S: Final = 1.5
"""A service that takes longer is overloaded: more pictures at once would make it no faster."""
_SMOOTHING: Final = 0.1
"""Weight of the latest call in what calls take."""
_REJECTIONS: Final = {
    "InvalidImageFormatException": Code.IMAGE_DAMAGED,
    "ImageTooLargeException": Code.IMAGE_TOO_LARGE_BYTES,
}
_ERRORS: Final[Mapping[str, type[LabellingError]]] = {
    "InvalidS3Object": ObjectGoneError,
    "Throttl(ing|ed)|SlowDown|TooManyRequests": RekognitionThrottledError,
    "(Request)?LimitExceeded|ProvisionedThroughputExceeded": RekognitionThrottledError,
    "AccessDenied|NotAuthorized|OptInRequired|UnrecognizedClient|InvalidClientTokenId": RekognitionDeniedError,
    "ExpiredToken|(Incomplete|Invalid)Signature|MissingAuthenticationToken": RekognitionDeniedError,
}
"""By patterns of the codes, which AWS writes with and without "Exception" at the end."""
_BY_STATUS: Final = {429: RekognitionThrottledError, 401: RekognitionDeniedError, 403: RekognitionDeniedError}
Detect = Callable[[Detector, Mapping[str, Any], StoredObject, Deadline], Mapping[str, Any]]
"""A call of a detector with its parameters: the operation's answer, after as many tries as the deadline allows.

Raises PictureRejectedError, ObjectGoneError (Rekognition cannot get the object) and TransientError.
"""


def client_config(timeout_s: float, connections: int) -> Config:
    """Return how the Rekognition client is built: it never tries again by itself."""
    return table.client_config(connections, connect_timeout_s=timeout_s, read_timeout_s=timeout_s, attempts=1)


@dataclass(frozen=True)
class SingleCalls:
    """Calls Rekognition once each time, and counts it. To call again is the workflow's business.

    Pictures go by their S3 reference, or as bytes where they were converted.
    """

    client: RekognitionClient
    metrics: Metrics

    def detect(
        self, detector: Detector, parameters: Mapping[str, Any], stored: StoredObject, deadline: Deadline
    ) -> Mapping[str, Any]:
        """Call the operation; see `Detect`."""
        image: dict[str, Any] = {"S3Object": {"Bucket": stored.bucket, "Name": stored.key}}
        if stored.version_id:
            image["S3Object"]["Version"] = stored.version_id
        if isinstance(stored, ConvertedObject):
            image = {"Bytes": stored.jpeg}
        operation = OPERATIONS[detector]
        self.metrics.add(Metric.REKOGNITION_CALLS)
        try:
            call: Callable[..., Mapping[str, Any]] = getattr(self.client, xform_name(operation))
            return call(**parameters, Image=image)
        except ClientError as error:
            translated = _translated(error)
            if isinstance(translated, RekognitionThrottledError):
                self.metrics.add(Metric.REKOGNITION_THROTTLES)
            raise translated from error
        except (ReadTimeoutError, ConnectTimeoutError) as error:
            raise RekognitionTimeoutError(f"{operation} did not answer in time: {error}") from error
        except NoCredentialsError as error:
            raise RekognitionDeniedError(str(error)) from error
        except BotoCoreError as error:
            raise RekognitionServerError(f"{operation}: {error}") from error


@dataclass
class PacedCalls:
    """Calls Rekognition within the quota: each operation has its own token bucket, and retries pause with full jitter.

    It waits for a token or a retry only if the call would end before the deadline even when it times out. A first call
    without a wait is allowed until the deadline, so that a function with a short time-out makes progress.
    """

    call: Detect
    buckets: Mapping[Detector, TokenBucket]
    timeout_s: float
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.random
    _call_s: float = _USUAL_CALL_S

    def pictures_at_once(self) -> float:
        """Return how many pictures under way use the quota up: those that begin while one is on its way (Little)."""
        rate = max(bucket.calls_per_second for bucket in self.buckets.values())
        return rate * (min(self._call_s, _LONGEST_CALL_S) + _BESIDE_CALL_S)

    def detect(
        self, detector: Detector, parameters: Mapping[str, Any], stored: StoredObject, deadline: Deadline
    ) -> Mapping[str, Any]:
        """Call the operation until retrying does not help; see `Detect`."""
        bucket = self.buckets[detector]
        attempt = broken = 0
        while True:
            remaining_s = deadline.remaining_s
            if remaining_s < 0 or not bucket.take(max(0.0, remaining_s - self.timeout_s)):
                raise RekognitionThrottledError(f"no token for {OPERATIONS[detector]} before the deadline")
            started_s = deadline.clock()
            try:
                answer = self.call(detector, parameters, stored, deadline)
                # Threads may overwrite each other's: an average does not mind.
                self._call_s += _SMOOTHING * (deadline.clock() - started_s - self._call_s)
                return answer
            except (RekognitionThrottledError, RekognitionServerError, RekognitionTimeoutError) as error:
                self._call_s /= 2  # for any duration: an overloaded service first gets fewer calls at once
                if isinstance(error, RekognitionThrottledError):
                    bucket.empty()
                else:
                    broken += 1
                pause_s = self.jitter() * min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2**attempt)
                if broken == _MOST_BROKEN or pause_s + self.timeout_s > deadline.remaining_s:
                    raise
                self.sleep(pause_s)
                attempt += 1


@dataclass
class TokenBucket:
    """Gives `calls_per_second` tokens on average, at most one second's worth (one token at least) at once.

    Each instance of the function has its share of the quota, so that together they keep to it. Thread-safe.
    """

    calls_per_second: float
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _next_at: float = -math.inf
    """The time of the next token; it lies in the past while tokens are saved."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, at_most_s: float) -> bool:
        """Wait for a token and take it; False, at once and without one, if it is more than `at_most_s` away."""
        with self._lock:
            now = self.clock()
            next_at = max(self._next_at, now - max(0.0, 1 - 1 / self.calls_per_second))
            wait_s = max(0.0, next_at - now)
            if wait_s > at_most_s:
                return False
            self._next_at = next_at + 1 / self.calls_per_second
        if wait_s:
            self.sleep(wait_s)
        return True

    def empty(self) -> None:
        """Drop the tokens that are saved: the service said that the quota is used up."""
        with self._lock:
            self._next_at = max(self._next_at, self.clock() + 1 / self.calls_per_second)


def _translated(error: ClientError) -> LabellingError:
    code = error.response["Error"].get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _REJECTIONS:
        return PictureRejectedError(_REJECTIONS[code])
    known = (kind for codes, kind in _ERRORS.items() if re.fullmatch(f"({codes})(Exception)?", code))
    return next(known, _BY_STATUS.get(status, RekognitionServerError))(str(error))
