"""The previews of pictures: how large they are, and where."""

from __future__ import annotations

from typing import Final

from .document import NO_VERSION, place_of

SIDES_PX: Final = (1600, 480)
"""The longest sides. The smallest is stored last: where it is, all are."""
CONTENT_TYPE: Final = "image/webp"
PREVIEWS: Final = "previews"
"""The folder of the previews in their bucket."""


def preview_key(key: str, version_id: str | None, side_px: int) -> str:
    """Return where a preview of a picture's version is: `previews/<key>/<version id>/<side>.webp`; see `place_of`."""
    return place_of(PREVIEWS, key, f"{version_id or NO_VERSION}/{side_px}.webp")
