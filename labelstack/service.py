"""A client of one deployed stack: upload pictures, wait for their results, delete them.

Progress comes as events, so that a terminal, a program and a test can each show it in their way.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from handlers.results.codes import Status
from handlers.results.document import Result
from handlers.results.query import Query
from handlers.results.search import Page
from labelstack.uploads import LocalPicture, key_problem

TERMINAL = frozenset({Status.LABELED, Status.REJECTED, Status.FAILED})

FIRST_LOOK_S = 0.05
LONGEST_LOOK_S = 1.0
BACK_OFF = 1.5
DEFAULT_WORKERS = 8


class Results(Protocol):
    """The read side of a stack: its API, or its table."""

    def get(self, key: str) -> Result | None:
        """Return the stored result of a key, a tombstone (status DELETED), or None."""

    def get_many(self, picture_keys: Iterable[str]) -> Mapping[str, Result]:
        """Return several results; keys without a result are absent."""

    def list_images(self, limit: int = 20, cursor: str | None = None, status: Status | None = None) -> Page:
        """Return a page of results, newest first."""

    def search(self, query: Query, limit: int = 20, cursor: str | None = None) -> Page:
        """Return a page of labelled pictures that match."""

    def label_counts(self) -> dict[str, int]:
        """Count the pictures of each label."""


@dataclass(frozen=True)
class Uploaded:
    """S3 has taken a picture.

    Attributes:
        version_id: None in a bucket without versions.
        etag: Without quotes.
        at_s: When, on the client's monotonic clock.
    """

    picture: LocalPicture
    version_id: str | None
    etag: str
    at_s: float


@dataclass(frozen=True)
class NotUploaded:
    """A picture could not be read or S3 has refused it."""

    picture: LocalPicture
    reason: str


@dataclass(frozen=True)
class Finished:
    """Exactly the version that was uploaded has reached a terminal state."""

    uploaded: Uploaded
    result: Result
    seconds: float


@dataclass(frozen=True)
class TimedOut:
    """An uploaded version without a terminal state.

    Attributes:
        latest: The table's current result for the key, if any.
    """

    uploaded: Uploaded
    latest: Result | None
    seconds: float


UploadEvent = Uploaded | NotUploaded | Finished | TimedOut


class LabelService:
    """Uploads to, reads from and deletes in one stack.

    Args:
        s3: A boto3 S3 client.
        bucket: The stack's upload bucket.
        results: The read side of the stack's table.
        clock: Monotonic seconds.
        sleep: Waits so many seconds.
    """

    def __init__(
        self,
        s3: Any,
        bucket: str,
        results: Results,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._s3 = s3
        self._bucket = bucket
        self.results = results
        self._clock = clock
        self._sleep = sleep

    def upload(
        self, pictures: Sequence[LocalPicture], *, wait_s: float | None = None, workers: int = DEFAULT_WORKERS
    ) -> Iterator[UploadEvent]:
        """Upload in parallel; with `wait_s`, wait for the results until none has come for so long.

        Every picture gives one Uploaded or NotUploaded and, when waiting, each Uploaded one Finished or TimedOut.
        """
        pool = ThreadPoolExecutor(workers, thread_name_prefix="upload")
        try:
            uploads = {pool.submit(self._put, picture) for picture in pictures}
            yield from self._follow(uploads, wait_s)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _follow(self, uploads: set[Future[Uploaded | NotUploaded]], wait_s: float | None) -> Iterator[UploadEvent]:
        waiting: dict[str, Uploaded] = {}
        pause_s = FIRST_LOOK_S
        next_look_s = 0.0
        news_s = self._clock()
        while uploads or waiting:
            if uploads:
                done, uploads = wait(uploads, timeout=pause_s if waiting else None, return_when=FIRST_COMPLETED)
                for future in done:
                    event = future.result()
                    yield event
                    if wait_s is not None and isinstance(event, Uploaded):
                        waiting[event.picture.key] = event
            else:
                self._sleep(pause_s)
            if wait_s is not None and waiting and self._clock() >= next_look_s:
                news = list(self._look(waiting, wait_s, news_s))
                yield from news
                if any(isinstance(event, Finished) for event in news):
                    news_s = self._clock()
                pause_s = FIRST_LOOK_S if news else min(pause_s * BACK_OFF, LONGEST_LOOK_S)
                next_look_s = self._clock() + pause_s

    def _look(self, waiting: dict[str, Uploaded], wait_s: float, news_s: float) -> Iterator[Finished | TimedOut]:
        """Yield results, and uploads without one for which no news has come for too long."""
        results = self.results.get_many(list(waiting))
        now = self._clock()
        for key, uploaded in list(waiting.items()):
            result = results.get(key)
            seconds = now - uploaded.at_s
            if result is not None and _is_result_of(uploaded, result):
                del waiting[key]
                yield Finished(uploaded, result, seconds)
            elif now - max(uploaded.at_s, news_s) >= wait_s:
                del waiting[key]
                yield TimedOut(uploaded, result, seconds)

    def _put(self, picture: LocalPicture) -> Uploaded | NotUploaded:
        if problem := key_problem(picture.key):
            return NotUploaded(picture, problem)
        try:
            with picture.path.open("rb") as body:
                answer = self._s3.put_object(
                    Bucket=self._bucket, Key=picture.key, Body=body, ContentType=picture.content_type
                )
        except OSError as error:
            return NotUploaded(picture, f"the file cannot be read: {error.strerror or error}")
        except (ClientError, BotoCoreError) as error:
            return NotUploaded(picture, f"S3 did not take it: {error}")
        return Uploaded(picture, answer.get("VersionId"), str(answer["ETag"]).strip('"'), self._clock())

    def find(self, key: str, prefix: str = "") -> str | None:
        """Return the key of a picture or result that is there: `key`, else `prefix` + `key`."""
        for candidate in filter(None, dict.fromkeys([key, prefix + key])):
            if self._object_exists(candidate):
                return candidate
            result = self.results.get(candidate)
            if result is not None and result["status"] != Status.DELETED:
                return candidate
        return None

    def keys_below(self, folder: str) -> list[str]:
        """Return the keys of the objects that begin so."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=folder)
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def _object_exists(self, key: str) -> bool:
        try:
            self._s3.head_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                return False
            raise
        return True

    def delete(self, keys: Sequence[str]) -> None:
        """Delete objects; in a versioned bucket a delete marker hides their versions."""
        with ThreadPoolExecutor(DEFAULT_WORKERS, thread_name_prefix="delete") as pool:
            list(pool.map(lambda key: self._s3.delete_object(Bucket=self._bucket, Key=key), keys))

    def wait_until_gone(self, keys: Sequence[str], timeout_s: float) -> list[str]:
        """Wait until none of the keys has a result; return the keys that still have one when the time is over."""
        left = list(keys)

        def none_is_left() -> bool:
            results = self.results.get_many(left)
            left[:] = [key for key in left if key in results and results[key]["status"] != Status.DELETED]
            return not left

        until(none_is_left, timeout_s, self._clock, self._sleep)
        return left


def until(
    done: Callable[[], bool],
    timeout_s: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """Poll until something is done, less and less often; return whether it was done in time."""
    deadline = clock() + timeout_s
    pause_s = FIRST_LOOK_S
    while not done():
        if clock() >= deadline:
            return False
        sleep(pause_s)
        pause_s = min(pause_s * BACK_OFF, LONGEST_LOOK_S)
    return True


def _is_result_of(uploaded: Uploaded, result: Result) -> bool:
    if result["status"] not in TERMINAL:
        return False
    if uploaded.version_id is not None:
        return result.get("versionId") == uploaded.version_id
    return (result.get("etag") or "").strip('"') == uploaded.etag
