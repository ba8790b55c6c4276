"""TIFF files as no library writes them: any tags, any order of bytes, any size of places."""

from __future__ import annotations

import struct
from collections.abc import Sequence

SIDES = 200, 120  # of `tiff`, where nothing else is said
Tag = tuple[int, str, Sequence[int] | bytes]
_TYPES = {"B": 1, "s": 2, "H": 3, "I": 4, "Q": 16}


def tiff(
    data: bytes,
    bits: Sequence[int],
    photometric: int = 1,
    *,
    kind: int | None = None,
    extra: Sequence[int] = (),
    order: str = "<",
    big: bool = False,
    sides: tuple[int, int] = SIDES,
    tags: Sequence[Tag] = (),
    compression: int = 1,
) -> bytes:
    """Return a TIFF of one strip; `kind` is its sample format, `tags` complete or replace those that a strip needs."""
    needed: list[Tag] = [
        *((256, "I", [sides[0]]), (257, "I", [sides[1]]), (258, "H", bits), (259, "H", [compression])),
        *((262, "H", [photometric]), (273, "I", [0]), (277, "H", [len(bits)]), (278, "I", [sides[1]])),
        (279, "I", [len(data)]),
    ]
    needed += [(338, "H", extra)] if extra else []
    needed += [(339, "H", [kind] * len(bits))] if kind else []
    of = {tag: (tag, code, values) for tag, code, values in (*needed, *tags)}
    entry, place_code, inline = ("HHQ", "Q", 8) if big else ("HHI", "I", 4)
    head = 16 if big else 8
    after = head + (8 if big else 2) + len(of) * (struct.calcsize("<" + entry) + inline) + inline
    blob, entries = b"", []
    for tag, code, values in sorted(of.values(), key=lambda field: field[0]):
        raw = values if isinstance(values, bytes) else struct.pack(f"{order}{len(values)}{code}", *values)
        count = len(values)
        if len(raw) > inline:
            place = after + len(blob)
            blob += raw + bytes(-len(raw) % 2)
            raw = struct.pack(order + place_code, place)
        entries.append((tag, _TYPES[code], count, raw.ljust(inline, b"\0")))
    strip = struct.pack(order + "I", after + len(blob)).ljust(inline, b"\0")
    body = b"".join(
        struct.pack(order + entry, tag, code, count) + (strip if tag == 273 and count == 1 else raw)
        for tag, code, count, raw in entries
    )
    mark = b"II" if order == "<" else b"MM"
    version = struct.pack(order + "HHHQ", 43, 8, 0, 16) if big else struct.pack(order + "HI", 42, 8)
    number = struct.pack(order + ("Q" if big else "H"), len(of))
    return mark + version + number + body + bytes(inline) + blob + data
