"""Complete a rule's answer to a detector's findings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from rekognition_local.contents import SeenLabel, known_label
from rekognition_local.errors import ConfigurationError
from rekognition_local.vision.geometry import Box, Sighting
from rekognition_local.vision.print_text import Line, Word
from rekognition_local.vision.scene import Cue
from rekognition_local.wire import check_answer, service_model

DEFAULT_CONFIDENCE = 99.0
_DEFAULT_BOX = Box(0.25, 0.25, 0.5, 0.5)


def labels_of(items: list[Any]) -> list[SeenLabel]:
    """Return the labels of a rule: names, or objects with name, confidence, parents, categories, aliases, instances."""
    return [_label(_named(item, "name", {"parents", "categories", "aliases", "instances"})) for item in items]


def _label(item: Mapping[str, Any]) -> SeenLabel:
    confidence = _confidence(item)
    instances = [Sighting(_box(each), _confidence(each, confidence)) for each in _list(item, "instances", dict)]
    texts: dict[str, Any] = {
        name: tuple(_list(item, name, str)) for name in ("categories", "parents", "aliases") if name in item
    }
    return replace(known_label(item["name"], confidence, instances), **texts)


def moderation_of(items: list[Any]) -> list[Cue]:
    """Return the moderation labels of a rule: names, or objects with name and confidence."""
    named = [_named(item, "name", set()) for item in items]
    return [Cue(item["name"], _confidence(item)) for item in named]


def text_of(items: list[Any]) -> list[Line]:
    """Return the lines of a rule: texts, or objects with text, confidence and boundingBox.

    Words share the line's box.
    """
    lines = []
    for number, item in enumerate(_named(item, "text", {"boundingBox"}) for item in items):
        box = _box(item) if "boundingBox" in item else Box(0.1, min(0.9, 0.1 + 0.1 * number), 0.8, 0.08)
        words = tuple(Word(word, box, _confidence(item)) for word in item["text"].split())
        if words:
            lines.append(Line(words))
    return lines


def faces_of(items: list[Any]) -> list[dict[str, Any]]:
    """Return the faces of a rule: the service's FaceDetail with member names in camelCase. {} is an ordinary face."""
    output = service_model().operation_model("DetectFaces").output_shape
    shape = output.members["FaceDetails"].member  # type: ignore[union-attr]  # a structure with a list
    details = []
    for item in items:
        if not isinstance(item, Mapping):
            raise ValueError(f"each face is an object, {{}} for an ordinary face; got {item!r}")
        box = _box(item) if "boundingBox" in item else _DEFAULT_BOX
        members = {name: value for name, value in item.items() if name != "boundingBox"}
        detail: dict[str, Any] = ordinary_face(box, _confidence(item)) | _pascal(members)
        check_answer(detail, shape, "face")
        details.append(detail)
    return details


def ordinary_face(box: Box, confidence: float) -> dict[str, Any]:
    """Return a FaceDetail of which only the box is known: attributes are at a coin's 50 %, the age is anyone's."""
    unknown = {"Value": False, "Confidence": 50.0}
    flags = ("Smile", "Eyeglasses", "Sunglasses", "Beard", "Mustache", "EyesOpen", "MouthOpen", "FaceOccluded")
    return {
        "BoundingBox": box_document(box),
        "Confidence": confidence,
        "Landmarks": [],
        "Pose": {"Roll": 0.0, "Yaw": 0.0, "Pitch": 0.0},
        "Quality": {"Brightness": 50.0, "Sharpness": 50.0},
        "AgeRange": {"Low": 0, "High": 100},
        "Gender": {"Value": "Female", "Confidence": 50.0},
        "Emotions": [{"Type": "UNKNOWN", "Confidence": 100.0}],
        "EyeDirection": {"Yaw": 0.0, "Pitch": 0.0, "Confidence": 50.0},
        **{flag: dict(unknown) for flag in flags},
    }


def box_document(box: Box) -> dict[str, float]:
    """Return a box as the service writes it."""
    return {"Width": box.width, "Height": box.height, "Left": box.left, "Top": box.top}


def check_items(kind: str, items: list[Any], where: str) -> None:
    """Raise ConfigurationError unless a rule's items of a kind (labels, faces, …) can be answered."""
    try:
        _PARSERS[kind](items)
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(f"{where}: {error}") from error


_PARSERS: dict[str, Callable[[list[Any]], object]] = {
    "labels": labels_of,
    "faces": faces_of,
    "moderation": moderation_of,
    "text": text_of,
}


def _pascal(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name[:1].upper() + name[1:]: _pascal(member) for name, member in value.items()}
    return [_pascal(item) for item in value] if isinstance(value, list) else value


def _named(item: Any, key: str, others: set[str]) -> Mapping[str, Any]:
    document = {key: item} if isinstance(item, str) else item
    if not isinstance(document, Mapping) or not isinstance(document.get(key), str) or not document[key]:
        raise ValueError(f"each entry is a string, or an object with {key}; got {item!r}")
    known = {key, "confidence", *others}
    if unknown := sorted(set(document) - known):
        raise ValueError(f"{document[key]!r} has unknown members {unknown}: expected {sorted(known)}")
    return document


def _confidence(item: Mapping[str, Any], default: float = DEFAULT_CONFIDENCE) -> float:
    confidence = item.get("confidence", default)
    if isinstance(confidence, bool) or not isinstance(confidence, (int, float)) or not 0 <= confidence <= 100:
        raise ValueError(f"confidence is {confidence!r}: expected 0 to 100")
    return float(confidence)


def _box(item: Mapping[str, Any]) -> Box:
    box = item["boundingBox"]
    if not isinstance(box, Mapping) or set(box) != {"left", "top", "width", "height"}:
        raise ValueError(f"boundingBox needs left, top, width and height; got {box!r}")
    return Box(**{name: float(value) for name, value in box.items()})


def _list(item: Mapping[str, Any], name: str, kind: type) -> list[Any]:
    values = item.get(name, [])
    if not isinstance(values, list) or not all(isinstance(value, kind) for value in values):
        raise ValueError(f"{name} must be a list of {kind.__name__}; got {values!r}")
    return values
