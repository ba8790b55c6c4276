"""Deleting a picture. Its result goes when S3 tells the pipeline, as with every other way of deleting it."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol

from handlers.api.answers import Answer
from handlers.api.fields import Query
from handlers.api.problems import PictureNotFoundError
from handlers.api.requests import Request


class Objects(Protocol):
    """The uploads bucket."""

    def has(self, key: str) -> bool:
        """Whether there is an object of this key now."""

    def delete(self, key: str) -> None:
        """Delete it."""


@dataclass(frozen=True)
class Deletion:
    """Deletes pictures below `prefix`, and nothing else."""

    objects: Objects
    prefix: str

    def delete_image(self, request: Request) -> Answer:
        """DELETE /images."""
        query = Query(request.query, ("key",))
        key = query.key()
        query.done()
        if not key.startswith(self.prefix) or not self.objects.has(key):
            raise PictureNotFoundError
        self.objects.delete(key)
        return Answer({"key": key, "status": "DELETING"}, HTTPStatus.ACCEPTED)
