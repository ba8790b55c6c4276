"""Labelling a picture anew, as a repair does it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Final, Protocol

from ..api.answers import Answer, iso_ms
from ..api.fields import Body, checked_key
from ..api.problems import NotDeployedError, PictureNotFoundError
from ..api.requests import Request
from ..results.repair import repair_message

GROUP: Final = "relabel"
"""The messages' group: SQS's fair queues keep many of them behind new uploads, whose events have none."""


class Objects(Protocol):
    """The uploads bucket."""

    def has(self, key: str) -> bool:
        """Return whether the bucket has an object of this key now."""


@dataclass(frozen=True)
class Relabelling:
    """Asks the pipeline for pictures below `prefix`.

    Attributes:
        send: Puts a message into the pipeline's queue; None where the API was deployed without one.
    """

    objects: Objects
    bucket: str
    prefix: str
    send: Callable[[str], None] | None
    now: Callable[[], datetime]

    def relabel(self, request: Request) -> Answer:
        """Answer POST /relabel."""
        body = Body(request.json_object(), ("key",))
        key = body.required("key", checked_key, "")
        body.done()
        if self.send is None:
            raise NotDeployedError("This API has no pipeline's queue: set it, and deploy again.")
        if not key.startswith(self.prefix) or not self.objects.has(key):
            raise PictureNotFoundError
        requested_at = iso_ms(self.now())
        self.send(repair_message(self.bucket, key, requested_at))
        answer = {"key": key, "status": "RELABELLING", "requestedAt": requested_at}
        return Answer(answer, HTTPStatus.ACCEPTED)
