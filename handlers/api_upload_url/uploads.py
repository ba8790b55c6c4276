"""Upload URLs: a picture's key, which ends with the file's name, and the limits that S3 checks."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ..api.application import Answer, Request
from ..api.fields import MAX_KEY_BYTES, any_text, integer, one_of, required

MAX_NAME_CHARACTERS: Final = 255
# https://www.iana.org/assignments/media-types has the first of each line.
_NAMES: Final = (
    "jpeg jpg jpe jfif pjpeg pjp x-jpeg x-jpg x-citrix-jpeg mpo x-mpo",
    "png x-png apng vnd.mozilla.apng",
    "heic heic-sequence x-heic",
    "heif heif-sequence x-heif hif",
    "webp x-webp",
    "avif avif-sequence x-avif",
    "gif x-gif",
    "tiff tif x-tif x-tiff",
    "bmp x-bmp x-ms-bmp x-windows-bmp dib x-dib",
)
STANDARD_TYPES: Final = {f"image/{name}": f"image/{names[0]}" for names in map(str.split, _NAMES) for name in names}
"""The standard name of each type, by each name that systems and browsers have for it."""
_ELLIPSIS: Final = "…"
_JOINER: Final = "\u200d"
_TAIL_CLUSTERS: Final = 20
_FULL_WIDTH: Final = 0xFEE0
_HARMFUL: Final = re.compile(r'[<>"]|%(?=[0-9A-Fa-f]{2})')
_FLAG: Final = re.compile("[\U0001f1e6-\U0001f1ff]{2}")
# The joiners, skin tones, tags of flags, and the vowels and finals of Hangul that are written one by one.
_EXTENDS: Final = re.compile("[\u200c\u200d\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f\u1160-\u11ff]")
# Control characters, which the contract's keys do not have, and what XML cannot carry, in which S3 lists keys.
_UNSPEAKABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ufffe\uffff]+")


@dataclass(frozen=True)
class Uploads:
    """Upload URLs. Each takes one picture, once: under a random key, of one type and one size.

    `sign` returns the URL of a PUT to S3 for a key, a type, a size in bytes and a lifetime in seconds.
    """

    sign: Callable[[str, str, int, int], str]
    prefix: str
    max_size_bytes: int
    expiry_s: int
    now: Callable[[], datetime]
    new_id: Callable[[], str]

    def generate(self, request: Request) -> Answer:
        """Answer POST /generate-upload-url."""
        name, content_type, size_bytes = request.fields(
            {
                "fileName": required(any_text, MAX_NAME_CHARACTERS),
                "contentType": required(one_of, *STANDARD_TYPES),
                "sizeBytes": required(integer, 1, self.max_size_bytes),
            }
        )
        standard_type = STANDARD_TYPES[content_type]
        folder = f"{self.prefix}{self.new_id()}/"
        key = folder + key_name(name, MAX_KEY_BYTES - len(folder.encode()))
        expires_at = (self.now() + timedelta(seconds=self.expiry_s)).isoformat(timespec="milliseconds")
        return Answer(
            {
                "url": self.sign(key, standard_type, size_bytes, self.expiry_s),
                # HTTP clients send Content-Length, which is signed too, by themselves.
                "headers": {"Content-Type": standard_type, "If-None-Match": "*"},
                "key": key,
                "expiresAt": expires_at.replace("+00:00", "Z"),
            }
        )


def key_name(name: str, most_bytes: int) -> str:
    """Return the last part of a key for a file of this name: at most `most_bytes` bytes, never empty, `.` or `..`.

    Folders before the name go. Characters of markup and of escapes become the full-width ones of the same look. Of a
    name that is too long, characters in the middle go: its last 20, with the extension, stay longest.
    """
    base = _HARMFUL.sub(lambda sign: chr(ord(sign[0]) + _FULL_WIDTH), re.split(r"[/\\]", name)[-1])
    text = _UNSPEAKABLE.sub(" ", base).strip()
    if text.strip(".") == "":
        return "picture"
    if len(text.encode()) <= most_bytes:
        return text
    clusters = _clusters(text)
    head, tail = clusters[:-_TAIL_CLUSTERS], clusters[-_TAIL_CLUSTERS:]
    while len("".join([*head, _ELLIPSIS, *tail]).encode()) > most_bytes:
        (head or tail).pop(-1 if head else 0)
    return "".join([*head, _ELLIPSIS, *tail])


def _clusters(text: str) -> list[str]:
    """Split into characters as people see them: grapheme clusters (UAX #29), as far as file names have them."""
    clusters: list[str] = []
    for sign in text:
        last = clusters[-1] if clusters else ""
        extends = unicodedata.category(sign)[0] == "M" or _EXTENDS.match(sign)
        if last and (extends or last.endswith(_JOINER) or _FLAG.fullmatch(last + sign)):
            clusters[-1] += sign
        else:
            clusters.append(sign)
    return clusters
