"""DetectModerationLabels: answers of a rule, of the user's own model, or of the optional network for explicit
pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rekognition_local.analysis import Analysis
from rekognition_local.contents import moderation_seen
from rekognition_local.errors import NotImplementedHereError
from rekognition_local.rule_answers import moderation_of
from rekognition_local.vision.scene import Cue
from rekognition_local.vocabulary import MODERATION_MODEL_VERSION, moderation_line

# API_DetectModerationLabels: default of MinConfidence.
DEFAULT_MIN_CONFIDENCE = 50.0


async def detect_moderation_labels(
    parameters: Mapping[str, Any], analysis: Analysis, rule_items: list[Any] | None
) -> dict[str, Any]:
    """Answer DetectModerationLabels. Raises NotImplementedHereError for human review and for adapters."""
    for name in ("HumanLoopConfig", "ProjectVersion"):
        if name in parameters:
            raise NotImplementedHereError(f"The local Rekognition does not implement {name} of DetectModerationLabels")
    if rule_items is not None:
        labels = moderation_of(rule_items)
    else:
        labels = moderation_seen(await analysis.scores(), await analysis.find(analysis.models.moderation.find))
    least = parameters.get("MinConfidence", DEFAULT_MIN_CONFIDENCE)
    return {
        "ModerationLabels": [label for label in with_ancestors(labels) if label["Confidence"] >= least],
        "ModerationModelVersion": MODERATION_MODEL_VERSION,
        "ContentTypes": [],
    }


def with_ancestors(labels: list[Cue]) -> list[dict[str, Any]]:
    """Return each label and its ancestors once, with the highest confidence, the most specific first."""
    by_name: dict[str, dict[str, Any]] = {}
    for label in labels:
        for name, parent, level in moderation_line(label.name):
            confidence = max(label.confidence, by_name.get(name, {}).get("Confidence", 0.0))
            by_name[name] = {"Name": name, "ParentName": parent, "TaxonomyLevel": level, "Confidence": confidence}
    return sorted(by_name.values(), key=lambda each: (-each["Confidence"], -each["TaxonomyLevel"], each["Name"]))
