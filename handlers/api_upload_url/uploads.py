"""Upload URLs: a picture's key, and the limits that S3 checks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ..api.answers import Answer
from ..api.fields import MAX_KEY_BYTES, any_text, integer, one_of, required
from ..api.requests import Request
from .file_names import key_name

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
                "fileName": required(lambda value: any_text(value, MAX_NAME_CHARACTERS)),
                "contentType": required(one_of(*STANDARD_TYPES)),
                "sizeBytes": required(integer(1, self.max_size_bytes)),
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
