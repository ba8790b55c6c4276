"""An ONNX classifier of the user's, run by OpenCV.

``model.onnx``: one input of shape (1, 3, height, width), RGB, and one output of one score per class.
``classes.txt``: one line per class, in the order of the outputs, each one of

- a name: ``tabby cat, tabby`` → label "Tabby Cat" (the first synonym, capitalised);
- ``-``: the class is never reported;
- a JSON object: ``{"label": "Cat", "parents": ["Animal", "Mammal", "Pet"], "category": "Animals and Pets"}``, or
  ``{"moderation": "Weapons"}`` for a moderation label of the service's taxonomy.

``model.onnx.json`` (optional) changes how pixels become numbers; these are the defaults, ImageNet's::

    {"width": 224, "height": 224, "resize": "crop", "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225],
     "scale": 0.00392156862745098, "softmax": true, "top": 5}

A pixel p in 0 to 255 becomes ``(p * scale - mean) / std``. ``resize`` is ``crop`` (the middle square part of the shape
asked for) or ``squash``. ``softmax``: the outputs are logits; else they are probabilities already.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from rekognition_local.errors import ConfigurationError
from rekognition_local.images import Picture, Pixels
from rekognition_local.vision.network import InputConvention, Network, prepare, softmax


@dataclass(frozen=True, slots=True)
class ModelClass:
    """The meaning of a class of the model; a moderation class has only a name."""

    name: str
    parents: tuple[str, ...] = ()
    category: str | None = None
    is_moderation: bool = False
    known: bool = False  # parents and category come from the line, not from the vocabulary


@dataclass(frozen=True, slots=True)
class Score:
    """A class and its confidence 0 to 100."""

    model_class: ModelClass
    confidence: float


class Classifier:
    """Runs the model."""

    def __init__(self, model: Path, classes: Path) -> None:
        """Read the model, its classes and its convention. Raises ConfigurationError where they do not fit together."""
        self._classes = read_classes(classes)
        self._convention = read_convention(model.with_name(model.name + ".json"))
        try:
            self._network = Network(model.read_bytes)
            self._network.load()
        except (OSError, cv2.error) as error:
            raise ConfigurationError(f"--model {model} cannot be read as an ONNX model: {error}") from error
        self._try(model, classes)

    def _try(self, model: Path, classes: Path) -> None:
        """Run the model once on black, so that a wrong model fails at the start and not at the first call."""
        black = np.zeros((self._convention.height, self._convention.width, 3), dtype=np.uint8)
        try:
            count = len(self._outputs(black))
        except cv2.error as error:
            shape = f"(1, 3, {self._convention.height}, {self._convention.width})"
            raise ConfigurationError(f"--model {model} does not take an input of shape {shape}: {error}") from error
        if count != len(self._classes):
            raise ConfigurationError(
                f"--classes {classes} has {len(self._classes)} lines, but the model answers {count} scores: "
                "there must be one line for each"
            )

    def _outputs(self, pixels: Pixels) -> npt.NDArray[np.float64]:
        return self._network.run(prepare(pixels, self._convention, self._convention.resize))

    def classify(self, picture: Picture) -> list[Score]:
        """Return the highest scores, the surest first."""
        outputs = self._outputs(picture.pixels)
        probabilities = softmax(outputs) if self._convention.softmax else outputs.clip(0, 1)
        best = np.argsort(-probabilities, kind="stable")[: self._convention.top].tolist()
        scores = [(self._classes[i], 100 * float(probabilities[i])) for i in best]
        return [Score(model_class, confidence) for model_class, confidence in scores if model_class is not None]


def read_classes(path: Path) -> list[ModelClass | None]:
    """Read the classes file; None is a class that is never reported."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"--classes {path} cannot be read: {error}") from error
    return [_parse_class(line.strip(), f"--classes {path}, line {number}") for number, line in enumerate(lines, 1)]


def _parse_class(line: str, where: str) -> ModelClass | None:
    if not line.startswith("{"):
        name = line.partition(",")[0].strip().replace("_", " ")
        if not name:
            raise ConfigurationError(f"{where} is empty: expected a name, a JSON object, or - for no label")
        return None if name == "-" else ModelClass(name.title())
    try:
        entry: dict[str, Any] = json.loads(line)
    except json.JSONDecodeError as error:
        raise ConfigurationError(f"{where} is not JSON: {error}") from error
    unknown = set(entry) - {"label", "parents", "category", "moderation"}
    if unknown or ("label" in entry) == ("moderation" in entry):
        raise ConfigurationError(f"{where}: expected label (with parents, category) or moderation, got {sorted(entry)}")
    if "moderation" in entry:
        return ModelClass(str(entry["moderation"]), is_moderation=True)
    return ModelClass(
        str(entry["label"]),
        tuple(str(parent) for parent in entry.get("parents", ())),
        entry.get("category"),
        known="parents" in entry or "category" in entry,
    )


def read_convention(path: Path) -> InputConvention:
    """Read the JSON beside the model; without one, ImageNet's convention holds."""
    if not path.exists():
        return InputConvention()
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path} cannot be read as JSON: {error}") from error
    unknown = set(values) - {field.name for field in fields(InputConvention)}
    if unknown:
        raise ConfigurationError(f"{path}: unknown keys {', '.join(sorted(unknown))}")
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    convention = InputConvention(**values)
    if convention.resize not in ("crop", "squash"):
        raise ConfigurationError(f"{path}: resize is {convention.resize!r}, expected crop or squash")
    if min(convention.width, convention.height, convention.top) < 1 or len(convention.mean) != len(convention.std):
        raise ConfigurationError(f"{path}: width, height and top must be positive; mean and std of the same length")
    return convention
