"""One set of detections per picture, shared by all operations that ask for it.

A picture is decoded once and each detector runs at most once on it, in a small pool of threads, however many calls
want the answer at the same time. The last few pictures are remembered by their content.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import TypeVar

from rekognition_local.call_queue import SharedWork
from rekognition_local.images import Picture, decode
from rekognition_local.vision.classifier import Classifier, Score
from rekognition_local.vision.moderation import ModerationFinder
from rekognition_local.vision.objects import ObjectFinder

T = TypeVar("T")
# At least as many as are looked at at once. 1280 px pictures in colour and grey take up to 6.5 MB each.
REMEMBERED_PICTURES = 10


@dataclass(frozen=True)
class Models:
    """The neural networks that look at pictures; `classifier` is the user's own."""

    objects: ObjectFinder = field(default_factory=ObjectFinder)
    moderation: ModerationFinder = field(default_factory=ModerationFinder)
    classifier: Classifier | None = None


class Analysis:
    """The detectors' findings in one picture, each computed at its first use."""

    def __init__(self, picture: Picture, sha256: str, executor: Executor, models: Models) -> None:
        self.picture = picture
        self.sha256 = sha256
        self.models = models
        self._executor = executor
        self._shared = SharedWork()

    async def find(self, detector: Callable[[Picture], T]) -> T:
        """Return a detector's findings."""
        return await self.compute(detector.__qualname__, detector)

    async def scores(self) -> list[Score]:
        """Return the user's model's answer; empty without a model."""
        return [] if self.models.classifier is None else await self.find(self.models.classifier.classify)

    async def compute(self, name: str, job: Callable[[Picture], T]) -> T:
        """Return another function of the picture, computed once for its name."""
        loop = asyncio.get_running_loop()
        work = self._shared.future(name, lambda: loop.run_in_executor(self._executor, job, self.picture))
        return await asyncio.shield(work)


class Analyzer:
    """Decodes pictures and remembers the last few."""

    def __init__(self, executor: Executor, models: Models) -> None:
        self._executor = executor
        self._models = models
        self._pictures = SharedWork(REMEMBERED_PICTURES)

    async def analyse(self, data: bytes) -> Analysis:
        """Return the analysis of an image's bytes. Raises the errors of `images.decode`."""
        sha256 = hashlib.sha256(data).hexdigest()
        loop = asyncio.get_running_loop()

        def decoded() -> Analysis:
            return Analysis(decode(data), sha256, self._executor, self._models)

        work = self._pictures.future(sha256, lambda: loop.run_in_executor(self._executor, decoded))
        return await asyncio.shield(work)

    def forget(self) -> None:
        """Forget all pictures."""
        self._pictures.forget()
