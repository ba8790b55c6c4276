"""DetectFaces: boxes, eyes, smile, pose and quality.

Nothing here analyses age, gender, beard, glasses or gaze. On request the answer has neutral values for them (any age,
50 %), so that programs written for the service find the members they read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rekognition_local.analysis import Analysis
from rekognition_local.rule_answers import faces_of, ordinary_face
from rekognition_local.vision.faces import Face, find_faces

# The service answers at most this many faces.
MOST_FACES = 100
DEFAULT_MEMBERS = ("BoundingBox", "Confidence", "Landmarks", "Pose", "Quality")
# Attribute → member of FaceDetail.
MEMBER_OF = {
    attribute: attribute.title().replace("_", "")
    for attribute in (
        *("AGE_RANGE", "BEARD", "EMOTIONS", "EYE_DIRECTION", "EYEGLASSES", "EYES_OPEN", "GENDER", "MOUTH_OPEN"),
        *("MUSTACHE", "FACE_OCCLUDED", "SMILE", "SUNGLASSES"),
    )
}


async def detect_faces(
    parameters: Mapping[str, Any], analysis: Analysis, rule_items: list[Any] | None
) -> dict[str, Any]:
    """Answer DetectFaces; without `Attributes`, DEFAULT is meant."""
    attributes = parameters.get("Attributes") or ["DEFAULT"]
    faces = [] if rule_items is not None else await analysis.find(find_faces)
    details = faces_of(rule_items or []) + [face_detail(face) for face in faces]
    members = chosen_members(attributes)
    return {"FaceDetails": [{name: detail[name] for name in members} for detail in details[:MOST_FACES]]}


def chosen_members(attributes: list[str]) -> list[str]:
    """Return the members of FaceDetail to answer: the default ones always, ALL beats single ones."""
    if "ALL" in attributes:
        return [*DEFAULT_MEMBERS, *MEMBER_OF.values()]
    return [*DEFAULT_MEMBERS, *(member for name, member in MEMBER_OF.items() if name in attributes)]


def face_detail(face: Face) -> dict[str, Any]:
    """Return a face's document with all members."""
    smiles, sure_of_smile = face.smile
    happy = sure_of_smile if smiles else 0.0
    emotions = [{"Type": "HAPPY", "Confidence": happy}, {"Type": "UNKNOWN", "Confidence": 100.0 - happy}]
    return ordinary_face(face.box, face.confidence) | {
        "Landmarks": landmarks(face),
        "Pose": {"Roll": face.roll, "Yaw": face.yaw, "Pitch": 0.0},
        "Quality": {"Brightness": face.quality.brightness, "Sharpness": face.quality.sharpness},
        "Smile": {"Value": smiles, "Confidence": sure_of_smile},
        "EyesOpen": {"Value": face.eyes_open[0], "Confidence": face.eyes_open[1]},
        "Emotions": sorted(emotions, key=lambda emotion: -float(str(emotion["Confidence"]))),
    }


def landmarks(face: Face) -> list[dict[str, Any]]:
    """Return the eyes that were detected, and by a face's usual proportions the nose and mouth below two of them."""
    points = [
        {"Type": name, "X": eye.x, "Y": eye.y}
        for name, eye in (("eyeLeft", face.left_eye), ("eyeRight", face.right_eye))
        if eye is not None
    ]
    if face.left_eye is None or face.right_eye is None:
        return points
    left, right = face.left_eye, face.right_eye
    across, tilt = right.x - left.x, right.y - left.y
    down = face.box.height
    middle_x, middle_y = (left.x + right.x) / 2, (left.y + right.y) / 2
    return [
        *points,
        {"Type": "mouthLeft", "X": left.x + 0.12 * across, "Y": left.y + 0.4 * down},
        {"Type": "mouthRight", "X": right.x - 0.12 * across, "Y": left.y + tilt + 0.4 * down},
        {"Type": "nose", "X": middle_x, "Y": middle_y + 0.22 * down},
    ]
