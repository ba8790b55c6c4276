"""Files that attack a decoder: structures that lie, loop, repeat or lead nowhere."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image

from integration_tests.png import chunk, png
from integration_tests.tiff import tiff
from tests.handlers.factories import encoded

WIDTH, HEIGHT = SIDES = 256, 192
PICTURE = Image.fromarray(np.tile(np.arange(WIDTH, dtype=np.uint8), (HEIGHT, 1))).convert("RGB")
NOISE = np.random.default_rng(7).integers(0, 256, 20_000, dtype=np.uint8).tobytes()


def box(kind: bytes, *parts: bytes, version: int | None = None, flags: int = 0) -> bytes:
    """Return a box of an ISO media file (ISO/IEC 14496-12)."""
    content = (b"" if version is None else struct.pack(">I", version << 24 | flags)) + b"".join(parts)
    return struct.pack(">I", len(content) + 8) + kind + content


def boxes(content: bytes, start: int = 0) -> Iterator[tuple[bytes, int, int]]:
    """Yield type, start and end of each box."""
    while start < len(content):
        length, kind = struct.unpack_from(">I4s", content, start)
        yield kind, start + 8, start + length
        start += length


def inside(content: bytes, *path: bytes) -> bytes:
    """Return what the boxes of a path have inside."""
    for kind in path:
        start, end = next((start, end) for each, start, end in boxes(content) if each == kind)
        content = content[start + 4 * (kind == b"meta") : end]
    return content


Item = tuple[int, bytes, bytes, Sequence[int]]
"""Number, type, content, and properties by their place."""


def heif(
    items: Sequence[Item], properties: Sequence[bytes], links: Sequence[tuple[bytes, int, Sequence[int]]]
) -> bytes:
    """Return a HEIF file (ISO/IEC 23008-12) whose first item is the primary one."""

    def entries(kind: bytes, code: str, parts: Sequence[bytes]) -> bytes:
        return box(kind, struct.pack(code, len(parts)), *parts, version=0)

    names = [box(b"infe", struct.pack(">HH", each, 0), kind, b"\0", version=2) for each, kind, *_ in items]
    owned = [struct.pack(">HB", each, len(places)) + bytes(places) for each, _, _, places in items]
    linked = [box(kind, struct.pack(f">HH{len(to)}H", each, len(to), *to)) for kind, each, to in links]
    whole, place = b"", 0
    for _ in range(2):  # the second time, the place of the content is known
        at, places = place, []
        for each, _, content, _ in items:
            places.append(struct.pack(">HHHII", each, 0, 1, at, len(content)))
            at += len(content)
        whole = box(b"ftyp", b"heic\0\0\0\0mif1heic") + box(
            b"meta",
            box(b"hdlr", bytes(4), b"pict", bytes(13), version=0),
            box(b"pitm", b"\0\1", version=0),
            box(b"iloc", b"\x44\0", struct.pack(">H", len(items)), *places, version=0),
            entries(b"iinf", ">H", names),
            box(b"iref", *linked, version=0),
            box(b"iprp", box(b"ipco", *properties), entries(b"ipma", ">I", owned)),
            version=0,
        )
        place = len(whole) + 8
    return whole + box(b"mdat", *(content for _, _, content, _ in items))


def heics() -> dict[str, tuple[bytes, str]]:
    """Return HEIC files by name, each with the outcomes that are right."""
    whole = encoded(PICTURE, "HEIC")
    coded = inside(whole, b"mdat")
    shared = inside(whole, b"meta", b"iprp", b"ipco")
    base = [shared[start - 8 : end] for _, start, end in boxes(shared)]
    own = [*range(1, len(base) + 1)]
    more = len(base) + 1

    def with_properties(*properties: bytes) -> bytes:
        places = [*own, *(0x80 | more + number for number in range(len(properties)))]
        return heif([(1, b"hvc1", coded, places)], [*base, *properties], [])

    def grid(rows: int, columns: int, width: int, height: int, tiles: Sequence[int], *items: Item) -> bytes:
        content = struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, width, height)
        sides = box(b"ispe", struct.pack(">II", width, height), version=0)
        links = [(b"dimg", 1, tiles)] + [
            (b"dimg", each, [each % len(items) + 2] * 4) for each, kind, *_ in items if kind == b"grid"
        ]
        return heif([(1, b"grid", content, [more]), *items], [*base, sides], links)

    tile: Item = (9, b"hvc1", coded, own)
    inner = [(each, b"grid", struct.pack(">BBBBHH", 0, 0, 1, 1, 512, 384), [more]) for each in (2, 3)]

    def turn(angle: int) -> bytes:
        return box(b"irot", bytes([angle]))

    def crop(*numbers: int) -> bytes:
        return box(b"clap", struct.pack(">IIIIiIiI", *numbers))

    return {
        "turned and mirrored": (with_properties(turn(1), box(b"imir", b"\0")), "192x256"),
        "turned forty times": (with_properties(*[turn(1)] * 40), "256x192 192x256"),
        "turn without an angle": (with_properties(box(b"irot")), "IMAGE_DAMAGED"),
        "cropped and turned": (with_properties(crop(128, 1, 96, 1, 10, 1, 0, 1), turn(1)), "96x128"),
        "cropped by nothing": (with_properties(crop(128, 0, 96, 1, 0, 1, 0, 1)), "IMAGE_DAMAGED"),
        "cropped outside": (with_properties(crop(1, 1, 1, 1, -5000, 1, 0, 1)), "IMAGE_TOO_SMALL IMAGE_DAMAGED"),
        "second, huge sides": (
            with_properties(box(b"ispe", struct.pack(">II", 30_000, 30_000), version=0)),
            "IMAGE_TOO_LARGE_PIXELS 256x192",
        ),
        "grid": (grid(2, 2, 512, 384, [9] * 4, tile), "512x384"),
        "grid without tiles": (grid(2, 2, 512, 384, [], tile), "IMAGE_DAMAGED"),
        "grid of itself": (grid(2, 2, 512, 384, [1] * 4, tile), "IMAGE_DAMAGED 256x192"),
        "grids of each other": (grid(2, 2, 512, 384, [2] * 4, *inner), "IMAGE_DAMAGED"),
        "grid of 65,535 tiles": (
            grid(256, 256, 65_535, 49_152, [9] * 65_535, tile),
            "IMAGE_DAMAGED IMAGE_TOO_LARGE_PIXELS",
        ),
        "items that are empty": (
            heif([(1, b"hvc1", coded, own), *((n, b"hvc1", b"", own) for n in range(2, 9000))], base, []),
            "IMAGE_DAMAGED 256x192",
        ),
        "property that is not there": (heif([(1, b"hvc1", coded, [100])], base, []), "IMAGE_DAMAGED"),
        "picture of its own for all": (
            heif([(1, b"hvc1", coded, own)], base, [(kind, 1, [1]) for kind in (b"auxl", b"thmb", b"cdsc")]),
            "IMAGE_DAMAGED 256x192",
        ),
        "boxes in boxes": (
            whole[:32] + b"".join(struct.pack(">I", 8 * n) + b"meta" for n in range(5000, 0, -1)),
            "IMAGE_DAMAGED",
        ),
    }


def jpegs() -> dict[str, tuple[bytes, str]]:
    """Return JPEG files by name, each with the outcomes that are right."""
    whole = encoded(PICTURE, "JPEG", quality=90, subsampling=0)
    frame, scan = whole.index(b"\xff\xc0"), whole.index(b"\xff\xda")

    def changed(place: int, *values: int) -> bytes:
        return whole[: frame + place] + bytes(values) + whole[frame + place + len(values) :]

    def segment(marker: int, content: bytes) -> bytes:
        return whole[:2] + bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content + whole[2:]

    directory = struct.pack("<HHIIHHIIHHII", 0x8769, 4, 1, 8, 0x8825, 4, 1, 8, 0x0112, 3, 1, 6)
    entities = b"".join(b"<!ENTITY b%d '%s'>" % (n, b"&b%d;" % (n - 1) * 10) for n in range(1, 10))
    xmp = b"http://ns.adobe.com/xap/1.0/\0"
    return {
        "height that comes later": (changed(5, 0, 0)[:-2] + b"\xff\xdc\0\4\0\xc0\xff\xd9", "IMAGE_DAMAGED"),
        "height that comes later too": (whole[:-2] + b"\xff\xdc\0\4\xff\xff\xff\xd9", "256x192"),
        "65,535 px a side": (changed(5, 255, 255, 255, 255), "IMAGE_TOO_LARGE_PIXELS"),
        "arithmetic coding that is none": (changed(1, 0xC9), "256x192 IMAGE_DAMAGED"),
        "without loss": (changed(1, 0xC3), "UNSUPPORTED_FORMAT"),
        "hierarchical": (changed(1, 0xC5), "UNSUPPORTED_FORMAT"),
        "scans that are no such": (changed(1, 0xC2), "IMAGE_DAMAGED"),
        "samples of no size": (changed(11, 0), "IMAGE_DAMAGED"),
        "samples of 15 by 15": (changed(11, 255), "IMAGE_DAMAGED"),
        "two channels": (changed(9, 2), "UNSUPPORTED_FORMAT"),
        "two frames": (whole[:frame] + whole[frame : frame + 19] + whole[frame:], "IMAGE_DAMAGED"),
        "restarts": (whole[: scan + 14] + b"\xff\xd0" * 500_000 + whole[scan + 14 :], "256x192"),
        "markers of nothing": (whole[:2] + b"\xff" * 3_000_000 + whole[2:], "256x192"),
        "tables": (whole[:2] + whole[whole.index(b"\xff\xc4") : scan] * 2000 + whole[2:], "256x192"),
        "Exif in itself": (segment(0xE1, b"Exif\0\0II*\0\x08\0\0\0\3\0" + directory + b"\x08\0\0\0"), "192x256"),
        "Exif of 5,000 directories": (
            segment(0xE1, b"Exif\0\0II*\0\x08\0\0\0\x88\x13" + directory[:12] * 5000),
            "256x192",
        ),
        "XMP that is deep": (segment(0xE1, xmp + b"<a>" * 20_000), "256x192"),
        "XMP that laughs": (
            segment(0xE1, xmp + b"<!DOCTYPE a [<!ENTITY b0 'ha'>" + entities + b"]><a>&b9;</a>"),
            "256x192",
        ),
        "profile of too many tags": (
            segment(0xE2, b"ICC_PROFILE\0\1\1" + bytes(36) + b"acsp" + b"\xff" * 400),
            "256x192",
        ),
    }


def others() -> dict[str, tuple[str, bytes, str]]:
    """Return files of other formats by name, each with its format and the outcomes that are right."""
    rows = zlib.compress(b"".join(b"\0" + bytes(PICTURE.crop((0, y, WIDTH, y + 1)).tobytes()) for y in range(HEIGHT)))
    plain = png(SIDES, rows)
    screen = b"GIF89a" + struct.pack("<HHBBB", *SIDES, 0x85, 0, 0) + bytes(192)
    first = b"," + struct.pack("<HHHHB", 0, 0, *SIDES, 0)
    blocks = b"".join(b"\xff" + NOISE[at : at + 255] for at in range(0, 19_890, 255)) + b"\0;"
    gif = encoded(PICTURE, "GIF")
    start = 13 + 3 * 2 ** ((gif[10] & 7) + 1)
    coded = encoded(PICTURE, "WebP", lossless=True)[12:]

    def webp(*chunks: tuple[bytes, bytes]) -> bytes:
        body = b"".join(kind + struct.pack("<I", len(part)) + part + b"\0" * (len(part) % 2) for kind, part in chunks)
        return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body

    def numbers(*values: int) -> bytes:
        return b"".join(struct.pack("<I", value)[:3] for value in values)

    def canvas(flags: int, width: int = WIDTH, height: int = HEIGHT) -> tuple[bytes, bytes]:
        return b"VP8X", bytes([flags, 0, 0, 0]) + numbers(width - 1, height - 1)

    def frame(x: int, width: int, height: int, content: bytes) -> tuple[bytes, bytes]:
        return b"ANMF", numbers(x, x, width - 1, height - 1, 9) + b"\0" + content

    def bmp(content: bytes, bits: int, compression: int = 0, sides: tuple[int, int] = SIDES, used: int = 0) -> bytes:
        head = struct.pack("<IiiHHIIiiII", 40, *sides, 1, bits, compression, 0, 0, 0, used, 0)
        return b"BM" + struct.pack("<IHHI", 0, 0, 0, 54 + 1024) + head + bytes(1024) + content

    grey = bytes(WIDTH * HEIGHT)
    whole = tiff(grey, [8], sides=SIDES)
    end = struct.unpack_from("<I", whole, 4)[0] + 2 + 12 * struct.unpack_from("<H", whole, 8)[0]
    kept, animated = (coded[:4], coded[8:]), (b"ANIM", bytes(6))
    return {
        "filter that is none": ("PNG", png(SIDES, zlib.compress((b"\x09" + bytes(768)) * HEIGHT)), "IMAGE_DAMAGED"),
        "pixels in a million chunks": ("PNG", plain[:33] + chunk(b"IDAT", b"") * 300_000 + plain[33:], "256x192"),
        "length below zero": ("PNG", plain[:33] + b"\xff\xff\xff\xfftEXt" + plain[33:], "IMAGE_DAMAGED"),
        "more pixels than sides": ("PNG", png(SIDES, zlib.compress(bytes(60_000_000))), "256x192"),
        "colours that are none": ("PNG", png(SIDES, rows, colours=5), "IMAGE_DAMAGED"),
        "interlaced and too short": ("PNG", png(SIDES, rows, interlaced=True), "IMAGE_DAMAGED"),
        "frames alone": ("PNG", plain.replace(b"IDAT", b"fdAT"), "IMAGE_DAMAGED"),
        "packed texts": (
            "PNG",
            png(SIDES, rows, chunks=[chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(10**6)))] * 300),
            "256x192",
        ),
        "packed XMP": (
            "PNG",
            png(SIDES, rows, chunks=[chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(bytes(10**8)))]),
            "256x192",
        ),
        "2,147,483,647 px a side": ("PNG", png((2**31 - 1, 2**31 - 1), rows), "IMAGE_TOO_LARGE_PIXELS"),
        "noise": ("GIF", screen + first + b"\x06" + blocks, "IMAGE_DAMAGED"),
        "codes of 255 bits": ("GIF", screen + first + b"\xff" + blocks, "IMAGE_DAMAGED"),
        "no codes": ("GIF", screen + first + b"\x06\0;", "IMAGE_DAMAGED"),
        "picture of no size": ("GIF", screen + b"," + bytes(9) + b"\x06" + blocks, "IMAGE_DAMAGED"),
        "picture far outside": (
            "GIF",
            screen + b"," + struct.pack("<HHHHB", 60_000, 60_000, *SIDES, 0) + b"\x06" + blocks,
            "IMAGE_TOO_LARGE_PIXELS",
        ),
        "a million controls": ("GIF", gif[:start] + b"\x21\xf9\x04\0\0\0\0\0" * 10**6 + gif[start:], "256x192"),
        "100,000 pictures": ("GIF", gif[:-1] + (b"," + bytes(9) + b"\2\2\x44\1\0") * 100_000 + b";", "256x192"),
        "canvas that is larger": ("WebP", webp(canvas(0, 4000, 4000), kept), "IMAGE_DAMAGED"),
        "canvas of 16,777,216 px": ("WebP", webp(canvas(0, 2**24, 2**24), kept), "IMAGE_TOO_LARGE_PIXELS"),
        "animation without pictures": ("WebP", webp(canvas(2), kept), "IMAGE_DAMAGED"),
        "picture outside": ("WebP", webp(canvas(18), animated, frame(1000, *SIDES, coded)), "IMAGE_DAMAGED"),
        "empty pictures": (
            "WebP",
            webp(canvas(18), animated, frame(0, *SIDES, coded), *[frame(0, 99, 99, b"VP8L")] * 9999),
            "IMAGE_DAMAGED",
        ),
        "transparency that is short": ("WebP", webp(canvas(16), (b"ALPH", bytes(10)), kept), "IMAGE_DAMAGED 256x192"),
        "unknown parts": ("WebP", webp(canvas(0), *[(b"junk", b"")] * 300_000, kept), "256x192"),
        "height of -2,147,483,648": ("BMP", bmp(grey, 24, sides=(WIDTH, -(2**31))), "IMAGE_TOO_LARGE_PIXELS"),
        "colours without end": ("BMP", bmp(grey, 8, used=2**32 - 1), "UNSUPPORTED_FORMAT"),
        "runs of nothing": ("BMP", bmp(b"\0\2\0\0" * 9_000_000, 8, 1), "IMAGE_TOO_COSTLY"),
        "rows of nothing": ("BMP", bmp(b"\1\1\0\0" * 2000, 8, 1, (2000, 2000)), "2000x2000"),
        "directory after itself": ("TIFF", whole[:end] + whole[4:8] + whole[end + 4 :], "256x192"),
        "strips": (
            "TIFF",
            tiff(grey, [8], sides=SIDES, tags=[(278, "I", [1]), (273, "I", [8] * 99_999), (279, "I", [1] * 99_999)]),
            "256x192",
        ),
        "strips of no rows": ("TIFF", tiff(grey, [8], sides=SIDES, tags=[(278, "I", [0])]), "IMAGE_DAMAGED"),
        "directories in themselves": (
            "TIFF",
            tiff(grey, [8], sides=SIDES, tags=[(330, "I", [8]), (34665, "I", [8]), (34853, "I", [8])]),
            "256x192",
        ),
        "channels": ("TIFF", tiff(grey, [8] * 1000, 2, sides=SIDES), "UNSUPPORTED_FORMAT"),
        "packed zeros": ("TIFF", tiff(zlib.compress(bytes(10**8)), [8], sides=SIDES, compression=8), "256x192"),
        **{
            f"compression {kind}": (
                "TIFF",
                tiff(NOISE, [8], sides=SIDES, compression=kind),
                "IMAGE_DAMAGED UNSUPPORTED_FORMAT",
            )
            for kind in (5, 6, 7, 8, 32773, 34676, 34887, 34925, 50000, 52546)
        },
    }


def files() -> dict[str, tuple[str, bytes, str]]:
    """Return all files: format, content and the outcomes that are right, with spaces between them."""
    named = {f"HEIC: {name}": ("HEIC", *file) for name, file in heics().items()}
    named |= {f"JPEG: {name}": ("JPEG", *file) for name, file in jpegs().items()}
    return named | {f"{file[0]}: {name}": file for name, file in others().items()}
