"""The detectors: what each asks Rekognition, and its answer as part of a result document. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Any, Final, Self, cast

from ..environment import EnvironmentVariableError, Variables
from ..results.document import (
    PLACE,
    Analysis,
    BoundingBox,
    Capture,
    Color,
    Face,
    Instance,
    Label,
    ModerationLabel,
    Text,
)
from ..results.item import FACTS_LAYOUT, MAX_LABELS, PictureHeader
from ..results.label_rules import LabelRules

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


OPERATIONS: Final = {
    Detector.LABELS: "DetectLabels",
    Detector.FACES: "DetectFaces",
    Detector.MODERATION: "DetectModerationLabels",
    Detector.TEXT: "DetectText",
}


@dataclass(frozen=True)
class DetectorSettings:
    """The questions about each picture."""

    detectors: tuple[Detector, ...]
    max_labels: int
    min_confidence: Decimal
    image_properties: bool = False
    """Dominant colours and quality, with the labels, at a separate charge."""
    keep_location: bool = False
    """Keep where a picture was taken."""
    rules: LabelRules | None = None
    """The rules that choose the labels to show; None shows all."""

    @classmethod
    def parse(cls, variables: Variables) -> Self:
        """Read the function's variables. Raises EnvironmentVariableError."""
        settings = cls(
            detectors=variables.parsed(
                "DETECTORS",
                lambda text: tuple(dict.fromkeys(Detector(name.strip()) for name in text.split(","))),
                "a list with commas of " + ", ".join(Detector),
            ),
            max_labels=variables.integer("MAX_LABELS", 1, MAX_LABELS),
            min_confidence=Decimal(str(variables.number("MIN_CONFIDENCE", 0, 100))),
            image_properties=variables.flag("IMAGE_PROPERTIES"),
            keep_location=variables.flag("KEEP_LOCATION"),
            rules=_label_rules(variables),
        )
        if settings.image_properties and Detector.LABELS not in settings.detectors:
            raise EnvironmentVariableError("IMAGE_PROPERTIES is 'true': expected DETECTORS to have labels then")
        return settings

    def fingerprint(self, detector: Detector) -> str:
        """Return a hash of everything that shapes this detector's answer."""
        facts: list[object] = [SCHEMA_VERSION, detector, str(self._least(detector).normalize())]
        if detector is Detector.LABELS:
            facts += [self.max_labels, self.image_properties]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]

    @cached_property
    def fingerprints(self) -> dict[str, str]:
        """Return the settings' fingerprint of each active detector."""
        return {detector: self.fingerprint(detector) for detector in self.detectors}

    @cached_property
    def detectors_fingerprint(self) -> str:
        """Return a hash of all detectors' settings."""
        return hashlib.sha256(json.dumps(sorted(self.fingerprints.items())).encode()).hexdigest()[:16]

    @cached_property
    def whole_fingerprint(self) -> str:
        """Return the fingerprint of all detectors, of the rules of labels and of the kept facts."""
        return self.whole_of(self.detectors_fingerprint)

    def whole_of(self, detectors_fingerprint: str) -> str:
        """Return the fingerprint of a result of these detectors."""
        return f"{detectors_fingerprint}.{self.rules.fingerprint if self.rules else ''}.{self.facts}"

    @property
    def facts(self) -> str:
        """Return the version of the facts that are kept of a file."""
        return f"{FACTS_LAYOUT}+place" if self.keep_location else FACTS_LAYOUT

    def kept(self, header: PictureHeader) -> PictureHeader:
        """Return a header with the facts that may be stored of it."""
        capture = header.capture or {}
        kept = {name: value for name, value in capture.items() if self.keep_location or name not in PLACE}
        return replace(header, capture=cast("Capture", kept) or None, facts=self.facts)

    def parameters(self, detector: Detector) -> dict[str, Any]:
        """Return the operation's parameters beside the picture."""
        match detector:
            case Detector.LABELS:
                request: dict[str, Any] = {
                    "MaxLabels": self.max_labels,
                    "MinConfidence": float(self._least(detector)),
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
        """Return the operation's answer as part of the document, without items below the minimum confidence."""
        least = self._least(detector)

        def sure(detections: Iterable[Any]) -> list[Any]:
            return [detection for detection in detections if detection["confidence"] >= least]

        match detector:
            case Detector.LABELS:
                analysis = Analysis(labels=sure(map(_label, answer.get("Labels", [])))[: self.max_labels])
                if self.image_properties:
                    _add_properties(analysis, answer.get("ImageProperties", {}))
                return analysis
            case Detector.FACES:
                return Analysis(faces=sure(map(_face, answer.get("FaceDetails", []))))
            case Detector.MODERATION:
                return Analysis(moderation=sure(map(_moderation, answer.get("ModerationLabels", []))))
            case Detector.TEXT:
                return Analysis(text=sure(map(_text, answer.get("TextDetections", []))))

    def shown(self, labels: list[Label]) -> list[Label]:
        """Return the labels that a result shows of these, which Rekognition gave."""
        return self.rules.shown(labels, self.min_confidence) if self.rules else labels

    def _least(self, detector: Detector) -> Decimal:
        """Return the confidence in percent from which a detector's answer is kept."""
        if self.rules and detector is Detector.LABELS:
            return self.rules.asked_confidence(self.min_confidence)
        return self.min_confidence


def _label_rules(variables: Variables) -> LabelRules | None:
    def mapping(name: str) -> dict[str, Any]:
        if name not in variables.values:
            return {}
        return variables.parsed(name, lambda text: dict(json.loads(text, parse_float=Decimal)), "a JSON object")

    confidences = {name: Decimal(value) for name, value in mapping("MIN_CONFIDENCE_BY_LABEL").items()}
    blocklist, allowlist = variables.names("LABEL_BLOCKLIST"), variables.names("LABEL_ALLOWLIST")
    rules = LabelRules.of(blocklist, allowlist, mapping("LABEL_ALIASES"), confidences)
    return rules if rules.fingerprint else None


def _number(value: float | int, places: int = _CONFIDENCE_PLACES) -> Decimal:
    """Return Rekognition's 32-bit float as a short decimal."""
    rounded = round(Decimal(str(value)), places).normalize()
    # normalize makes 1E+2 of 100, which reads badly.
    return rounded.quantize(Decimal(1)) if rounded == rounded.to_integral_value() else rounded


def _box(box: Mapping[str, Any]) -> BoundingBox:
    sides = {name.lower(): _number(box.get(name, 0), _BOX_PLACES) for name in ("Left", "Top", "Width", "Height")}
    return cast("BoundingBox", sides)


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
    return [entry["Name"] for entry in label.get(part, [])]


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


_TRAITS: Final = (
    *("Smile", "Gender", "Eyeglasses", "Sunglasses", "Beard", "Mustache"),
    *("EyesOpen", "MouthOpen", "FaceOccluded"),
)


def _face(face: Mapping[str, Any]) -> Face:
    converted: dict[str, Any] = {"confidence": _number(face["Confidence"]), "boundingBox": _box(face["BoundingBox"])}
    if "AgeRange" in face:
        converted["ageRange"] = {"low": Decimal(face["AgeRange"]["Low"]), "high": Decimal(face["AgeRange"]["High"])}
    if "Emotions" in face:
        emotions = [{"type": each["Type"], "confidence": _number(each["Confidence"])} for each in face["Emotions"]]
        converted["emotions"] = sorted(emotions, key=lambda emotion: emotion["confidence"], reverse=True)
    for trait in _TRAITS:
        if trait in face:
            value, confidence = face[trait]["Value"], _number(face[trait]["Confidence"])
            converted[trait[0].lower() + trait[1:]] = {"value": value, "confidence": confidence}
    for group in ("Pose", "Quality"):
        if group in face:
            converted[group.lower()] = {name.lower(): _number(value) for name, value in face[group].items()}
    return cast("Face", converted)


def _moderation(label: Mapping[str, Any]) -> ModerationLabel:
    converted: ModerationLabel = {
        "name": label["Name"],
        "parent": label.get("ParentName", ""),
        "confidence": _number(label["Confidence"]),
    }
    if "TaxonomyLevel" in label:
        converted["taxonomyLevel"] = Decimal(label["TaxonomyLevel"])
    return converted


def _text(text: Mapping[str, Any]) -> Text:
    return {
        "text": text["DetectedText"],
        "type": text["Type"],
        "confidence": _number(text["Confidence"]),
        "boundingBox": _box(text.get("Geometry", {}).get("BoundingBox", {})),
    }
