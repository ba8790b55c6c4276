"""Upload forms: which key a picture gets, and what S3 is to refuse."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from handlers.api.answers import Answer
from handlers.api.fields import Body, any_text, integer, one_of
from handlers.api.requests import Request
from handlers.api.times import iso_utc

CONTENT_TYPES: Final = (
    *("image/jpeg", "image/png", "image/heic", "image/heif", "image/webp"),
    *("image/avif", "image/gif", "image/tiff", "image/bmp"),
)
MAX_NAME_CHARACTERS: Final = 255
_KEPT_CHARACTERS: Final = 100


class Signer(Protocol):
    """Makes presigned POSTs."""

    def __call__(self, key: str, fields: dict[str, str], conditions: Sequence[Any], expiry_s: int) -> dict[str, Any]:
        """`url` and `fields` of the form."""


@dataclass(frozen=True)
class Uploads:
    """Gives out forms. Each is for one key that nobody has chosen, one type and one size."""

    sign: Signer
    prefix: str
    max_size_bytes: int
    expiry_s: int
    now: Callable[[], datetime]
    new_id: Callable[[], str]

    def generate(self, request: Request) -> Answer:
        """POST /generate-upload-url."""
        body = Body(request.json_object(), ("fileName", "contentType", "sizeBytes"))
        name = body.required("fileName", lambda value: any_text(value, most_characters=MAX_NAME_CHARACTERS), "")
        content_type = body.required("contentType", one_of(*CONTENT_TYPES), "")
        size_bytes = body.optional("sizeBytes", integer(1, self.max_size_bytes))
        body.done()
        return Answer(self._form(name, content_type, size_bytes or self.max_size_bytes))

    def _form(self, name: str, content_type: str, max_size_bytes: int) -> dict[str, Any]:
        key = f"{self.prefix}{self.new_id()}/{safe_name(name)}"
        expires_at = self.now() + timedelta(seconds=self.expiry_s)
        form = self.sign(
            key,
            {"Content-Type": content_type},
            # The key is a condition of its own: botocore adds it.
            [{"Content-Type": content_type}, ["content-length-range", 1, max_size_bytes]],
            self.expiry_s,
        )
        return {
            "url": form["url"],
            "fields": form["fields"],
            "key": key,
            "expiresAt": iso_utc(expires_at),
            "maxSizeBytes": max_size_bytes,
        }


def safe_name(name: str) -> str:
    """The end of a key that a person recognises: the file's name, without folders and of safe characters.

    Letters and digits of all scripts, dots, dashes and underscores stay; other runs of characters become a dash. Never
    empty, never `.` or `..`, at most 100 characters (400 bytes); the extension stays.
    """
    base = unicodedata.normalize("NFC", re.split(r"[/\\]", name)[-1])
    words = re.sub("-+", "-", "".join(sign if _is_safe(sign) else "-" for sign in base))
    return words[-_KEPT_CHARACTERS:].strip(".-") or "picture"


def _is_safe(sign: str) -> bool:
    # Letters, their marks, and numbers.
    return sign in "._" or unicodedata.category(sign)[0] in "LMN"
