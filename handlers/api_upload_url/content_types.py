"""The types of pictures, and the other names that systems and browsers have for them."""

from __future__ import annotations

from typing import Final

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
"""The standard name of each type, by each of its names."""
