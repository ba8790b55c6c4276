"""The detectors: what each asks Rekognition, and the results that their answers make. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Any, Final, Self, TypeAlias, cast

from ..environment import EnvironmentVariableError, Variables
from ..results import keys
from ..results.codes import Status
from ..results.document import PLACE, Analysis, BoundingBox, Capture, Color, Face, Label, ModerationLabel, Result, Text
from ..results.item import (
    FACTS_LAYOUT,
    MAX_ANALYSIS_BYTES,
    MAX_LABELS,
    Answer,
    Item,
    PictureHeader,
    Write,
    all_labels,
    document,
    trimmed,
)
from ..results.label_rules import LabelRules
from .errors import PictureRejectedError
from .events import EventKind, ObjectEvent
from .s3_objects import StoredObject

SCHEMA_VERSION: Final = 2
"""Raise it when the same answer makes another document: answers that are cached are then not used."""

_MAX_COLORS: Final = 12
_CONFIDENCE_PLACES: Final = 4
_BOX_PLACES: Final = 6


Answers: TypeAlias = Mapping[str, Answer]
"""Answers by detector."""


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

    @cached_property
    def fingerprints(self) -> dict[str, str]:
        """Return a hash of everything that shapes a detector's answer, for each active one."""
        facts = {name: [SCHEMA_VERSION, name, str(self._least(name).normalize())] for name in self.detectors}
        if Detector.LABELS in facts:
            facts[Detector.LABELS] += [self.max_labels, self.image_properties]
        return {name: hashlib.sha256(json.dumps(each).encode()).hexdigest()[:16] for name, each in facts.items()}

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
        if detector is Detector.FACES:
            return {"Attributes": ["ALL"]}
        if detector is Detector.TEXT:
            return {}
        request: dict[str, Any] = {"MinConfidence": float(self._least(detector))}
        if detector is Detector.LABELS:
            request |= {"MaxLabels": self.max_labels, "Features": ["GENERAL_LABELS"]}
            if self.image_properties:
                request["Features"].append("IMAGE_PROPERTIES")
                request["Settings"] = {"ImageProperties": {"MaxDominantColors": _MAX_COLORS}}
        return request

    def analysis(self, detector: Detector, answer: Mapping[str, Any]) -> Analysis:
        """Return the operation's answer as part of the document, without items below the minimum confidence."""
        field, described = _ANSWERS[detector]
        least = self._least(detector)
        sure = [part for part in map(described, answer.get(field, [])) if part["confidence"] >= least]
        if detector is not Detector.LABELS:
            return cast("Analysis", {str(detector): sure})
        properties = _properties(answer.get("ImageProperties", {})) if self.image_properties else Analysis()
        return {**properties, "labels": sure[: self.max_labels]}

    def _least(self, detector: Detector) -> Decimal:
        """Return the confidence in percent from which a detector's answer is kept."""
        if self.rules and detector is Detector.LABELS:
            return self.rules.asked_confidence(self.min_confidence)
        return self.min_confidence

    def answer(self, detector: Detector, raw: Mapping[str, Any], header: PictureHeader) -> Answer:
        """Return the operation's answer about a picture as it is kept."""
        return Answer(self.analysis(detector, raw), self.kept(header))

    # --- results

    def labeled(
        self, event: ObjectEvent, stored: StoredObject, known: Answers, new_answers: Answers, now: datetime
    ) -> Write:
        """Return the result of known answers and of those that Rekognition has just given."""
        answers = {**known, **new_answers}
        # The header from a detector's answer records a conversion.
        header = next(iter((new_answers or known).values())).header
        whole = Analysis()
        for answer in answers.values():
            whole.update(answer.analysis)
        # The item has room for the labels twice if rules may change them.
        analysis, cut = trimmed(whole, MAX_ANALYSIS_BYTES // 2 if self.rules else MAX_ANALYSIS_BYTES)
        result = self._result(event, stored, Status.LABELED, now)
        result.update(cast("Result", analysis))
        withheld = self._show_labels(result, analysis["labels"]) if "labels" in analysis else None
        result["format"] = header.format
        if header.width is not None and header.height is not None:
            result["width"], result["height"] = header.width, header.height
        self._show_facts(result, header, now)
        if header.converted:
            result["converted"] = True
        result["reused"] = not new_answers
        if lost := sorted({*cut}.union(*(answer.truncated for answer in answers.values()))):
            result["truncated"] = lost
        return Write(result, event.position.event_time, self.whole_fingerprint, withheld)

    def rejected(self, event: ObjectEvent, stored: StoredObject, reason: PictureRejectedError, now: datetime) -> Write:
        """Return the result of a picture that was rejected."""
        result = self._result(event, stored, Status.REJECTED, now)
        result["code"], result["message"] = reason.code, reason.sentence
        return Write(result, event.position.event_time, self.whole_fingerprint)

    def refreshed(self, moves: Write, stored: Item, header: PictureHeader | None, now: datetime) -> Write:
        """Return the write with the labels that the rules show now, and a header's facts; with the same it moves."""
        result, before = moves.result, document(stored)
        if result["status"] != Status.LABELED:
            return moves
        withheld = self._show_labels(result, all_labels(stored)) if "labels" in result else None
        if header:
            self._show_facts(result, header, now)
        if result.get("labels") != before.get("labels"):
            result["processedAt"] = keys.iso_ms(now)
        is_same = all(result.get(name) == before.get(name) for name in ("labels", "capture"))
        return replace(moves, all_labels=withheld, moves=is_same)

    def _result(self, event: ObjectEvent, stored: StoredObject, status: Status, now: datetime) -> Result:
        result = event.result(status, now)
        result["etag"] = stored.etag
        result["sizeBytes"] = stored.size_bytes
        is_upload = event.kind is EventKind.CREATED
        result["uploadedAt"] = event.position.event_time if is_upload else stored.modified_at
        result["detectors"] = [str(detector) for detector in self.detectors]
        if stored.version_id:
            result["versionId"] = stored.version_id
        return result

    def _show_labels(self, result: Result, labels: list[Label]) -> list[Label] | None:
        """Show in a result the labels that the rules allow; return all labels if the rules change any."""
        result["labels"] = self.rules.shown(labels, self.min_confidence) if self.rules else labels
        return None if result["labels"] == labels else labels

    def _show_facts(self, result: Result, header: PictureHeader, now: datetime) -> None:
        """Add the camera's facts to a result, except a time that is still to come everywhere on Earth."""
        capture = self.kept(header).capture or {}
        latest = (now + timedelta(days=1)).isoformat()
        shown = {name: value for name, value in capture.items() if name != "takenAt" or str(value) <= latest}
        result.pop("capture", None)
        if shown:
            result["capture"] = cast("Capture", shown)


def _label_rules(variables: Variables) -> LabelRules | None:
    def mapping(name: str) -> dict[str, Any]:
        if name not in variables.values:
            return {}
        return variables.parsed(name, lambda text: dict(json.loads(text, parse_float=Decimal)), "a JSON object")

    confidences = {name: Decimal(value) for name, value in mapping("MIN_CONFIDENCE_BY_LABEL").items()}
    blocklist, allowlist = variables.names("LABEL_BLOCKLIST"), variables.names("LABEL_ALLOWLIST")
    rules = LabelRules.of(blocklist, allowlist, mapping("LABEL_ALIASES"), confidences)
    return rules if rules.fingerprint else None


# --- answers: Rekognition's names in camel case, and its 32-bit floats as short decimals


def _number(value: float | int, places: int = _CONFIDENCE_PLACES) -> Decimal:
    rounded = round(Decimal(str(value)), places).normalize()
    # normalize makes 1E+2 of 100, which reads badly.
    return rounded.quantize(Decimal(1)) if rounded == rounded.to_integral_value() else rounded


def _part(value: Any) -> Any:
    """Return a part of an answer as the document has it."""
    if isinstance(value, Mapping):
        return {_camel(name): _part(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_part(part) for part in value]
    return value if isinstance(value, (str, bool)) else _number(value)


def _camel(name: str) -> str:
    return name[0].lower() + name[1:]


def _known(answer: Mapping[str, Any], shape: type) -> dict[str, Any]:
    """Return the parts of an answer that the document has by the same names."""
    return {_camel(name): _part(part) for name, part in answer.items() if _camel(name) in shape.__annotations__}


def _box(box: Mapping[str, Any]) -> BoundingBox:
    sides = {name.lower(): _number(box.get(name, 0), _BOX_PLACES) for name in ("Left", "Top", "Width", "Height")}
    return cast("BoundingBox", sides)


def _label(label: Mapping[str, Any]) -> Label:
    def names(part: str) -> list[str]:
        return [entry["Name"] for entry in label.get(part, [])]

    return {
        "name": label["Name"],
        "confidence": _number(label["Confidence"]),
        "parents": names("Parents"),
        "aliases": names("Aliases"),
        "categories": names("Categories"),
        "instances": [
            {"confidence": _number(each.get("Confidence", 0)), "boundingBox": _box(each.get("BoundingBox", {}))}
            for each in label.get("Instances", [])
        ],
    }


def _properties(properties: Mapping[str, Any]) -> Analysis:
    colors: list[Color] = [
        {
            "hex": color["HexCode"],
            "name": color.get("SimplifiedColor") or color.get("CSSColor") or "",
            "percent": _number(color["PixelPercent"]),
        }
        for color in properties.get("DominantColors", [])
    ]
    return {"colors": colors, "quality": _part(properties.get("Quality", {}))}


def _face(face: Mapping[str, Any]) -> Face:
    described = _known(face, Face) | {"boundingBox": _box(face["BoundingBox"])}
    if "emotions" in described:
        described["emotions"].sort(key=lambda emotion: emotion["confidence"], reverse=True)
    return cast("Face", described)


def _moderation(label: Mapping[str, Any]) -> ModerationLabel:
    return cast("ModerationLabel", {"parent": label.get("ParentName", ""), **_known(label, ModerationLabel)})


def _text(text: Mapping[str, Any]) -> Text:
    box = _box(text.get("Geometry", {}).get("BoundingBox", {}))
    return cast("Text", {"text": text["DetectedText"], **_known(text, Text), "boundingBox": box})


_ANSWERS: Final[Mapping[Detector, tuple[str, Callable[[Mapping[str, Any]], Any]]]] = {
    Detector.LABELS: ("Labels", _label),
    Detector.FACES: ("FaceDetails", _face),
    Detector.MODERATION: ("ModerationLabels", _moderation),
    Detector.TEXT: ("TextDetections", _text),
}
