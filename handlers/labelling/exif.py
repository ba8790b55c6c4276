"""How a picture is to be turned before a person looks at it: the orientation in its Exif block."""

from __future__ import annotations

import struct
from typing import Final

UPRIGHT: Final = 1
MIRRORED: Final = frozenset({2, 4, 5, 7})
_ON_ITS_SIDE: Final = frozenset({5, 6, 7, 8})
_TAG: Final = 0x0112
_BYTE_ORDERS: Final = {b"II*\x00": "<", b"MM\x00*": ">"}


def orientation(exif: bytes) -> int:
    """1 to 8 as Exif 2.3 has them (tag 0x0112); 1, upright, of a block that is empty, damaged or says nothing."""
    # Not Pillow's getexif: it takes the orientation of XMP too, which neither browsers nor Rekognition heed.
    block = exif.removeprefix(b"Exif\x00\x00")
    order = _BYTE_ORDERS.get(block[:4])
    if order is None:
        return UPRIGHT
    try:
        (directory,) = struct.unpack_from(f"{order}I", block, 4)
        (entries,) = struct.unpack_from(f"{order}H", block, directory)
        for place in range(directory + 2, directory + 2 + 12 * entries, 12):
            tag, value = struct.unpack_from(f"{order}H6xH", block, place)
            if tag == _TAG:
                return int(value) if UPRIGHT <= value <= max(_ON_ITS_SIDE) else UPRIGHT
    except struct.error:
        return UPRIGHT
    return UPRIGHT


def lies_on_its_side(turn: int) -> bool:
    """Whether an orientation swaps width and height."""
    return turn in _ON_ITS_SIDE
