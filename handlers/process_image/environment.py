"""What the function `process_image` is told by its environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from handlers.labelling.detectors import DetectorSettings
from handlers.labelling.environment import Variables, detector_settings
from handlers.labelling.targets import Targets


@dataclass(frozen=True)
class Environment:
    """The variables, parsed."""

    results_table: str
    upload_bucket: str
    queue_url: str
    settings: DetectorSettings
    calls_per_second: float
    """This instance's share of the quota of each operation."""
    rekognition_timeout_s: float
    retry_base_delay_s: float
    cache_days: int
    targets: Targets
    max_converted_pixels: int
    """How large a picture the function's memory has room to decode."""

    @classmethod
    def parse(cls, values: Mapping[str, str]) -> Self:
        """Read the variables. Raises EnvironmentVariableError, naming the first that is wrong."""
        variables = Variables(values)
        return cls(
            results_table=variables.text("RESULTS_TABLE"),
            upload_bucket=variables.text("UPLOAD_BUCKET"),
            queue_url=variables.text("QUEUE_URL"),
            settings=detector_settings(variables),
            calls_per_second=variables.number("REKOGNITION_CALLS_PER_SECOND", 0.001, 1000),
            rekognition_timeout_s=variables.number("REKOGNITION_TIMEOUT_S", 0.1, 300),
            retry_base_delay_s=variables.number("RETRY_BASE_DELAY_S", 0, 900),
            cache_days=variables.integer("CACHE_DAYS", 1, 3650),
            targets=Targets.parse(variables),
            max_converted_pixels=variables.integer("MAX_CONVERTED_PIXELS", 0, 10**9),
        )
