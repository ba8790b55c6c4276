"""The contents of a picture: labels, moderation labels and lines of text, before the wire format."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from rekognition_local.vision import moderation
from rekognition_local.vision.classifier import Score
from rekognition_local.vision.codes import Code
from rekognition_local.vision.faces import Face
from rekognition_local.vision.geometry import Box, Sighting
from rekognition_local.vision.print_text import Line, Word
from rekognition_local.vision.scene import Cue
from rekognition_local.vocabulary import entry_of

# A single upright face at least this tall makes the picture a portrait.
PORTRAIT_HEIGHT = 0.2
CROWD = 10
CODE_CONFIDENCE = 99.0


@dataclass(frozen=True, slots=True)
class SeenLabel:
    """A label with its confidence, boxes, parents, categories and aliases."""

    name: str
    confidence: float
    instances: tuple[Sighting, ...] = ()
    parents: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()


def known_label(name: str, confidence: float, instances: Iterable[Sighting] = ()) -> SeenLabel:
    """Return a label with the parents, category and aliases of the vocabulary."""
    entry = entry_of(name)
    categories = (entry.category,) if entry.category else ()
    return SeenLabel(name, confidence, tuple(instances), entry.parents, categories, entry.aliases)


def labels_seen(
    faces: list[Face],
    people: list[Sighting],
    qr_codes: list[Code],
    cues: list[Cue],
    scores: list[Score],
) -> list[SeenLabel]:
    """Return all labels that the detectors support, parents included, the surest first."""
    codes = [Sighting(box_of(code.corners), CODE_CONFIDENCE) for code in qr_codes]
    labels = [
        *_labels_of_people(faces, people),
        *([known_label("QR Code", CODE_CONFIDENCE, codes)] if codes else []),
        *(known_label(cue.name, cue.confidence) for cue in cues),
        *(_label_of_score(score) for score in scores if not score.model_class.is_moderation),
    ]
    return with_parents(labels)


def with_parents(labels: Iterable[SeenLabel]) -> list[SeenLabel]:
    """Return each name once with its highest confidence, its parents at least as sure as it; the surest first."""
    best: dict[str, SeenLabel] = {}
    for label in labels:
        known = best.get(label.name)
        if known is None or label.confidence > known.confidence:
            best[label.name] = replace(label, instances=label.instances or (known.instances if known else ()))
    waiting = list(best.values())
    while waiting:
        label = waiting.pop()
        for parent in label.parents:
            known = best.get(parent) or known_label(parent, -1.0)
            if known.confidence < label.confidence:
                best[parent] = replace(known, confidence=label.confidence)
                waiting.append(best[parent])
    return sorted(best.values(), key=lambda label: (-label.confidence, label.name))


def _labels_of_people(faces: list[Face], people: list[Sighting]) -> list[SeenLabel]:
    """Label persons: bodies, and faces without a body, whose box is the face's."""
    heads = [Sighting(face.box, face.confidence) for face in faces]
    persons = [*people, *(head for head in heads if not any(body.box.contains_centre_of(head.box) for body in people))]
    labels = []
    if persons:
        labels.append(known_label("Person", max(person.confidence for person in persons), persons))
    if heads:
        sure = max(head.confidence for head in heads)
        labels += [known_label("Face", sure, heads), known_label("Head", sure, heads)]
    if len(persons) >= 2:
        labels.append(known_label("People", sorted(person.confidence for person in persons)[-2]))
    if len(persons) >= CROWD:
        labels.append(known_label("Crowd", sorted(person.confidence for person in persons)[-CROWD]))
    smiles = [face.smile[1] for face in faces if face.smile[0]]
    if smiles:
        labels += [known_label("Smile", max(smiles)), known_label("Happy", max(smiles))]
    if len(persons) == 1 and faces and faces[0].box.height >= PORTRAIT_HEIGHT and faces[0].yaw == 0:
        labels.append(known_label("Portrait", 0.9 * faces[0].confidence))
    return labels


def _label_of_score(score: Score) -> SeenLabel:
    model_class = score.model_class
    if not model_class.known:
        return known_label(model_class.name, score.confidence)
    categories = (model_class.category,) if model_class.category else ()
    return SeenLabel(model_class.name, score.confidence, (), model_class.parents, categories)


def moderation_seen(scores: list[Score], explicit: float | None) -> list[Cue]:
    """Return the moderation labels, without ancestors: those of the user's model, and of the detector of explicit."""
    labels = [Cue(score.model_class.name, score.confidence) for score in scores if score.model_class.is_moderation]
    return labels if explicit is None else [*labels, Cue(moderation.LABEL, explicit)]


def lines_of_codes(codes: list[Code]) -> list[Line]:
    """Return the codes as lines of their text."""
    lines = (
        Line(tuple(Word(word, box_of(code.corners), CODE_CONFIDENCE) for word in code.text.split())) for code in codes
    )
    return [line for line in lines if line.words]


def box_of(corners: Iterable[tuple[float, float]]) -> Box:
    """Return the upright box around some points."""
    points = list(corners)
    left, top = min(x for x, _ in points), min(y for _, y in points)
    return Box(left, top, max(x for x, _ in points) - left, max(y for _, y in points) - top)
