"""What travels between the steps of the workflow, as JSON: pure.

Step Functions takes 256 KB of state. Answers travel compressed: 350 KB of analysis, the most that a result keeps, come
to less than half of that. Pictures do not travel: each step that needs one reads it from the bucket.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from handlers.labelling.detectors import Detector
from handlers.labelling.errors import (
    AnnouncementError,
    ConversionDelayedError,
    LabellingError,
    ObjectGoneError,
    PictureRejectedError,
    RekognitionDeniedError,
    RekognitionServerError,
    RekognitionThrottledError,
    RekognitionTimeoutError,
    StorageError,
    TransientError,
)
from handlers.labelling.events import EventKind, ObjectEvent
from handlers.labelling.ports import StoredObject
from handlers.results.cache import Answer, PictureHeader
from handlers.results.codes import Code
from handlers.results.document import json_ready
from handlers.results.order import Position
from handlers.results.size import MAX_ANALYSIS_BYTES, trimmed

State = dict[str, Any]

_ERRORS: Final[Mapping[str, type[LabellingError]]] = {
    error.__name__: error
    for error in (
        ObjectGoneError,
        RekognitionThrottledError,
        RekognitionTimeoutError,
        RekognitionServerError,
        RekognitionDeniedError,
        ConversionDelayedError,
        StorageError,
        AnnouncementError,
    )
} | {
    # To the queue it is the same: the result is stored, and not announced yet.
    "AnnouncementClaimedError": AnnouncementError,
    # Lambda refuses to run another instance: a quota too, which passes.
    "Lambda.TooManyRequestsException": RekognitionThrottledError,
    "TableUnavailableError": StorageError,
}


def error_of(name: str) -> LabellingError:
    """The error that a step failed with, by the name that Step Functions gives it."""
    return _ERRORS.get(name, TransientError)(f"a step of the workflow failed: {name}")


def ended(state: Mapping[str, Any], outcome: str) -> State:
    """The state of an event that has come to its end."""
    return {"event": state["event"], "outcome": str(outcome)}


def encode_event(event: ObjectEvent) -> State:
    """An event as state."""
    return {**asdict(event), "kind": str(event.kind), "position": list(event.position)}


def decode_event(state: Mapping[str, Any]) -> ObjectEvent:
    """What `encode_event` made."""
    return ObjectEvent(**{**state, "kind": EventKind(state["kind"]), "position": Position(*state["position"])})


def encode_object(stored: StoredObject) -> State:
    """An object version as state."""
    return {**asdict(stored), "modified_at": stored.modified_at.isoformat()}


def decode_object(state: Mapping[str, Any]) -> StoredObject:
    """What `encode_object` made."""
    return StoredObject(**{**state, "modified_at": datetime.fromisoformat(state["modified_at"])})


def encode_heard(detector: Detector, heard: Answer | PictureRejectedError) -> State:
    """What came of asking one detector. What else it raises Step Functions adds by its name, as `error`."""
    if isinstance(heard, PictureRejectedError):
        return {"detector": str(detector), "rejected": {"code": str(heard.code), "detail": heard.detail}}
    analysis, cut = trimmed(heard.analysis, MAX_ANALYSIS_BYTES)
    content = {
        "analysis": json_ready(analysis),
        "header": asdict(heard.header),
        "truncated": sorted({*heard.truncated, *cut}),
    }
    packed = zlib.compress(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode(), level=9)
    return {"detector": str(detector), "answer": base64.b85encode(packed).decode()}


def decode_heard(state: Mapping[str, Any]) -> Answer | LabellingError | None:
    """What `encode_heard` made, or Step Functions; None of a detector that was not asked."""
    if "rejected" in state:
        return PictureRejectedError(Code(state["rejected"]["code"]), state["rejected"]["detail"])
    if "error" in state:
        return error_of(state["error"])
    if "answer" not in state:
        return None
    text = zlib.decompress(base64.b85decode(state["answer"])).decode()
    # As the detectors give them, numbers of an analysis are decimals, and sides of a picture are not.
    header = json.loads(text)["header"]
    content = json.loads(text, parse_float=Decimal, parse_int=Decimal)
    return Answer(content["analysis"], PictureHeader(**header), tuple(content["truncated"]))
