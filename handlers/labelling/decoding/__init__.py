"""From the bytes of a file to a JPEG for Rekognition.

`conversion` is the way of a picture, `metadata` what its camera says, `stripping` what its decoder gets. The process
that decodes loads this package, which imports neither boto3 nor the rest of labelling but `picture` and `errors`. The
function loads neither `conversion` nor Pillow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...results.document import Capture

Answer = tuple[dict[str, Any], list[bytes]]
"""The decoding process's answer about a file, and the files that it makes (see `child`)."""


@dataclass(frozen=True)
class Converted:
    """A JPEG for Rekognition; `width` and `height` are the original's as a person sees it."""

    jpeg: bytes
    width: int
    height: int
    capture: Capture | None = None
    """The camera's facts, where the file's first bytes do not say them."""
