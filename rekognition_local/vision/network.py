"""A neural network in ONNX, run by OpenCV, and how a picture becomes its input."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from rekognition_local.images import Pixels

Resize = Literal["crop", "squash"]


@dataclass(frozen=True, slots=True)
class InputConvention:
    """The conversion of pixels to a network's numbers: a pixel p in 0 to 255 becomes ``(p * scale - mean) / std``.

    The defaults are those that most networks for ImageNet expect.

    Attributes:
        resize: `crop` takes the middle part that has the input's shape, `squash` the whole picture.
        softmax: Whether the outputs are logits; else they are probabilities already.
        top: How many classes are answered at most.
    """

    width: int = 224
    height: int = 224
    resize: Resize = "crop"
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    std: tuple[float, ...] = (0.229, 0.224, 0.225)
    scale: float = 1 / 255
    softmax: bool = True
    top: int = 5


class Network:
    """A network, read when it is first needed; threads take turns, since OpenCV's networks keep buffers.

    Args:
        read: Gives the ONNX file's bytes.
    """

    def __init__(self, read: Callable[[], bytes]) -> None:
        self._read = read
        self._lock = threading.Lock()

    def load(self) -> None:
        """Read the network now, so that no call waits for it. Raises the errors of `read`, and cv2.error."""
        with self._lock:
            _ = self._net

    def run(self, values: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Return the outputs, in one row. Raises cv2.error where the input does not fit."""
        with self._lock:
            self._net.setInput(values)
            return np.asarray(self._net.forward(), dtype=np.float64).reshape(-1)

    @cached_property
    def _net(self) -> cv2.dnn.Net:
        return cv2.dnn.readNetFromONNX(np.frombuffer(self._read(), dtype=np.uint8))


def prepare(pixels: Pixels, convention: InputConvention, resize: Resize) -> npt.NDArray[np.float32]:
    """Make the input of shape (1, 3, height, width) from RGB pixels."""
    rows, columns = pixels.shape[:2]
    if resize == "crop":
        scale = min(columns / convention.width, rows / convention.height)
        width, height = max(1, int(convention.width * scale)), max(1, int(convention.height * scale))
        left, top = (columns - width) // 2, (rows - height) // 2
        pixels = pixels[top : top + height, left : left + width]
    sized = cv2.resize(pixels, (convention.width, convention.height), interpolation=cv2.INTER_AREA)
    mean, std = np.asarray(convention.mean, dtype=np.float32), np.asarray(convention.std, dtype=np.float32)
    values = (np.asarray(sized, dtype=np.float32) * np.float32(convention.scale) - mean) / std
    return np.ascontiguousarray(values.transpose(2, 0, 1)[None], dtype=np.float32)


def softmax(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Turn logits into probabilities."""
    powers = np.exp(values - values.max())
    return np.asarray(powers / powers.sum(), dtype=np.float64)
