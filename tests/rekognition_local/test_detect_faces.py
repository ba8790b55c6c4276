"""DetectFaces."""

from __future__ import annotations

import math
from typing import Any

import pytest
from mypy_boto3_rekognition import RekognitionClient
from PIL import Image, ImageOps

from tests.rekognition_local.conftest import Control
from tests.rekognition_local.pictures import SAMPLES, encoded, plain, sample

DEFAULT = {"BoundingBox", "Confidence", "Landmarks", "Pose", "Quality"}
ALL = DEFAULT | {
    "AgeRange", "Beard", "Emotions", "EyeDirection", "Eyeglasses", "EyesOpen", "FaceOccluded", "Gender", "MouthOpen",
    "Mustache", "Smile", "Sunglasses",
}  # fmt: skip


def faces_in(client: RekognitionClient, data: bytes, **parameters: Any) -> list[Any]:
    """Return the faces of a picture."""
    return client.detect_faces(Image={"Bytes": data}, **parameters)["FaceDetails"]


def astronaut() -> Image.Image:
    """Return the photograph of a smiling astronaut, 512 x 512 px."""
    with Image.open(SAMPLES / "astronaut.jpg") as photograph:
        return photograph.convert("RGB")


@pytest.mark.parametrize(
    ("attributes", "members"),
    [
        ([], DEFAULT),
        (["DEFAULT"], DEFAULT),
        (["ALL"], ALL),
        (["DEFAULT", "ALL"], ALL),
        (["SMILE"], DEFAULT | {"Smile"}),
        (["AGE_RANGE", "EMOTIONS", "DEFAULT"], DEFAULT | {"AgeRange", "Emotions"}),
    ],
)
def test_answers_the_attributes_that_are_asked_for(
    rekognition: RekognitionClient, control: Control, attributes: list[str], members: set[str]
) -> None:
    control.put_rules({"faces": [{}]})

    (face,) = faces_in(rekognition, plain(), Attributes=attributes)

    assert set(face) == members


def test_sees_eyes_and_smile_and_does_not_know_age_and_gender(rekognition: RekognitionClient) -> None:
    (face,) = faces_in(rekognition, sample("astronaut.jpg"), Attributes=["ALL"])

    assert set(face) == ALL
    assert face["Confidence"] > 95
    assert face["EyesOpen"] == {"Value": True, "Confidence": 95.0}
    assert face["Smile"]["Value"] is True
    assert face["Emotions"][0]["Type"] == "HAPPY"
    assert sum(emotion["Confidence"] for emotion in face["Emotions"]) == pytest.approx(100)
    points = {point["Type"]: (point["X"], point["Y"]) for point in face["Landmarks"]}
    assert points["eyeLeft"] == pytest.approx((0.395, 0.197), abs=0.02)
    assert points["eyeRight"] == pytest.approx((0.483, 0.202), abs=0.02)
    box = face["BoundingBox"]
    for x, y in points.values():
        assert box["Left"] < x < box["Left"] + box["Width"]
        assert box["Top"] < y < box["Top"] + box["Height"]
    assert face["AgeRange"] == {"Low": 0, "High": 100}
    assert face["Gender"]["Confidence"] == 50


def test_sees_a_profile_and_the_way_it_looks(rekognition: RekognitionClient) -> None:
    mirrored = encoded(ImageOps.mirror(Image.open(SAMPLES / "photographer.png")))

    (right,) = faces_in(rekognition, sample("photographer.png"))
    (left,) = faces_in(rekognition, mirrored)

    assert right["Pose"]["Yaw"] > 0
    assert left["Pose"]["Yaw"] < 0
    assert right["Confidence"] < 95


@pytest.mark.parametrize("side", [200, 350, 900, 2400])
def test_finds_the_same_face_at_any_size_of_picture(rekognition: RekognitionClient, side: int) -> None:
    (face,) = faces_in(rekognition, encoded(astronaut().resize((side, side)), "JPEG", quality=92))

    assert face["BoundingBox"]["Left"] == pytest.approx(0.36, abs=0.05)
    assert face["BoundingBox"]["Top"] == pytest.approx(0.13, abs=0.05)


def test_finds_two_faces_the_larger_first(rekognition: RekognitionClient) -> None:
    both = Image.new("RGB", (900, 520), "white")
    both.paste(astronaut().resize((360, 360)), (0, 0))
    both.paste(astronaut(), (380, 0))

    large, small = faces_in(rekognition, encoded(both))

    assert large["BoundingBox"]["Left"] > 0.5 > small["BoundingBox"]["Left"]
    names = {label["Name"] for label in rekognition.detect_labels(Image={"Bytes": encoded(both)})["Labels"]}
    assert {"People", "Person"} <= names
    assert "Portrait" not in names


def test_tells_the_roll_of_a_tilted_face(rekognition: RekognitionClient) -> None:
    upright = faces_in(rekognition, encoded(astronaut()))[0]["Pose"]["Roll"]
    tilted = faces_in(rekognition, encoded(astronaut().rotate(-10, fillcolor="gray")))[0]["Pose"]["Roll"]

    assert math.isclose(tilted - upright, 10, abs_tol=5)


def test_boxes_refer_to_the_upright_picture(rekognition: RekognitionClient) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    lying = astronaut().crop((0, 0, 512, 400)).transpose(Image.Transpose.ROTATE_90)

    (face,) = faces_in(rekognition, encoded(lying, "JPEG", quality=95, exif=exif))

    assert face["BoundingBox"]["Left"] == pytest.approx(0.36, abs=0.04)
    assert face["BoundingBox"]["Top"] == pytest.approx(0.16, abs=0.04)


@pytest.mark.parametrize("name", ["coffee.jpg", "flower.jpg", "temple.jpg", "rocket.jpg", "galaxies.jpg", "cat.png"])
def test_sees_no_face_where_none_is(rekognition: RekognitionClient, name: str) -> None:
    assert faces_in(rekognition, sample(name)) == []


def test_answers_the_faces_of_a_rule_filled_in(rekognition: RekognitionClient, control: Control) -> None:
    box = {"left": 0.1, "top": 0.2, "width": 0.3, "height": 0.4}
    control.put_rules({"faces": [{}, {"boundingBox": box, "confidence": 90, "ageRange": {"low": 20, "high": 30}}]})

    first, second = faces_in(rekognition, plain(), Attributes=["ALL"])

    assert set(first) == set(second) == ALL
    assert first["Confidence"] == 99
    assert second["AgeRange"] == {"Low": 20, "High": 30}
    assert second["BoundingBox"] == {"Left": 0.1, "Top": 0.2, "Width": 0.3, "Height": 0.4}
