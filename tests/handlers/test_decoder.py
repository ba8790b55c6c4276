"""A separate process decodes pictures, and no picture makes it exceed its limits."""

from __future__ import annotations

import contextlib
import io
import math
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import ExifTags, Image
from PIL.JpegImagePlugin import JpegImageFile

import handlers
from components.pipeline import BESIDE_DECODER_MB, max_converted_pixels
from handlers.labelling.decoder import Decoder
from handlers.labelling.decoding import Converted
from handlers.labelling.errors import PictureRejectedError, StorageError, TransientError
from handlers.results.document import Capture
from integration_tests.tiff import tiff
from tests.handlers.factories import corners, encoded
from tests.handlers.hostile import files

pytestmark = pytest.mark.abuse

GOOD = encoded(corners(), "TIFF")
LONG_S = 300.0


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    """Yield a decoder for usual pictures."""
    new_decoder = Decoder(50_000_000, memory_mb=400, seconds=0.8)
    yield new_decoder
    new_decoder.close()


@pytest.mark.parametrize("name", ["HEIC", "WebP", "TIFF", "JPEG"])
def test_reads_what_the_camera_wrote_and_decodes_nothing(decoder: Decoder, name: str) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Model] = "X100V"
    options: dict[str, Any] = {"tiffinfo": {ExifTags.Base.Model: "X100V"}} if name == "TIFF" else {"exif": exif}

    assert capture(decoder, encoded(corners(), name, **options), name) == {"camera": "X100V"}
    assert capture(decoder, encoded(corners(), name), name) is None
    with pytest.raises(PictureRejectedError):
        capture(decoder, encoded(corners(), name)[:20], name)


def convert(decoder: Decoder, content: bytes, name: str, timeout_s: float = LONG_S) -> Converted:
    return decoder.convert([content[:1000], content[1000:]], len(content), name, timeout_s)


def capture(decoder: Decoder, content: bytes, name: str) -> Capture | None:
    return decoder.capture([content], len(content), name, LONG_S)


def process_id(decoder: Decoder) -> int:
    assert decoder._process is not None
    return decoder._process.pid


def assert_good_pictures_are_converted(decoder: Decoder) -> None:
    converted = convert(decoder, GOOD, "TIFF")
    assert (converted.width, converted.height) == (300, 200)
    assert JpegImageFile(io.BytesIO(converted.jpeg)).size == (300, 200)


def test_process_stays_for_the_next_picture(decoder: Decoder) -> None:
    assert_good_pictures_are_converted(decoder)
    first = process_id(decoder)

    with pytest.raises(PictureRejectedError) as damaged:
        convert(decoder, GOOD[:100], "TIFF")
    assert_good_pictures_are_converted(decoder)

    assert damaged.value.code == "IMAGE_DAMAGED"
    assert process_id(decoder) == first


def test_content_that_breaks_off_leaves_nothing_to_the_next_picture(decoder: Decoder) -> None:
    def broken() -> Iterator[bytes]:
        yield GOOD[:100]
        raise StorageError("S3 has stopped")

    with pytest.raises(StorageError):
        decoder.convert(broken(), len(GOOD), "TIFF", LONG_S)

    assert_good_pictures_are_converted(decoder)


def test_picture_that_takes_too_long_ends_and_the_next_one_is_converted(decoder: Decoder) -> None:
    jpeg = encoded(corners(), "JPEG")

    with pytest.raises(PictureRejectedError) as costly:
        convert(decoder, jpeg[:2] + b"\xff\xfe\0\2" * 5_000_000 + jpeg[2:], "JPEG")

    assert costly.value.code == "IMAGE_TOO_COSTLY"
    assert "time" in costly.value.detail
    assert_good_pictures_are_converted(decoder)


@pytest.mark.parametrize(
    ("name", "sides", "options"),
    [
        ("WebP", (1600, 1200), {"method": 0}),
        ("HEIC", (1600, 1200), {}),
        ("PNG", (4000, 3000), {"compress_level": 1}),
        ("BMP", (4000, 3000), {}),
        ("TIFF", (4000, 3000), {"compression": "tiff_lzw"}),
        ("JPEG", (4000, 3000), {"progressive": True}),
    ],
)
def test_picture_that_takes_too_much_memory_ends(name: str, sides: tuple[int, int], options: dict[str, Any]) -> None:
    content = encoded(Image.new("RGB", sides, "teal"), name, **options)
    decoder = Decoder(10**9, memory_mb=32)

    with pytest.raises(PictureRejectedError) as costly:
        convert(decoder, content, name)

    assert costly.value.code == "IMAGE_TOO_COSTLY"
    assert "memory" in costly.value.detail
    assert_good_pictures_are_converted(decoder)
    decoder.close()


HOSTILE = files()


@pytest.mark.parametrize("file", HOSTILE.values(), ids=HOSTILE)
def test_hostile_file_has_the_outcome_that_is_right(decoder: Decoder, file: tuple[str, bytes, str]) -> None:
    name, content, right = file
    try:
        converted = convert(decoder, content, name)
        outcome = f"{converted.width}x{converted.height}"
    except PictureRejectedError as rejection:
        outcome = rejection.code

    assert outcome in right.split()


@pytest.mark.parametrize("name", ["WebP", "AVIF"])
def test_transparent_picture_that_is_as_large_as_may_be_has_room(name: str) -> None:
    memory_mb = 450
    side_px = math.isqrt(max_converted_pixels(memory_mb + BESIDE_DECODER_MB))
    fastest: dict[str, Any] = {"WebP": {"lossless": True, "quality": 0, "method": 0}, "AVIF": {"speed": 10}}
    content = encoded(Image.new("RGBA", (side_px, side_px), "#f008"), name, **fastest.get(name, {}))
    own = Decoder(10**9, memory_mb)

    converted = convert(own, content, name)

    own.close()
    assert converted.width == side_px


def test_decoder_that_somebody_ends_says_nothing_of_the_picture(decoder: Decoder) -> None:
    assert_good_pictures_are_converted(decoder)
    os.kill(process_id(decoder), signal.SIGSTOP)
    with pytest.raises(TransientError, match="the decoder did not answer"):
        convert(decoder, GOOD, "TIFF", 0.05)

    assert_good_pictures_are_converted(decoder)
    os.kill(process_id(decoder), signal.SIGTERM)
    os.waitid(os.P_PID, process_id(decoder), os.WEXITED | os.WNOWAIT)
    assert_good_pictures_are_converted(decoder)


def test_canvas_beyond_the_memory_is_too_large_and_not_damaged(decoder: Decoder) -> None:
    content = bytearray(encoded(corners(), "WebP", save_all=True, append_images=[corners().rotate(9)]))
    content[24:30] = b"\xfe\x3f\0" * 2

    with pytest.raises(PictureRejectedError) as large:
        convert(decoder, bytes(content), "WebP")

    assert large.value.code == "IMAGE_TOO_LARGE_PIXELS"


def test_log_has_nothing_of_damaged_rows(capfd: pytest.CaptureFixture[str]) -> None:
    garbage = random.Random(1).randbytes(5000)
    own = Decoder(10**7, memory_mb=400)

    for compression in (3, 4, 8):
        with contextlib.suppress(PictureRejectedError):
            convert(own, tiff(garbage, [1], compression=compression, sides=(2000, 2000)), "TIFF")

    with contextlib.suppress(PictureRejectedError):
        convert(own, tiff(garbage, [8] * 1000, 2), "TIFF")

    own.close()
    assert capfd.readouterr().err == ""


def test_process_ends_with_the_function() -> None:
    own = Decoder(10**6, memory_mb=400)
    assert_good_pictures_are_converted(own)
    assert own._process is not None

    own._process.communicate(timeout=LONG_S)  # closes the pipe

    assert own._process.returncode == 0


def test_process_has_no_credentials(decoder: Decoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    own = Decoder(10**6, memory_mb=400)
    assert_good_pictures_are_converted(own)

    environment = Path(f"/proc/{process_id(own)}/environ").read_bytes()

    own.close()
    assert b"AWS" not in environment


def test_process_loads_neither_boto3_nor_what_is_not_for_decoding() -> None:
    code = "import sys; import handlers.labelling.decoding.child; print(*sys.modules)"
    root = Path(handlers.__file__).parent.parent

    loaded = subprocess.run([sys.executable, "-c", code], cwd=root, check=True, capture_output=True, text=True).stdout

    assert not {"boto3", "botocore", "handlers.results.table", "handlers.labelling.pipeline"} & {*loaded.split()}
