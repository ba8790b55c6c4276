"""Deleting, purging and relabelling pictures.

The pipeline removes a result after S3's event, as after any other deletion. Relabelling is a repair.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from itertools import islice
from typing import Final

from ..api.application import Answer, ProblemError, Request
from ..api.fields import checked_key, flag, optional, required
from ..api.storage import Bucket
from ..results.erasure import Erasure
from ..results.keys import iso_ms
from ..results.repair import repair_message

GROUP: Final = "relabel"
"""The messages' group: SQS's fair queues keep many of them behind new uploads, whose events have none."""
PICTURES_AT_ONCE: Final = 10
"""The most pictures that one request deletes of a folder: one request has a few seconds."""


@dataclass(frozen=True)
class Changes:
    """Changes pictures below `prefix`, and nothing else.

    Attributes:
        erasure: None where the API was deployed without the right to purge.
        send: Puts a message into the pipeline's queue; None where the API was deployed without one.
    """

    uploads: Bucket
    prefix: str
    erasure: Erasure | None
    send: Callable[[str], None] | None
    now: Callable[[], datetime]

    def delete_image(self, request: Request) -> Answer:
        """Answer DELETE /images."""
        key, purge = request.parameters({"key": required(checked_key), "purge": optional(False, flag)})
        if purge:
            return self._purge(key)
        self._check(key)
        self.uploads.delete(key)
        return Answer({"key": key, "status": "DELETING"}, HTTPStatus.ACCEPTED)

    def relabel(self, request: Request) -> Answer:
        """Answer POST /relabel."""
        [key] = request.fields({"key": required(checked_key)})
        if self.send is None:
            raise ProblemError("NOT_DEPLOYED", "This API has no pipeline's queue: set it, and deploy again.")
        self._check(key)
        requested_at = iso_ms(self.now())
        self.send(repair_message(self.uploads.name, key, requested_at))
        return Answer({"key": key, "status": "RELABELLING", "requestedAt": requested_at}, HTTPStatus.ACCEPTED)

    def _check(self, key: str) -> None:
        if not key.startswith(self.prefix) or not self.uploads.has(key):
            raise ProblemError("PICTURE_NOT_FOUND")

    def _purge(self, key: str) -> Answer:
        """Take a step in erasing a picture, or a folder (`a/`). The caller repeats it until all is purged."""
        if self.erasure is None:
            raise ProblemError("NOT_DEPLOYED", "This API may not purge: set apiPurge to true, and deploy again.")
        if not key.startswith(self.prefix):
            raise ProblemError("PICTURE_NOT_FOUND")
        if key.endswith("/"):
            keys = list(islice(dict.fromkeys(self.erasure.keys_below(key)), PICTURES_AT_ONCE))
            for each in keys:
                self.erasure.erase(each, set())
            is_purged = not keys
        else:
            is_purged = self.erasure.erase(key, set())
            if not is_purged and self.send and not self.uploads.has(key):
                self.send(repair_message(self.uploads.name, key))  # to remove the result even if the event was lost
        if is_purged:
            return Answer({"key": key, "status": "PURGED"})
        return Answer({"key": key, "status": "PURGING"}, HTTPStatus.ACCEPTED, {"Retry-After": "1"})
