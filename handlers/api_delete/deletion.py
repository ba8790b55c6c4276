"""Deleting and purging pictures. A result goes when S3 tells the pipeline, as with every other way of deleting it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from itertools import islice
from typing import Final, Protocol

from ..api.answers import Answer
from ..api.fields import Query, one_of
from ..api.problems import NotDeployedError, PictureNotFoundError
from ..api.requests import Request

PICTURES_AT_ONCE: Final = 10
"""The most pictures that one request deletes of a folder: one request has a few seconds."""


class Objects(Protocol):
    """The uploads bucket."""

    def has(self, key: str) -> bool:
        """Return whether the bucket has an object of this key now."""

    def delete(self, key: str) -> None:
        """Delete it."""


class Erasure(Protocol):
    """Erases pictures for good; see `handlers.results.erasure`."""

    def keys_below(self, prefix: str) -> Iterable[str]:
        """Yield the keys that begin so and of which something is left."""

    def erase(self, key: str, contents: set[tuple[str, int]]) -> bool:
        """Erase everything of a picture; return whether nothing is left."""


@dataclass(frozen=True)
class Deletion:
    """Deletes pictures below `prefix`, and nothing else.

    Attributes:
        erasure: None where the API was deployed without the right to purge.
    """

    objects: Objects
    prefix: str
    erasure: Erasure | None

    def delete_image(self, request: Request) -> Answer:
        """Answer DELETE /images."""
        query = Query(request.query, ("key", "purge"))
        key = query.key()
        purge = query.optional("purge", one_of("true", "false"), "false") == "true"
        query.done()
        if purge:
            return self._purge(key)
        if not key.startswith(self.prefix) or not self.objects.has(key):
            raise PictureNotFoundError
        self.objects.delete(key)
        return Answer({"key": key, "status": "DELETING"}, HTTPStatus.ACCEPTED)

    def _purge(self, key: str) -> Answer:
        """Take a step in erasing a picture, or a folder (`a/`). The caller repeats it until all is purged."""
        if self.erasure is None:
            raise NotDeployedError("This API may not purge: set apiPurge to true, and deploy again.")
        if not key.startswith(self.prefix):
            raise PictureNotFoundError
        if key.endswith("/"):
            keys = list(islice(dict.fromkeys(self.erasure.keys_below(key)), PICTURES_AT_ONCE))
            for each in keys:
                self.erasure.erase(each, set())
            is_purged = not keys
        else:
            is_purged = self.erasure.erase(key, set())
        if is_purged:
            return Answer({"key": key, "status": "PURGED"})
        return Answer({"key": key, "status": "PURGING"}, HTTPStatus.ACCEPTED, {"Retry-After": "1"})
