"""PNG files as no library writes them: any chunks, any claim."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable


def chunk(kind: bytes, data: bytes) -> bytes:
    """Return a chunk with its checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(
    sides: tuple[int, int],
    packed: bytes = b"",
    *,
    depth: int = 8,
    colours: int = 2,
    chunks: Iterable[bytes] = (),
    interlaced: bool = False,
) -> bytes:
    """Return a PNG with this header; `packed` are its rows, `chunks` stand before them."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", *sides, depth, colours, 0, 0, interlaced))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
