"""DetectLabels: objects and scenes, and the picture's colours and quality."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from rekognition_local.analysis import Analysis
from rekognition_local.contents import SeenLabel, labels_seen, with_parents
from rekognition_local.images import Picture
from rekognition_local.rule_answers import box_document, labels_of
from rekognition_local.vision.codes import find_qr_codes
from rekognition_local.vision.colors import DominantColor, find_colors, find_foreground
from rekognition_local.vision.faces import find_faces
from rekognition_local.vision.geometry import Box, Sighting
from rekognition_local.vision.people import find_people
from rekognition_local.vision.quality import Quality, measure
from rekognition_local.vision.scene import find_scene
from rekognition_local.vocabulary import LABEL_MODEL_VERSION

# API_DetectLabels: defaults of MinConfidence, MaxLabels and MaxDominantColors.
DEFAULT_MIN_CONFIDENCE = 55.0
DEFAULT_MAX_LABELS = 1000
DEFAULT_MAX_COLORS = 10
_PROPERTIES_SIDE_PX = 320


async def detect_labels(
    parameters: Mapping[str, Any], analysis: Analysis, rule_items: list[Any] | None
) -> dict[str, Any]:
    """Answer DetectLabels; without `Features`, GENERAL_LABELS is meant."""
    features = parameters.get("Features") or ["GENERAL_LABELS"]
    wants_colors = "IMAGE_PROPERTIES" in features
    answer: dict[str, Any] = {"Labels": [], "LabelModelVersion": LABEL_MODEL_VERSION}
    labels = with_parents(labels_of(rule_items)) if rule_items is not None else await _see(analysis)
    if "GENERAL_LABELS" in features:
        chosen = choose(labels, parameters)
        answer["Labels"] = [await _label_document(label, analysis, wants_colors) for label in chosen]
    if wants_colors:
        settings = parameters.get("Settings", {}).get("ImageProperties", {})
        objects = [instance.box for label in labels for instance in label.instances]
        most = settings.get("MaxDominantColors", DEFAULT_MAX_COLORS)
        answer["ImageProperties"] = await _properties(analysis, objects, most)
    return answer


async def _see(analysis: Analysis) -> list[SeenLabel]:
    faces, people, qr_codes, cues, objects, scores = await asyncio.gather(
        analysis.find(find_faces),
        analysis.find(find_people),
        analysis.find(find_qr_codes),
        analysis.find(find_scene),
        analysis.find(analysis.models.objects.find),
        analysis.scores(),
    )
    return labels_seen(faces, people, qr_codes, cues + objects, scores)


def choose(labels: list[SeenLabel], parameters: Mapping[str, Any]) -> list[SeenLabel]:
    """Return the labels that pass MinConfidence and the filters, at most MaxLabels of them.

    A label passes the inclusion filters when its name or one of its categories is included; an exclusion always
    wins (docs.aws.amazon.com/rekognition/latest/dg/labels-detect-labels-image.html).
    """
    least = parameters.get("MinConfidence", DEFAULT_MIN_CONFIDENCE)
    filters = parameters.get("Settings", {}).get("GeneralLabels", {})
    names, categories = (set(filters.get(f"Label{kind}InclusionFilters", ())) for kind in ("", "Category"))
    no_names, no_categories = (set(filters.get(f"Label{kind}ExclusionFilters", ())) for kind in ("", "Category"))

    def passes(label: SeenLabel) -> bool:
        included = not (names or categories) or label.name in names or bool(categories & set(label.categories))
        excluded = label.name in no_names or bool(no_categories & set(label.categories))
        return label.confidence >= least and included and not excluded

    return [label for label in labels if passes(label)][: parameters.get("MaxLabels", DEFAULT_MAX_LABELS)]


async def _label_document(label: SeenLabel, analysis: Analysis, wants_colors: bool) -> dict[str, Any]:
    return {
        "Name": label.name,
        "Confidence": label.confidence,
        "Instances": [await _instance_document(instance, analysis, wants_colors) for instance in label.instances],
        "Parents": [{"Name": name} for name in label.parents],
        "Aliases": [{"Name": name} for name in label.aliases],
        "Categories": [{"Name": name} for name in label.categories],
    }


async def _instance_document(instance: Sighting, analysis: Analysis, wants_colors: bool) -> dict[str, Any]:
    box = instance.box
    colors: list[DominantColor] = []
    if wants_colors:
        colors = await analysis.compute(f"colors of {box}", lambda picture: find_colors(picture.cut(box)))
    return {
        "BoundingBox": box_document(box),
        "Confidence": instance.confidence,
        "DominantColors": [_color_document(color) for color in colors[:DEFAULT_MAX_COLORS]],
    }


async def _properties(analysis: Analysis, objects: list[Box], most: int) -> dict[str, Any]:
    def both_grounds(picture: Picture) -> tuple[dict[str, Any], dict[str, Any]]:
        pixels = picture.pixels_at(_PROPERTIES_SIDE_PX)
        front = find_foreground(pixels, objects)
        return tuple(  # type: ignore[return-value]  # two masks, two documents
            {
                "DominantColors": [_color_document(color) for color in find_colors(pixels, mask)[:most]],
                "Quality": _quality_document(measure(pixels, mask)),
            }
            for mask in (front, ~front)
        )

    colors, quality, (foreground, background) = await asyncio.gather(
        analysis.compute("colors", lambda picture: find_colors(picture.pixels)),
        analysis.compute("quality", lambda picture: measure(picture.pixels)),
        analysis.compute(f"grounds of {objects} {most}", both_grounds),
    )
    return {
        "DominantColors": [_color_document(color) for color in colors[:most]],
        # The service gives contrast for the whole picture only.
        "Quality": {**_quality_document(quality), "Contrast": quality.contrast},
        "Foreground": foreground,
        "Background": background,
    }


def _quality_document(quality: Quality) -> dict[str, Any]:
    return {"Brightness": quality.brightness, "Sharpness": quality.sharpness}


def _color_document(color: DominantColor) -> dict[str, Any]:
    return {
        "Red": color.color.red,
        "Green": color.color.green,
        "Blue": color.color.blue,
        "HexCode": color.color.hex_code,
        "CSSColor": color.color.name,
        "SimplifiedColor": color.color.family,
        "PixelPercent": color.percent,
    }
