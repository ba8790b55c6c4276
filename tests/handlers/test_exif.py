"""What the camera wrote: read from files of every format that has Exif, and never believed without a look."""

from __future__ import annotations

import io
import struct
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pillow_heif
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from handlers.labelling.decoding.conversion import convert
from handlers.labelling.decoding.exif import capture
from handlers.labelling.picture import read_header
from tests.handlers.assembling import Fakes, process
from tests.handlers.factories import CODECS, event

DIRECTORY, TAKEN_AT, ZONE = 0x8769, 0x9003, 0x9011
WHOLE = {
    "takenAt": "2026-05-01T12:34:56+02:00",
    "camera": "Canon EOS R5",
    "lens": "RF 24-70mm",
    "exposureSeconds": Decimal("0.008"),
    "aperture": Decimal("2.8"),
    "iso": 400,
    "focalLengthMm": Decimal(35),
}


def exif_of(main: dict[int, Any] | None = None, **changed: Any) -> Image.Exif:
    exif = Image.Exif()
    exif.update({0x010F: "Canon", 0x0110: "EOS R5"} if main is None else main)
    details: dict[int, Any] = {
        TAKEN_AT: "2026:05:01 12:34:56",
        ZONE: "+02:00",
        0x829A: IFDRational(1, 125),
        0x829D: IFDRational(28, 10),
    }
    details |= {0x8827: 400, 0x920A: IFDRational(35, 1), 0xA434: "RF 24-70mm"}
    details |= {int(name.removeprefix("tag_"), 16): value for name, value in changed.items()}
    exif.get_ifd(DIRECTORY).update({tag: value for tag, value in details.items() if value is not None})
    return exif


def picture(name: str, exif: Image.Exif) -> bytes:
    pillow_heif.register_heif_opener()
    buffer = io.BytesIO()
    Image.new("RGB", (120, 90), "red").save(buffer, CODECS.get(name, name), exif=exif)
    return buffer.getvalue()


def captured(exif: Image.Exif) -> dict[str, Any]:
    return dict(capture(exif.tobytes()) or {})


@pytest.mark.parametrize("name", ["JPEG", "PNG"])
def test_is_in_the_header_of_what_rekognition_reads(name: str) -> None:
    content = picture(name, exif_of())

    header = read_header(content, len(content))

    assert header
    assert header.capture == WHOLE


@pytest.mark.parametrize("name", ["WebP", "AVIF", "HEIC", "JPEG", "PNG"])
def test_comes_with_a_converted_copy(name: str) -> None:
    assert convert(io.BytesIO(picture(name, exif_of())), name, 1_000_000).capture == WHOLE


def test_a_tiff_has_it_in_its_own_directories() -> None:
    assert convert(io.BytesIO(picture("TIFF", exif_of())), "TIFF", 1_000_000).capture == {"camera": WHOLE["camera"]}


def test_a_picture_without_exif_has_none() -> None:
    content = picture("JPEG", Image.Exif())

    header = read_header(content, len(content))

    assert header
    assert header.capture is None


@pytest.mark.parametrize(
    "text",
    ["0000:00:00 00:00:00", "1904:01:01 00:00:00", "    :  :     :  :  ", "2026:13:01 00:00:00", "yesterday", None],
)
def test_bad_dates_are_left_out(text: str | None) -> None:
    facts = captured(exif_of(tag_9003=text))

    assert facts == {name: value for name, value in WHOLE.items() if name != "takenAt"}


@pytest.mark.parametrize("zone", [None, "CEST", "+25:00", "+2"])
def test_a_time_without_a_zone_has_none(zone: str | None) -> None:
    assert captured(exif_of(tag_9011=zone))["takenAt"] == "2026-05-01T12:34:56"


@pytest.mark.parametrize(
    ("make", "model", "camera"),
    [
        ("NIKON CORPORATION", "NIKON D850", "NIKON D850"),
        ("Apple", "iPhone 15", "Apple iPhone 15"),
        ("", "X100V", "X100V"),
        ("SONY", "", "SONY"),
        ("Can\x1b[31mon", "R5\n", "Can[31mon R5"),
    ],
)
def test_a_camera_is_called_by_maker_and_model(make: str, model: str, camera: str) -> None:
    assert captured(exif_of({0x010F: make, 0x0110: model}))["camera"] == camera


def test_zeros_say_nothing() -> None:
    facts = captured(
        exif_of({}, tag_829A=IFDRational(0, 0), tag_829D=IFDRational(0, 1), tag_8827=0, tag_920A=IFDRational(1, 0))
    )

    assert sorted(facts) == ["lens", "takenAt"]


def test_values_of_another_type_than_their_tags_are_left_out() -> None:
    block = exif_of().tobytes()
    for tag, kind, wrong in ((0xA434, 2, 3), (0x8827, 3, 2), (0x829D, 5, 2)):
        entry = struct.pack(">HH", tag, kind)
        assert entry in block
        block = block.replace(entry, struct.pack(">HH", tag, wrong))

    assert {"lens", "iso", "aperture"}.isdisjoint(capture(block) or {})


@given(st.binary(max_size=400), st.sampled_from([b"", b"II*\x00\x08\x00\x00\x00", b"MM\x00*\x00\x00\x00\x08"]))
def test_no_block_makes_it_raise(block: bytes, start: bytes) -> None:
    capture(start + block)


@given(st.integers(0, 400), st.binary(min_size=1, max_size=8))
def test_no_damage_makes_it_raise(place: int, damage: bytes) -> None:
    block = exif_of().tobytes()
    capture(block[:place] + damage + block[place + len(damage) :])


@pytest.mark.parametrize(("year", "kept"), [(2026, True), (2199, False)])
def test_is_in_the_result_again_for_the_same_bytes_and_never_from_the_future(year: int, *, kept: bool) -> None:
    with ThreadPoolExecutor(2) as operations:
        world = Fakes(operations)
        content = picture("JPEG", exif_of(tag_9003=f"{year}:05:01 12:34:56"))
        for key in ("first.jpg", "second.jpg"):
            world.objects.add(key, content)
            process(world.assembled(), world.objects.with_header(event(key)))

    expected = WHOLE if kept else {name: value for name, value in WHOLE.items() if name != "takenAt"}
    results = [world.rows.items[f"IMAGE#{key}", "META"] for key in ("first.jpg", "second.jpg")]
    assert [result["capture"] for result in results] == [expected, expected]
    assert [result["reused"] for result in results] == [False, True]
