"""The use-case of one picture, put together as the handlers do it, over what a test gives or over fakes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from handlers.labelling.analysing import Analysing
from handlers.labelling.detectors import Detector, DetectorSettings
from handlers.labelling.ports import Announcer, Objects, PacedRecogniser, Results
from handlers.labelling.preparation import Preparation
from handlers.labelling.processing import ImageProcessing
from handlers.labelling.tally import Tally
from handlers.results.cache import AnswerCache
from handlers.results.rows import Rows
from handlers.results.writer import ResultsWriter
from tests.handlers.factories import BUCKET, time_of
from tests.handlers.fakes import FakeObjects, FakeRecogniser, FakeRows

LABELS_ALONE = DetectorSettings((Detector.LABELS,), 10, Decimal(50))
CACHE_DAYS = 30
MANY_PIXELS = 50_000_000


def image_processing(
    rows: Rows,
    objects: Objects,
    recogniser: PacedRecogniser,
    operations: Executor,
    now: Callable[[], datetime],
    *,
    settings: DetectorSettings = LABELS_ALONE,
    max_converted_pixels: int = MANY_PIXELS,
    results: Results | None = None,
    tally: Tally | None = None,
    warn: Callable[[str], None] = lambda _: None,
    announcing: Announcer | None = None,
) -> ImageProcessing:
    """Results go into the rows, with no waits between tries, unless a test gives other ones."""
    tally = tally or Tally()
    return ImageProcessing(
        bucket=BUCKET,
        settings=settings,
        objects=objects,
        analysing=Analysing(
            settings=settings,
            objects=objects,
            preparation=Preparation(objects, max_converted_pixels, tally),
            recogniser=recogniser,
            answers=AnswerCache(rows, CACHE_DAYS, now),
            tally=tally,
            operations=operations,
            warn=warn,
        ),
        results=results or ResultsWriter(rows, sleep=lambda _: None),
        tally=tally,
        now=now,
        announcing=announcing,
    )


@dataclass
class Fakes:
    """All that the use-case sees, for tests to set and to look at."""

    operations: Executor
    rows: FakeRows = field(default_factory=FakeRows)
    objects: FakeObjects = field(default_factory=FakeObjects)
    recogniser: FakeRecogniser = field(default_factory=FakeRecogniser)
    tally: Tally = field(default_factory=Tally)
    warnings: list[str] = field(default_factory=list)
    now: datetime = field(default_factory=lambda: time_of(100))

    def assembled(
        self,
        *,
        settings: DetectorSettings = LABELS_ALONE,
        max_converted_pixels: int = MANY_PIXELS,
        announcing: Announcer | None = None,
    ) -> ImageProcessing:
        """The use-case over these."""
        return image_processing(
            self.rows,
            self.objects,
            self.recogniser,
            self.operations,
            lambda: self.now,
            settings=settings,
            max_converted_pixels=max_converted_pixels,
            tally=self.tally,
            warn=self.warnings.append,
            announcing=announcing,
        )
