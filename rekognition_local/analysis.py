"""One set of detections per picture, shared by all operations that ask for it.

A picture is decoded once and each detector runs at most once on it, in a small pool of threads, however many calls
want the answer at the same time. The last few pictures are remembered by their content.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from rekognition_local.images import Picture, decode
from rekognition_local.vision.classifier import Classifier, Score
from rekognition_local.vision.moderation import ModerationFinder
from rekognition_local.vision.objects import ObjectFinder
from rekognition_local.vision.scene import Cue

T = TypeVar("T")
# At least as many as are looked at at once. 1280 px pictures in colour and grey take up to 6.5 MB each.
REMEMBERED_PICTURES = 10


class Shared:
    """Runs a job once for all callers of the same name, while it runs and after its success."""

    def __init__(self, executor: Executor, remembered: int | None = None) -> None:
        self._executor = executor
        self._remembered = remembered
        self._jobs: OrderedDict[Any, asyncio.Future[Any]] = OrderedDict()

    async def run(self, name: Any, job: Callable[[], T]) -> T:
        """Return the job's result; a caller that goes away does not stop it for the others."""
        future = self._jobs.get(name)
        if future is None:
            future = asyncio.get_running_loop().run_in_executor(self._executor, job)
            self._jobs[name] = future
            future.add_done_callback(lambda done: self._forget_if_failed(name, done))
        self._jobs.move_to_end(name)
        while self._remembered is not None and len(self._jobs) > self._remembered:
            self._jobs.popitem(last=False)
        return cast("T", await asyncio.shield(future))

    def _forget_if_failed(self, name: Any, done: asyncio.Future[Any]) -> None:
        if (done.cancelled() or done.exception() is not None) and self._jobs.get(name) is done:
            del self._jobs[name]

    def forget(self) -> None:
        """Forget all results."""
        self._jobs.clear()


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
        self._models = models
        self._shared = Shared(executor)

    async def find(self, detector: Callable[[Picture], T]) -> T:
        """Return a detector's findings."""
        return await self.compute(detector.__qualname__, detector)

    async def objects(self) -> list[Cue]:
        """Return common objects and scenes, with their ancestors."""
        return await self.find(self._models.objects.find)

    async def scores(self) -> list[Score]:
        """Return the user's model's answer; empty without a model."""
        return [] if self._models.classifier is None else await self.find(self._models.classifier.classify)

    async def explicit(self) -> float | None:
        """Return the confidence that the picture is explicit, 50 to 100; None below, or without a detector."""
        return await self.find(self._models.moderation.find)

    async def compute(self, name: str, job: Callable[[Picture], T]) -> T:
        """Return another function of the picture, computed once for its name."""
        return await self._shared.run(name, lambda: job(self.picture))


class Analyzer:
    """Decodes pictures and remembers the last few."""

    def __init__(self, executor: Executor, models: Models) -> None:
        self._executor = executor
        self._models = models
        self._pictures = Shared(executor, REMEMBERED_PICTURES)

    async def analyse(self, data: bytes) -> Analysis:
        """Return the analysis of an image's bytes. Raises the errors of `images.decode`."""
        sha256 = hashlib.sha256(data).hexdigest()
        return await self._pictures.run(sha256, lambda: Analysis(decode(data), sha256, self._executor, self._models))

    def forget(self) -> None:
        """Forget all pictures."""
        self._pictures.forget()
