"""A tiny ONNX classifier, its protobuf written by hand: the mean colour of the picture, times a matrix.

Messages and field numbers: onnx.proto3 (ModelProto, GraphProto, NodeProto, TensorProto, ValueInfoProto).
"""

from __future__ import annotations

import struct


def mean_color_model(weights: list[list[float]], width: int = 224, height: int = 224) -> bytes:
    """A model with input (1, 3, height, width) and one output per row of `weights` (three numbers each: R, G, B)."""
    classes = len(weights)
    nodes = [
        _node("GlobalAveragePool", ["pixels"], ["mean"]),
        _node("Flatten", ["mean"], ["flat"]),
        _node("MatMul", ["flat", "weights"], ["scores"]),
    ]
    columns = [weights[row][channel] for channel in range(3) for row in range(classes)]
    graph = b"".join(_field(1, node) for node in nodes)
    graph += _field(2, b"mean colour")
    graph += _field(5, _tensor("weights", [3, classes], columns))
    graph += _field(11, _value("pixels", [1, 3, height, width]))
    graph += _field(12, _value("scores", [1, classes]))
    opset = _field(1, b"") + _number(2, 13)
    return _number(1, 8) + _field(8, opset) + _field(7, graph)


def _node(kind: str, inputs: list[str], outputs: list[str]) -> bytes:
    names = b"".join(_field(1, name.encode()) for name in inputs) + b"".join(_field(2, n.encode()) for n in outputs)
    return names + _field(3, outputs[0].encode()) + _field(4, kind.encode())


def _tensor(name: str, shape: list[int], values: list[float]) -> bytes:
    dimensions = b"".join(_number(1, size) for size in shape)
    return dimensions + _number(2, 1) + _field(8, name.encode()) + _field(9, struct.pack(f"<{len(values)}f", *values))


def _value(name: str, shape: list[int]) -> bytes:
    dimensions = b"".join(_field(1, _number(1, size)) for size in shape)
    tensor_type = _number(1, 1) + _field(2, dimensions)
    return _field(1, name.encode()) + _field(2, _field(1, tensor_type))


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _field(field: int, data: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(data)) + data
