"""Errors of labelling.

LabellingError
├── PictureRejectedError        the picture's fault: a result, never retried
├── ObjectGoneError             the object is not there any more: a result
├── UnreadableMessageError      the queue message is not an S3 event: kept, never retried
├── DetectorsMissingError       detectors must be asked first: the workflow's next step
├── AnnouncementError           a result is stored, but could not be published: the message is tried again
└── TransientError              ours: the message is tried again
    ├── DelayedError                    it was not its turn: to try again uses up no attempt
    │   ├── RekognitionThrottledError   REKOGNITION_THROTTLED
    │   └── ConversionDelayedError      RETRIES_EXHAUSTED
    ├── RekognitionTimeoutError     REKOGNITION_TIMEOUT
    ├── RekognitionServerError      REKOGNITION_ERROR
    ├── RekognitionDeniedError      REKOGNITION_ACCESS_DENIED
    └── StorageError                STORAGE_ERROR
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from ..results.codes import Code, sentence

if TYPE_CHECKING:
    from .events import ObjectEvent
    from .s3_objects import StoredObject


class LabellingError(Exception):
    """Base of what labelling raises."""


class PictureRejectedError(LabellingError):
    """The same bytes will never be accepted; `detail` is for the person who uploaded them."""

    def __init__(self, code: Code, detail: str = "") -> None:
        self.code = code
        self.detail = detail
        self.sentence = f"{sentence(code)} {detail}." if detail else sentence(code)
        super().__init__(self.sentence)


class ObjectGoneError(LabellingError):
    """The object, or this version of it, does not exist."""


class UnreadableMessageError(LabellingError):
    """The message in the queue is not an S3 event, or only part of one."""


class DetectorsMissingError(LabellingError):
    """The known content lacks answers of these detectors: a workflow's next step asks them."""

    def __init__(self, event: ObjectEvent, stored: StoredObject, detectors: Sequence[str]) -> None:
        self.event, self.stored, self.detectors = event, stored, detectors
        super().__init__(f"{', '.join(detectors)} must be asked about {stored.key!r}")


class AnnouncementError(LabellingError):
    """The results bucket or the topic did not take a stored result. It says nothing of the picture."""

    code: ClassVar[str] = "ANNOUNCEMENT_FAILED"


class TransientError(LabellingError):
    """The same event may succeed later."""

    code: ClassVar[Code] = Code.RETRIES_EXHAUSTED


class DelayedError(TransientError):
    """Other pictures used up the quota or the decoder, which says nothing about this one."""


class RekognitionThrottledError(DelayedError):
    """The quota is used up, or this instance's share of it until the deadline."""

    code = Code.REKOGNITION_THROTTLED


class ConversionDelayedError(DelayedError):
    """Other pictures of the batch were converted until it was too late to begin."""


class RekognitionTimeoutError(TransientError):
    """No answer within the time-out."""

    code = Code.REKOGNITION_TIMEOUT


class RekognitionServerError(TransientError):
    """A server error, a broken connection, or an answer that is not understood."""

    code = Code.REKOGNITION_ERROR


class RekognitionDeniedError(TransientError):
    """A right is missing, of the function or of Rekognition to read the object: the queue tries again, not at once."""

    code = Code.REKOGNITION_ACCESS_DENIED


class StorageError(TransientError):
    """S3 or DynamoDB denies, throttles or fails."""

    code = Code.STORAGE_ERROR
