"""Write a small ONNX model: protobuf's wire format by hand, since OpenCV reads ONNX and nothing here needs more.

Messages and field numbers: onnx.proto3 (ModelProto, GraphProto, NodeProto, TensorProto, ValueInfoProto).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

_FLOAT, _IR_VERSION, _OPERATOR_SET = 1, 8, 13
Attribute = int | Sequence[int]


class Graph:
    """A network as it grows: each operation's output has a name that later operations take as an input."""

    def __init__(self) -> None:
        self._nodes: list[bytes] = []
        self._weights: list[bytes] = []

    def weight(self, values: npt.NDArray[np.floating]) -> str:
        """Add constant numbers (stored as float32) and return their name."""
        name = f"w{len(self._weights)}"
        shape = b"".join(_field(1, size) for size in values.shape)
        content = np.ascontiguousarray(values, dtype="<f4").tobytes()
        self._weights.append(shape + _field(2, _FLOAT) + _field(8, name.encode()) + _field(9, content))
        return name

    def operation(self, kind: str, inputs: Sequence[str], **attributes: Attribute) -> str:
        """Add an operation and return its output's name."""
        name = f"n{len(self._nodes)}"
        node = b"".join(_field(1, each.encode()) for each in inputs) + _field(2, name.encode())
        node += _field(3, name.encode()) + _field(4, kind.encode())
        self._nodes.append(node + b"".join(_field(5, _attribute(key, value)) for key, value in attributes.items()))
        return name

    def model(self, input_name: str, input_shape: Sequence[int], output: str, output_shape: Sequence[int]) -> bytes:
        """Return the file's bytes."""
        graph = b"".join(_field(1, node) for node in self._nodes) + _field(2, b"network")
        graph += b"".join(_field(5, weight) for weight in self._weights)
        graph += _field(11, _value(input_name, input_shape)) + _field(12, _value(output, output_shape))
        return _field(1, _IR_VERSION) + _field(7, graph) + _field(8, _field(2, _OPERATOR_SET))


def _value(name: str, shape: Sequence[int]) -> bytes:
    dimensions = b"".join(_field(1, _field(1, size)) for size in shape)
    return _field(1, name.encode()) + _field(2, _field(1, _field(1, _FLOAT) + _field(2, dimensions)))


def _attribute(name: str, value: Attribute) -> bytes:
    if isinstance(value, int):
        return _field(1, name.encode()) + _field(3, value) + _field(20, 2)
    return _field(1, name.encode()) + b"".join(_field(8, each) for each in value) + _field(20, 7)


def _field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
