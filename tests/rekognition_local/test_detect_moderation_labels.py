"""DetectModerationLabels: rules, and the optional network for explicit pictures, which calls no harmless one so."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from mypy_boto3_rekognition import RekognitionClient

from rekognition_local.vocabulary import MODERATION_PARENTS, moderation_line
from tests.rekognition_local.conftest import Control
from tests.rekognition_local.pictures import SAMPLES, plain, sample


@pytest.mark.parametrize("name", sorted(path.name for path in SAMPLES.glob("*.*g")))
def test_calls_no_sample_explicit(rekognition: RekognitionClient, name: str) -> None:
    answer = rekognition.detect_moderation_labels(Image={"Bytes": sample(name)}, MinConfidence=0)

    assert answer["ModerationLabels"] == []
    assert answer["ModerationModelVersion"] == "7.0"


def test_a_plain_picture_of_skin_colour_means_nothing(rekognition: RekognitionClient) -> None:
    answer = rekognition.detect_moderation_labels(Image={"Bytes": plain(color="#e0ac69")}, MinConfidence=0)

    assert answer["ModerationLabels"] == []


def test_a_rule_s_labels_bring_their_ancestors(rekognition: RekognitionClient, control: Control) -> None:
    control.put_rules({"moderation": [{"name": "Weapon Violence", "confidence": 91}, "Gambling"]})

    answer = rekognition.detect_moderation_labels(Image={"Bytes": plain()})

    labels = [(x["Name"], x["ParentName"], x["TaxonomyLevel"], x["Confidence"]) for x in answer["ModerationLabels"]]
    assert labels == [
        ("Gambling", "", 1, 99),
        ("Weapon Violence", "Graphic Violence", 3, 91),
        ("Graphic Violence", "Violence", 2, 91),
        ("Violence", "", 1, 91),
    ]


@pytest.mark.parametrize(("least", "names"), [(None, ["Gambling"]), (40, ["Gambling", "Alcohol"]), (95, [])])
def test_leaves_out_what_is_below_the_minimum_confidence(
    rekognition: RekognitionClient, control: Control, least: float | None, names: list[str]
) -> None:
    rule = [{"name": "Gambling", "confidence": 60}, {"name": "Alcohol", "confidence": 45}]
    control.put_rules({"moderation": rule})
    parameters = {} if least is None else {"MinConfidence": least}

    answer = rekognition.detect_moderation_labels(Image={"Bytes": plain()}, **parameters)  # type: ignore[arg-type]

    assert [label["Name"] for label in answer["ModerationLabels"]] == names


def test_says_that_human_review_is_not_implemented(rekognition: RekognitionClient) -> None:
    flow = {"HumanLoopName": "loop", "FlowDefinitionArn": "arn:aws:sagemaker:eu-west-1:000000000000:flow-definition/f"}

    with pytest.raises(ClientError, match="HumanLoopConfig") as failure:
        rekognition.detect_moderation_labels(Image={"Bytes": plain()}, HumanLoopConfig=flow)  # type: ignore[arg-type]

    assert failure.value.response["Error"]["Code"] == "NotImplementedException"


def test_the_taxonomy_has_three_levels() -> None:
    levels = {name: moderation_line(name)[0][2] for name in MODERATION_PARENTS}

    assert set(levels.values()) == {1, 2, 3}
    assert [name for name, level in levels.items() if level == 1][:4] == [
        "Explicit", "Non-Explicit Nudity of Intimate parts and Kissing", "Swimwear or Underwear", "Violence",
    ]  # fmt: skip
    assert moderation_line("Something Else") == [("Something Else", "", 1)]
