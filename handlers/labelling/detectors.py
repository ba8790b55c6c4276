"""The detectors: what each asks Rekognition, and its answer as part of a result document. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, cast

from handlers.results.document import Analysis, BoundingBox, Color, Face, Instance, Label, ModerationLabel, Text

SCHEMA_VERSION: Final = 2
"""Raise it when the same answer makes another document: answers that are cached are then not used."""

_MAX_COLORS: Final = 12
_CONFIDENCE_PLACES: Final = 4
_BOX_PLACES: Final = 6


class Detector(StrEnum):
    """A switch of the settings; each is one Rekognition operation, and one charge per picture."""

    LABELS = "labels"
    FACES = "faces"
    MODERATION = "moderation"
    TEXT = "text"

    @property
    def operation(self) -> str:
        """The Rekognition operation."""
        return _OPERATIONS[self]


_OPERATIONS: Final = {
    Detector.LABELS: "DetectLabels",
    Detector.FACES: "DetectFaces",
    Detector.MODERATION: "DetectModerationLabels",
    Detector.TEXT: "DetectText",
}


@dataclass(frozen=True)
class DetectorSettings:
    """What is asked of each picture."""

    detectors: tuple[Detector, ...]
    max_labels: int
    min_confidence: Decimal
    image_properties: bool = False
    """Dominant colours and quality, with the labels; a charge of its own."""

    def fingerprint(self, detector: Detector) -> str:
        """Stands for all that shapes this detector's answer."""
        facts: list[object] = [SCHEMA_VERSION, detector, str(self.min_confidence.normalize())]
        if detector is Detector.LABELS:
            facts += [self.max_labels, self.image_properties]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]

    @property
    def fingerprints(self) -> dict[str, str]:
        """By detector, for those that are on."""
        return {detector: self.fingerprint(detector) for detector in self.detectors}

    @property
    def whole_fingerprint(self) -> str:
        """Stands for all detectors together."""
        return hashlib.sha256(json.dumps(sorted(self.fingerprints.items())).encode()).hexdigest()[:16]

    def parameters(self, detector: Detector) -> dict[str, Any]:
        """What the operation is asked, next to the picture."""
        match detector:
            case Detector.LABELS:
                request: dict[str, Any] = {
                    "MaxLabels": self.max_labels,
                    "MinConfidence": float(self.min_confidence),
                    "Features": ["GENERAL_LABELS"],
                }
                if self.image_properties:
                    request["Features"].append("IMAGE_PROPERTIES")
                    request["Settings"] = {"ImageProperties": {"MaxDominantColors": _MAX_COLORS}}
                return request
            case Detector.FACES:
                return {"Attributes": ["ALL"]}
            case Detector.MODERATION:
                return {"MinConfidence": float(self.min_confidence)}
            case Detector.TEXT:
                return {}

    def analysis(self, detector: Detector, answer: Mapping[str, Any]) -> Analysis:
        """The operation's answer as part of the document, without what is less certain than asked for."""
        match detector:
            case Detector.LABELS:
                found = Analysis(labels=self._sure(map(_label, answer.get("Labels", [])))[: self.max_labels])
                if self.image_properties:
                    _add_properties(found, answer.get("ImageProperties", {}))
                return found
            case Detector.FACES:
                return Analysis(faces=self._sure(map(_face, answer.get("FaceDetails", []))))
            case Detector.MODERATION:
                return Analysis(moderation=self._sure(map(_moderation, answer.get("ModerationLabels", []))))
            case Detector.TEXT:
                return Analysis(text=self._sure(map(_text, answer.get("TextDetections", []))))

    def _sure(self, found: Iterable[Any]) -> list[Any]:
        return [one for one in found if one["confidence"] >= self.min_confidence]


def _number(value: float | int, places: int = _CONFIDENCE_PLACES) -> Decimal:
    """Rekognition's 32-bit floats as short decimals."""
    rounded = round(Decimal(str(value)), places).normalize()
    # normalize makes 1E+2 of 100, which reads badly.
    return rounded.quantize(Decimal(1)) if rounded == rounded.to_integral_value() else rounded


def _box(box: Mapping[str, Any]) -> BoundingBox:
    return {
        "left": _number(box.get("Left", 0), _BOX_PLACES),
        "top": _number(box.get("Top", 0), _BOX_PLACES),
        "width": _number(box.get("Width", 0), _BOX_PLACES),
        "height": _number(box.get("Height", 0), _BOX_PLACES),
    }


def _label(label: Mapping[str, Any]) -> Label:
    instances: list[Instance] = [
        {"confidence": _number(instance.get("Confidence", 0)), "boundingBox": _box(instance.get("BoundingBox", {}))}
        for instance in label.get("Instances", [])
    ]
    return {
        "name": label["Name"],
        "confidence": _number(label["Confidence"]),
        "parents": _names(label, "Parents"),
        "aliases": _names(label, "Aliases"),
        "categories": _names(label, "Categories"),
        "instances": instances,
    }


def _names(label: Mapping[str, Any], part: str) -> list[str]:
    return [one["Name"] for one in label.get(part, [])]


def _add_properties(analysis: Analysis, properties: Mapping[str, Any]) -> None:
    colors: list[Color] = [
        {
            "hex": color["HexCode"],
            "name": color.get("SimplifiedColor") or color.get("CSSColor") or "",
            "percent": _number(color["PixelPercent"]),
        }
        for color in properties.get("DominantColors", [])
    ]
    analysis["colors"] = colors
    analysis["quality"] = {name.lower(): _number(value) for name, value in properties.get("Quality", {}).items()}


_TRAITS: Final = {
    "Smile": "smile",
    "Gender": "gender",
    "Eyeglasses": "eyeglasses",
    "Sunglasses": "sunglasses",
    "Beard": "beard",
    "Mustache": "mustache",
    "EyesOpen": "eyesOpen",
    "MouthOpen": "mouthOpen",
    "FaceOccluded": "faceOccluded",
}


def _face(face: Mapping[str, Any]) -> Face:
    found: dict[str, Any] = {"confidence": _number(face["Confidence"]), "boundingBox": _box(face["BoundingBox"])}
    if "AgeRange" in face:
        found["ageRange"] = {"low": Decimal(face["AgeRange"]["Low"]), "high": Decimal(face["AgeRange"]["High"])}
    if "Emotions" in face:
        emotions = [{"type": one["Type"], "confidence": _number(one["Confidence"])} for one in face["Emotions"]]
        found["emotions"] = sorted(emotions, key=lambda one: one["confidence"], reverse=True)
    for theirs, ours in _TRAITS.items():
        if theirs in face:
            found[ours] = {"value": face[theirs]["Value"], "confidence": _number(face[theirs]["Confidence"])}
    for theirs, ours in (("Pose", "pose"), ("Quality", "quality")):
        if theirs in face:
            found[ours] = {name.lower(): _number(value) for name, value in face[theirs].items()}
    return cast("Face", found)


def _moderation(label: Mapping[str, Any]) -> ModerationLabel:
    found: ModerationLabel = {
        "name": label["Name"],
        "parent": label.get("ParentName", ""),
        "confidence": _number(label["Confidence"]),
    }
    if "TaxonomyLevel" in label:
        found["taxonomyLevel"] = Decimal(label["TaxonomyLevel"])
    return found


def _text(text: Mapping[str, Any]) -> Text:
    return {
        "text": text["DetectedText"],
        "type": text["Type"],
        "confidence": _number(text["Confidence"]),
        "boundingBox": _box(text.get("Geometry", {}).get("BoundingBox", {})),
    }
