"""DetectLabels: what real photographs show, filters, and the picture's properties."""

from __future__ import annotations

from typing import Any

import pytest
from mypy_boto3_rekognition import RekognitionClient

from rekognition_local.vision.css_colors import CSS_COLORS
from tests.rekognition_local.conftest import Control
from tests.rekognition_local.pictures import encoded, page_of_text, plain, qr_code, sample

PEOPLE = {"Person", "Head", "Face", "People", "Crowd", "Smile", "Happy", "Portrait", "Photography"}
ANIMALS = {"Cat", "Pet", "Mammal"}
OUTDOORS = {"Sky", "Nature", "Outdoors", "Night", "Starry Sky", "Plant"}
TEXT = {"Text", "Page", "QR Code"}


def detect(client: RekognitionClient, data: bytes, **parameters: Any) -> dict[str, Any]:
    """Return the labels of a picture by name."""
    answer = client.detect_labels(Image={"Bytes": data}, **parameters)
    assert answer["LabelModelVersion"] == "3.0"
    assert "OrientationCorrection" not in answer
    return {label["Name"]: label for label in answer["Labels"]}


def test_sees_the_astronaut_s_face(rekognition: RekognitionClient) -> None:
    labels = detect(rekognition, sample("astronaut.jpg"))

    assert set(labels) == PEOPLE - {"People", "Crowd"}
    assert labels["Face"]["Parents"] == [{"Name": "Head"}, {"Name": "Person"}]
    assert labels["Person"]["Aliases"] == [{"Name": "Human"}]
    assert labels["Person"]["Categories"] == [{"Name": "Person Description"}]
    assert labels["Smile"]["Confidence"] > 80
    (instance,) = labels["Face"]["Instances"]
    box = instance["BoundingBox"]
    assert (box["Left"], box["Top"]) == pytest.approx((0.36, 0.13), abs=0.04)
    assert (box["Width"], box["Height"]) == pytest.approx((0.16, 0.2), abs=0.05)


def test_sees_the_cat(rekognition: RekognitionClient) -> None:
    labels = detect(rekognition, sample("cat.png"), MinConfidence=70)

    assert set(labels) == ANIMALS | {"Animal"}
    assert {parent["Name"] for parent in labels["Cat"]["Parents"]} == {"Animal", "Mammal", "Pet"}
    assert labels["Cat"]["Categories"] == [{"Name": "Animals and Pets"}]


def test_sees_a_man_in_profile(rekognition: RekognitionClient) -> None:
    labels = detect(rekognition, sample("photographer.png"))

    assert set(labels) == {"Person", "Head", "Face", "Tripod"}


def test_sees_sky_and_plants_around_the_temple(rekognition: RekognitionClient) -> None:
    labels = detect(rekognition, sample("temple.jpg"), MinConfidence=70)

    assert set(labels) == {"Architecture", "Building", "Sky", "Nature", "Outdoors", "Plant"}


def test_sees_the_stars(rekognition: RekognitionClient) -> None:
    labels = detect(rekognition, sample("galaxies.jpg"))

    assert labels["Starry Sky"]["Confidence"] > 70


def test_sees_the_poster_s_code_and_print(rekognition: RekognitionClient) -> None:
    labels = detect(rekognition, sample("poster-qr-code.jpg"))

    assert set(labels) == {"QR Code", "Text"}
    assert len(labels["QR Code"]["Instances"]) == 1


@pytest.mark.parametrize(
    ("name", "not_there"),
    [
        ("coffee.jpg", PEOPLE | ANIMALS | OUTDOORS | TEXT),
        ("flower.jpg", PEOPLE | ANIMALS | TEXT),
        ("rocket.jpg", PEOPLE | ANIMALS | TEXT),
        ("temple.jpg", PEOPLE | ANIMALS | TEXT),
        ("galaxies.jpg", PEOPLE | ANIMALS | TEXT),
        ("handwriting.png", PEOPLE | ANIMALS | OUTDOORS),
        ("astronaut.jpg", ANIMALS | OUTDOORS | TEXT),
        ("cat.png", PEOPLE | OUTDOORS | TEXT),
    ],
)
def test_claims_nothing_that_is_not_there(rekognition: RekognitionClient, name: str, not_there: set[str]) -> None:
    assert not set(detect(rekognition, sample(name), MinConfidence=0)) & not_there


@pytest.mark.parametrize("color", ["white", "black", "skyblue", "green", "gray"])
def test_sees_nothing_in_a_plain_colour(rekognition: RekognitionClient, color: str) -> None:
    assert detect(rekognition, plain(color=color), MinConfidence=0) == {}


def test_sees_a_page_of_print(rekognition: RekognitionClient) -> None:
    lines = [
        "The quick brown fox jumps",
        "over the lazy dog and then",
        "comes back to sleep in the",
        "shade of an old oak tree",
    ]
    page = page_of_text([*lines, "until the evening falls."])

    labels = detect(rekognition, encoded(page))

    assert set(labels) == {"Text", "Page"}


def test_boxes_a_qr_code(rekognition: RekognitionClient) -> None:
    labels = detect(rekognition, encoded(qr_code("hello", canvas=(600, 400), corner=(330, 130))))

    box = labels["QR Code"]["Instances"][0]["BoundingBox"]
    assert (box["Left"], box["Top"]) == pytest.approx((330 / 600, 130 / 400), abs=0.06)
    assert (box["Width"], box["Height"]) == pytest.approx((200 / 600, 200 / 400), abs=0.12)


def test_answers_the_same_twice(rekognition: RekognitionClient, control: Control) -> None:
    features = {"Features": ["GENERAL_LABELS", "IMAGE_PROPERTIES"]}
    first = rekognition.detect_labels(Image={"Bytes": sample("astronaut.jpg")}, **features)  # type: ignore[arg-type]
    control.request("POST", "reset")

    second = rekognition.detect_labels(Image={"Bytes": sample("astronaut.jpg")}, **features)  # type: ignore[arg-type]

    assert {**first, "ResponseMetadata": None} == {**second, "ResponseMetadata": None}


LABELS = [
    {"name": "Cat", "confidence": 98},
    {"name": "Sky", "confidence": 80},
    {"name": "Cup", "confidence": 60},
    {"name": "Tree", "confidence": 54},
]
OUTSIDE = "Nature and Outdoors"
ALL_NAMES = ["Animal", "Cat", "Mammal", "Pet", "Nature", "Outdoors", "Sky", "Cup"]


@pytest.mark.parametrize(
    ("parameters", "names"),
    [
        ({}, ALL_NAMES),
        ({"MinConfidence": 0}, [*ALL_NAMES, "Plant", "Tree"]),
        ({"MinConfidence": 98}, ALL_NAMES[:4]),
        ({"MaxLabels": 2}, ALL_NAMES[:2]),
        ({"MaxLabels": 0}, []),
        ({"LabelInclusionFilters": ["Cat", "Cup"]}, ["Cat", "Cup"]),
        ({"LabelExclusionFilters": ["Cat", "Cup"]}, [n for n in ALL_NAMES if n not in ("Cat", "Cup")]),
        ({"LabelCategoryInclusionFilters": [OUTSIDE]}, ["Nature", "Outdoors", "Sky"]),
        ({"LabelCategoryExclusionFilters": ["Animals and Pets"]}, ["Nature", "Outdoors", "Sky", "Cup"]),
        ({"LabelInclusionFilters": ["Cup"], "LabelCategoryInclusionFilters": [OUTSIDE]}, ALL_NAMES[4:]),
        ({"LabelCategoryInclusionFilters": [OUTSIDE], "LabelExclusionFilters": ["Sky"]}, ["Nature", "Outdoors"]),
        ({"LabelInclusionFilters": ["Dog"]}, []),
    ],
)  # fmt: skip
def test_filters_labels(
    rekognition: RekognitionClient, control: Control, parameters: dict[str, Any], names: list[str]
) -> None:
    control.put_rules({"labels": LABELS})
    filters = {name: value for name, value in parameters.items() if "Filters" in name}
    others = {name: value for name, value in parameters.items() if "Filters" not in name}

    labels = detect(rekognition, plain(), Settings={"GeneralLabels": filters}, **others)

    assert list(labels) == names


def test_tells_colours_and_quality_only_when_asked(rekognition: RekognitionClient) -> None:
    general = rekognition.detect_labels(Image={"Bytes": sample("cat.png")})
    properties = rekognition.detect_labels(Image={"Bytes": sample("cat.png")}, Features=["IMAGE_PROPERTIES"])

    assert "ImageProperties" not in general
    assert all(label["Instances"] == [] for label in general["Labels"])
    assert properties["Labels"] == []
    assert set(properties["ImageProperties"]["Quality"]) == {"Brightness", "Sharpness", "Contrast"}
    assert set(properties["ImageProperties"]["Foreground"]["Quality"]) == {"Brightness", "Sharpness"}


def test_names_the_colours_as_css_does(rekognition: RekognitionClient) -> None:
    data = encoded(page_of_text([]).crop((0, 0, 200, 200)))
    answer = rekognition.detect_labels(Image={"Bytes": data}, Features=["IMAGE_PROPERTIES"])

    (color,) = answer["ImageProperties"]["DominantColors"]
    assert color == {
        "Red": 255, "Green": 255, "Blue": 255, "HexCode": "#ffffff", "CSSColor": "white", "SimplifiedColor": "white",
        "PixelPercent": 100.0,
    }  # fmt: skip


@pytest.mark.parametrize("most", [0, 1, 3, 20])
def test_limits_the_number_of_colours(rekognition: RekognitionClient, most: int) -> None:
    answer = rekognition.detect_labels(
        Image={"Bytes": sample("temple.jpg")},
        Features=["IMAGE_PROPERTIES"],
        Settings={"ImageProperties": {"MaxDominantColors": most}},
    )

    for part in (answer["ImageProperties"], answer["ImageProperties"]["Background"]):
        colors = part["DominantColors"]
        assert len(colors) <= most
        assert [c["PixelPercent"] for c in colors] == sorted((c["PixelPercent"] for c in colors), reverse=True)
        assert {c["CSSColor"] for c in colors} <= {css.name for css in CSS_COLORS}


def test_tells_the_colours_of_instances(rekognition: RekognitionClient) -> None:
    answer = rekognition.detect_labels(
        Image={"Bytes": sample("astronaut.jpg")}, Features=["GENERAL_LABELS", "IMAGE_PROPERTIES"]
    )

    face = next(label for label in answer["Labels"] if label["Name"] == "Face")
    families = {color["SimplifiedColor"] for color in face["Instances"][0]["DominantColors"]}
    assert "brown" in families
    assert not families & {"blue", "purple"}
