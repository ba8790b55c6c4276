"""The double's answers for a picture, by the beginning of its file name. Invented; the boxes fit the samples."""

from __future__ import annotations

from typing import Any


def box(left: float, top: float, width: float, height: float) -> dict[str, float]:
    """Return a bounding box in fractions of the picture."""
    return {"left": left, "top": top, "width": width, "height": height}


def label(name: str, confidence: float, *boxes: dict[str, float], parents: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return a label of the result document."""
    return {
        "name": name,
        "confidence": confidence,
        "parents": list(parents),
        "aliases": [],
        "categories": [],
        "instances": [{"confidence": confidence - 0.4, "boundingBox": bounding_box} for bounding_box in boxes],
    }


def face(confidence: float, where: dict[str, float]) -> dict[str, Any]:
    """Return a face of the result document."""
    return {
        "confidence": confidence,
        "boundingBox": where,
        "ageRange": {"low": 34, "high": 42},
        "emotions": [{"type": "HAPPY", "confidence": 98.1}],
        "smile": {"value": True, "confidence": 97.2},
        "eyesOpen": {"value": True, "confidence": 99.0},
        "pose": {"pitch": 1.2, "roll": -4.0, "yaw": 3.5},
        "quality": {"brightness": 81.0, "sharpness": 92.2},
    }


SCENES: dict[str, dict[str, Any]] = {
    "cat": {
        "labels": [
            label("Cat", 99.2, box(0.28, 0.01, 0.68, 0.97), parents=("Animal", "Mammal", "Pet")),
            label("Whiskers", 93.7),
            label("Pet", 91.4, parents=("Animal",)),
            label("Indoors", 74.1),
        ],
        "colors": [
            {"hex": "#8a6f55", "name": "tan", "percent": 41.5},
            {"hex": "#3d3026", "name": "brown", "percent": 30.0},
            {"hex": "#c9b49a", "name": "beige", "percent": 18.5},
        ],
    },
    "astronaut": {
        "labels": [
            label("Person", 99.8, box(0.02, 0.02, 0.9, 0.97)),
            label("Astronaut", 96.4, box(0.02, 0.02, 0.9, 0.97), parents=("Person",)),
            label("Flag", 88.0, box(0.0, 0.0, 0.25, 0.6)),
            label("Rocket", 79.9, box(0.62, 0.0, 0.25, 0.5), parents=("Vehicle",)),
        ],
        "faces": [face(99.9, box(0.34, 0.13, 0.2, 0.28))],
    },
    "coffee": {
        "labels": [label("Cup", 99.0, box(0.2, 0.1, 0.6, 0.75)), label("Coffee", 97.8, parents=("Beverage",))],
    },
    "rocket": {"labels": [label("Rocket", 98.3, parents=("Vehicle",)), label("Night", 87.2), label("Launch", 71.0)]},
    "flower": {"labels": [label("Flower", 99.6, box(0.3, 0.1, 0.45, 0.75), parents=("Plant",)), label("Petal", 95.2)]},
    "temple": {"labels": [label("Architecture", 98.9), label("Temple", 94.1), label("Tree", 83.3)]},
    "photographer": {
        "labels": [label("Person", 99.1, box(0.2, 0.1, 0.5, 0.85)), label("Camera", 90.7, box(0.42, 0.2, 0.2, 0.15))],
        "faces": [],
    },
    "poster": {
        "labels": [label("Poster", 92.0)],
        "text": [
            {"text": "LABELSTACK", "type": "LINE", "confidence": 98.8, "boundingBox": box(0.1, 0.1, 0.5, 0.12)},
            {"text": "LABELSTACK", "type": "WORD", "confidence": 98.8, "boundingBox": box(0.1, 0.1, 0.5, 0.12)},
        ],
    },
    "galaxies": {"labels": [label("Outer Space", 99.0), label("Night", 76.5)]},
    "flagged": {
        "labels": [label("Person", 97.0)],
        "moderation": [
            {"name": "Explicit Nudity", "parent": "Explicit", "confidence": 96.3, "taxonomyLevel": 2},
        ],
    },
    "blank": {"labels": []},
    "markup": {"labels": [label("<img src=x onerror=alert(1)>", 90.0)]},
}


def see(file_name: str) -> dict[str, Any]:
    """Return the contents of a picture of this name."""
    for beginning, scene in SCENES.items():
        if file_name.startswith(beginning):
            return scene
    return {"labels": [label("Thing", 80.0)]}
