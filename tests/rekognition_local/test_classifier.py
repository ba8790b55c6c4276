"""A classifier of the user's: ONNX by OpenCV, classes, input convention."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mypy_boto3_rekognition import RekognitionClient

from rekognition_local.errors import ConfigurationError
from rekognition_local.images import decode
from rekognition_local.server import LocalRekognition, Options
from rekognition_local.vision.classifier import Classifier, read_classes, read_convention
from rekognition_local.vision.network import InputConvention, prepare
from tests.rekognition_local.conftest import Control
from tests.rekognition_local.onnx_model import mean_color_model
from tests.rekognition_local.pictures import plain

# One class each for red, green and blue; ImageNet's normalisation spreads them wide enough for a softmax.
RED_GREEN_BLUE = mean_color_model([[4.0, -2.0, -2.0], [-2.0, 4.0, -2.0], [-2.0, -2.0, 4.0]])
CLASSES = """fire engine, fire truck
{"moderation": "Weapons"}
{"label": "Budgie", "parents": ["Bird"], "category": "Animals and Pets"}
"""


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Return the model and its classes."""
    model, classes = tmp_path / "colors.onnx", tmp_path / "classes.txt"
    model.write_bytes(RED_GREEN_BLUE)
    classes.write_text(CLASSES, encoding="utf-8")
    return model, classes


def best(classifier: Classifier, color: str) -> tuple[str, float]:
    """Return the surest class of a plain picture."""
    score = classifier.classify(decode(plain(color=color)))[0]
    return score.model_class.name, score.confidence


def test_tells_classes_apart(files: tuple[Path, Path]) -> None:
    classifier = Classifier(*files)

    by_color = {color: best(classifier, color) for color in ("red", "lime", "blue")}

    assert {color: name for color, (name, _) in by_color.items()} == {
        "red": "Fire Engine", "lime": "Weapons", "blue": "Budgie",
    }  # fmt: skip
    assert all(confidence > 99 for _, confidence in by_color.values())


def test_the_server_answers_labels_and_moderation_from_the_model(
    files: tuple[Path, Path],
    start_server: Callable[..., LocalRekognition],
    make_client: Callable[[str], RekognitionClient],
) -> None:
    server = start_server(Options(model=files[0], classes=files[1]))
    client = make_client(server.url)

    red, blue = (client.detect_labels(Image={"Bytes": plain(color=c)})["Labels"] for c in ("red", "blue"))
    green = client.detect_moderation_labels(Image={"Bytes": plain(color="lime")})["ModerationLabels"]

    assert [label["Name"] for label in red] == ["Fire Engine"]
    assert {label["Name"]: [parent["Name"] for parent in label["Parents"]] for label in blue} == {
        "Animal": [], "Bird": ["Animal"], "Budgie": ["Bird"],
    }  # fmt: skip
    assert [(label["Name"], label["ParentName"]) for label in green] == [("Weapons", "Violence"), ("Violence", "")]
    assert client.detect_labels(Image={"Bytes": plain(color="lime")})["Labels"] == []
    assert Control(server.url).request("GET", "health")["abilities"]["model"] is True


def test_takes_the_convention_beside_the_model(tmp_path: Path) -> None:
    model, classes = tmp_path / "m.onnx", tmp_path / "c.txt"
    model.write_bytes(mean_color_model([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], width=32, height=16))
    classes.write_text("reddish\ngreenish\n", encoding="utf-8")
    convention = {"width": 32, "height": 16, "mean": [0, 0, 0], "std": [1, 1, 1], "softmax": False, "top": 1}
    (tmp_path / "m.onnx.json").write_text(json.dumps(convention), encoding="utf-8")

    classifier = Classifier(model, classes)

    name, confidence = best(classifier, "#cc0000")
    assert name == "Reddish"
    assert confidence == pytest.approx(80, abs=0.5)
    assert len(classifier.classify(decode(plain()))) == 1


@pytest.mark.parametrize(
    ("line", "name", "is_moderation"),
    [
        ("tabby cat, tabby", "Tabby Cat", False),
        ("sports_car", "Sports Car", False),
        ('{"label": "Cat"}', "Cat", False),
        ('{"moderation": "Gambling"}', "Gambling", True),
    ],
)
def test_reads_a_line_of_the_classes(tmp_path: Path, line: str, name: str, is_moderation: bool) -> None:
    path = tmp_path / "classes.txt"
    path.write_text(f"-\n{line}\n", encoding="utf-8")

    never, model_class = read_classes(path)

    assert never is None
    assert model_class is not None
    assert (model_class.name, model_class.is_moderation) == (name, is_moderation)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("cat\n\ndog\n", "line 2 is empty"),
        ('{"label": "Cat"\n', "line 1 is not JSON"),
        ('{"label": "Cat", "moderation": "Weapons"}\n', "expected label"),
        ('{"name": "Cat"}\n', "expected label"),
    ],
)
def test_refuses_wrong_classes_naming_the_line(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "classes.txt"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(ConfigurationError, match=complaint):
        read_classes(path)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("{", "cannot be read as JSON"),
        ('{"size": 3}', "unknown keys size"),
        ('{"resize": "pad"}', "expected crop or squash"),
        ('{"width": 0}', "must be positive"),
        ('{"mean": [0.5]}', "of the same length"),
    ],
)
def test_refuses_a_wrong_convention(tmp_path: Path, content: str, complaint: str) -> None:
    path = tmp_path / "m.onnx.json"
    path.write_text(content, encoding="utf-8")

    with pytest.raises(ConfigurationError, match=complaint):
        read_convention(path)


def test_refuses_classes_that_are_not_as_many_as_the_scores(files: tuple[Path, Path]) -> None:
    files[1].write_text("one\ntwo\n", encoding="utf-8")

    with pytest.raises(ConfigurationError, match="2 lines, but the model answers 3 scores"):
        Classifier(*files)


@pytest.mark.parametrize("data", [b"", b"no model"])
def test_refuses_what_is_no_model(files: tuple[Path, Path], data: bytes) -> None:
    files[0].write_bytes(data)

    with pytest.raises(ConfigurationError, match="cannot be read as an ONNX model"):
        Classifier(*files)


@pytest.mark.parametrize("options", [{"model": Path("m.onnx")}, {"classes": Path("c.txt")}])
def test_model_and_classes_belong_together(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="give both or neither"):
        LocalRekognition(Options(**options))


def test_crops_the_middle_or_squashes() -> None:
    pixels = np.zeros((100, 200, 3), dtype=np.uint8)
    pixels[:, :50] = 255
    unscaled = {"width": 10, "height": 10, "mean": (0.0,) * 3, "std": (1.0,) * 3}

    convention = InputConvention(**unscaled)  # type: ignore[arg-type]  # a dict of mixed types
    cropped, squashed = prepare(pixels, convention, "crop"), prepare(pixels, convention, "squash")

    assert cropped.shape == squashed.shape == (1, 3, 10, 10)
    assert cropped.max() == 0
    assert squashed.mean() == pytest.approx(0.25, abs=0.03)
