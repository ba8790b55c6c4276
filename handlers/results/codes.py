"""The terminal states of a picture and the stable codes that explain them."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Status(StrEnum):
    """The end of a picture. Every uploaded version ends in exactly one of these."""

    LABELED = "LABELED"
    """Analysed; the list of labels may be empty."""
    REJECTED = "REJECTED"
    """The picture's fault: the same bytes will never be accepted."""
    FAILED = "FAILED"
    """Ours, after the retries: the same bytes may succeed when sent again."""
    DELETED = "DELETED"
    """The object is gone; kept for some days so that late events cannot bring it back."""


class Code(StrEnum):
    """The reason why a picture is not LABELED. Codes are stable; sentences may be improved."""

    EMPTY_OBJECT = "EMPTY_OBJECT"
    NOT_AN_IMAGE = "NOT_AN_IMAGE"
    UNSUPPORTED_FORMAT = "UNSUPPORTED_FORMAT"
    IMAGE_TOO_SMALL = "IMAGE_TOO_SMALL"
    IMAGE_TOO_LARGE_BYTES = "IMAGE_TOO_LARGE_BYTES"
    IMAGE_TOO_LARGE_PIXELS = "IMAGE_TOO_LARGE_PIXELS"
    IMAGE_TOO_COSTLY = "IMAGE_TOO_COSTLY"
    IMAGE_DAMAGED = "IMAGE_DAMAGED"
    OBJECT_UNREADABLE = "OBJECT_UNREADABLE"

    REKOGNITION_THROTTLED = "REKOGNITION_THROTTLED"
    REKOGNITION_ACCESS_DENIED = "REKOGNITION_ACCESS_DENIED"
    REKOGNITION_ERROR = "REKOGNITION_ERROR"
    REKOGNITION_TIMEOUT = "REKOGNITION_TIMEOUT"
    STORAGE_ERROR = "STORAGE_ERROR"
    RETRIES_EXHAUSTED = "RETRIES_EXHAUSTED"
    UNREADABLE_MESSAGE = "UNREADABLE_MESSAGE"

    OBJECT_DELETED = "OBJECT_DELETED"


_SENTENCES: Final[dict[Code, str]] = {
    Code.EMPTY_OBJECT: "The file is empty (0 bytes): upload it again.",
    Code.NOT_AN_IMAGE: "The file is not a picture: upload a JPEG, PNG, HEIC, HEIF, AVIF, WebP, GIF, TIFF or BMP file.",
    Code.UNSUPPORTED_FORMAT: "This picture format is not supported: save it as JPEG or PNG and upload it again.",
    Code.IMAGE_TOO_SMALL: "The picture is too small: upload one with at least 80 pixels on each side.",
    Code.IMAGE_TOO_LARGE_BYTES: "The file is too large: upload a picture of at most 100 MB.",
    Code.IMAGE_TOO_LARGE_PIXELS: "The picture has too many pixels: make it smaller and upload it again.",
    Code.IMAGE_TOO_COSTLY: (
        "Decoding the picture takes too much time or memory: save it as a plain JPEG and upload that."
    ),
    Code.IMAGE_DAMAGED: "The picture is damaged and cannot be decoded: export it again and upload it.",
    Code.OBJECT_UNREADABLE: (
        "The file cannot be read in S3: upload it again, in a storage class with immediate access and without your own "
        "encryption key."
    ),
    Code.REKOGNITION_THROTTLED: (
        "Rekognition refused the calls because its quota was used up: "
        "upload the picture again later, or lower `rekognitionTps` to your account's quota."
    ),
    Code.REKOGNITION_ACCESS_DENIED: (
        "Rekognition refused the call, or may not read the picture in S3. Check the function's role and whether this "
        "region offers Rekognition; a local Rekognition needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY of its own. "
        "Then upload the picture again."
    ),
    Code.REKOGNITION_ERROR: "Rekognition answered with an error each time: upload the picture again later.",
    Code.REKOGNITION_TIMEOUT: "Rekognition did not answer in time: upload the picture again later.",
    Code.STORAGE_ERROR: "Reading the picture or writing its result failed: upload the picture again later.",
    Code.RETRIES_EXHAUSTED: "Every attempt failed: see the function's logs, then upload the picture again.",
    Code.UNREADABLE_MESSAGE: "A message in the queue was no S3 event: find its sender. The table keeps it unchanged.",
    Code.OBJECT_DELETED: "The picture was deleted.",
}


def sentence(code: Code) -> str:
    """Return a sentence for people: what happened and what to do."""
    return _SENTENCES[code]
