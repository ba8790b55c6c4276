"""A tiny ONNX classifier: the mean colour of the picture, times a matrix."""

from __future__ import annotations

import numpy as np

from rekognition_local.vision.onnx_file import Graph


def mean_color_model(weights: list[list[float]], width: int = 224, height: int = 224) -> bytes:
    """Make a model of input (1, 3, height, width) with one output for each row of `weights` (R, G, B)."""
    graph = Graph()
    mean = graph.operation("GlobalAveragePool", ["pixels"])
    flat = graph.operation("Flatten", [mean], axis=1)
    scores = graph.operation("MatMul", [flat, graph.weight(np.asarray(weights, dtype=np.float32).T)])
    return graph.model("pixels", (1, 3, height, width), scores, (1, len(weights)))
