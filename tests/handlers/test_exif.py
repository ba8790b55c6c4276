"""The camera's facts: read from files of every format that has them, and checked."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pillow_heif
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from PIL.TiffImagePlugin import IFDRational

from handlers.labelling.decoder import Preparation
from handlers.labelling.decoding import metadata
from handlers.labelling.decoding.conversion import convert, facts
from handlers.labelling.decoding.metadata import capture
from handlers.labelling.errors import PictureRejectedError
from handlers.labelling.events import ObjectEvent, Outcome, decode_message
from handlers.labelling.picture import HEADER_READS_BYTES, read_header
from handlers.results import keys
from handlers.results.codes import Code
from handlers.results.document import Capture
from handlers.results.repair import repair_message
from tests.handlers.assembling import LABELS_ALONE, MANY_PIXELS, Fakes, process
from tests.handlers.factories import BUCKET, CODECS, event
from tests.handlers.fakes import DecoderHere

DIRECTORY, PLACE, TAKEN_AT, ZONE = 0x8769, 0x8825, 0x9003, 0x9011
NAMES = {"rdf": metadata.RDF, "xmp": metadata.XMP, "exif": metadata.EXIF, "exifEX": metadata.EX}
NAMES |= {"aux": metadata.AUX, "tiff": metadata.TIFF, "photoshop": metadata.PHOTOSHOP}
WHOLE = {
    "takenAt": "2026-05-01T12:34:56+02:00",
    "camera": "Canon EOS R5",
    "lens": "RF 24-70mm",
    "exposureSeconds": Decimal("0.008"),
    "aperture": Decimal("2.8"),
    "iso": 400,
    "focalLengthMm": Decimal(35),
}
PARIS = {"latitude": Decimal("48.8584"), "longitude": Decimal("2.2945")}
IN_XMP = """xmp:CreateDate="2001-01-01T00:00:00" tiff:Make="Canon" tiff:Model="EOS R5" aux:Lens="RF 24-70mm"
 exif:ExposureTime="1/125" exif:FNumber="28/10" exif:FocalLength="35/1"
 exif:DateTimeOriginal="2026-05-01T12:34:56.78+02:00" exif:GPSLatitude="48,51.504N" exif:GPSLongitude="2,17,40.2E\""""
ISO = "<exif:ISOSpeedRatings><rdf:Seq><rdf:li>400</rdf:li></rdf:Seq></exif:ISOSpeedRatings>"


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


def picture(name: str, exif: Image.Exif | None = None, xmp: bytes | None = None) -> bytes:
    """Return a file of a format with Exif, XMP or both, each where the format has it."""
    options: dict[str, Any] = {"exif": exif} if exif else {}
    if xmp and name == "PNG":
        options["pnginfo"] = PngInfo()
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", xmp.decode(), zip=len(xmp) > 1000)
    elif xmp and name == "TIFF":
        options["tiffinfo"] = {0x02BC: xmp}
    elif xmp and name != "GIF":
        options["xmp"] = xmp
    pillow_heif.register_heif_opener()
    buffer = io.BytesIO()
    Image.new("RGB", (120, 90), "red").save(buffer, CODECS.get(name, name), **options)
    content = buffer.getvalue()
    if xmp and name == "GIF":
        # The extension has no blocks; its trailer lets a reader of blocks find the end (XMP part 3, 1.1.2).
        at = 13 + 3 * 2 ** ((content[10] & 7) + 1) if content[10] & 0x80 else 13
        trailer = bytes([1, *range(255, -1, -1), 0])
        content = content[:at] + b"\x21\xff\x0bXMP DataXMP" + xmp + trailer + content[at:]
    return content


def xmp_of(properties: str = "", elements: str = "", start: str = "") -> bytes:
    """Return an XMP packet of a description with these attributes and elements."""
    names = "".join(f' xmlns:{prefix}="{name[1:-1]}"' for prefix, name in NAMES.items())
    return (
        f'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>{start}<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        f'<rdf:RDF{names}><rdf:Description rdf:about="" {properties}>{elements}</rdf:Description></rdf:RDF>'
        f'</x:xmpmeta><?xpacket end="w"?>\x00'
    ).encode()


def header_capture(content: bytes) -> Any:
    header = read_header(content, len(content))
    assert header
    return header.capture


def captured(exif: Image.Exif) -> dict[str, Any]:
    return dict(capture(exif.tobytes()) or {})


@pytest.mark.parametrize("name", ["JPEG", "PNG"])
def test_is_in_the_header_of_what_rekognition_reads(name: str) -> None:
    assert header_capture(picture(name, exif_of())) == WHOLE


@pytest.mark.parametrize("name", ["WebP", "AVIF", "HEIC", "JPEG", "PNG"])
def test_comes_with_a_converted_copy(name: str) -> None:
    assert convert(io.BytesIO(picture(name, exif_of())), name, 1_000_000).capture == WHOLE


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WebP", "AVIF", "HEIC", "TIFF", "GIF"])
def test_xmp_says_it_where_exif_does_not(name: str) -> None:
    content = picture(name, xmp=xmp_of(IN_XMP, ISO))

    assert convert(io.BytesIO(content), name, 1_000_000).capture == WHOLE | PARIS
    assert facts(io.BytesIO(content), name, 10**9) == WHOLE | PARIS


@pytest.mark.parametrize(("name", "padding"), [("JPEG", 0), ("PNG", 0), ("PNG", 2000)])
def test_xmp_is_in_the_header_of_what_rekognition_reads(name: str, padding: int) -> None:
    assert header_capture(picture(name, xmp=xmp_of(IN_XMP, ISO + " " * padding))) == WHOLE | PARIS


def test_exif_goes_before_xmp_fact_by_fact() -> None:
    content = picture("JPEG", exif_of(tag_A434=None), xmp_of('tiff:Make="Sony" aux:Lens="50mm" exif:FNumber="8/1"'))

    assert header_capture(content) == WHOLE | {"lens": "50mm"}


@pytest.mark.parametrize(
    ("properties", "taken_at"),
    [
        ('xmp:CreateDate="2020-02-03T04:05"', "2020-02-03T04:05:00"),
        (
            'photoshop:DateCreated="2021-02-03T04:05:06Z" xmp:CreateDate="2026-02-03T04:05:06"',
            "2021-02-03T04:05:06+00:00",
        ),
        ('exif:DateTimeOriginal="0000-00-00T00:00:00" xmp:CreateDate="2020-02-03T04:05:06"', "2020-02-03T04:05:06"),
        ('xmp:CreateDate="1904-01-01T00:00:00Z"', None),
        ('xmp:CreateDate="2020-13-03T04:05:06"', None),
        ('photoshop:DateCreated="2020-02-03"', None),
    ],
)
def test_the_first_good_time_of_xmp_counts(properties: str, taken_at: str | None) -> None:
    assert (capture(b"", xmp_of(properties)) or {}).get("takenAt") == taken_at


@pytest.mark.parametrize(
    "packet",
    [
        xmp_of('tiff:Model="X"', start='<!DOCTYPE x [<!ENTITY a "b">]>'),
        xmp_of('tiff:Model="X"', start="<!DOCTYPE x>").decode().encode("utf-16"),
        xmp_of(f'tiff:Model="X" xmp:Label="{"a" * metadata.MAX_BYTES}"'),
        xmp_of('tiff:Model="X"')[:-40],
        xmp_of("", '<xmp:Of><rdf:Description tiff:Model="of another picture"/></xmp:Of>'),
        b"<" * 10_000,
        b"<a>" * 60_000,
    ],
    ids=["entities", "utf-16", "long", "short", "nested", "no xml", "deep"],
)
def test_xmp_that_is_not_believed(packet: bytes) -> None:
    assert capture(b"", packet) is None


def test_a_chunk_of_a_png_that_unpacks_to_much_is_left_out() -> None:
    content = picture("PNG", xmp=xmp_of('tiff:Model="X"', " " * 5_000_000))

    assert len(content) < 10_000
    assert header_capture(content) is None


def place_of(latitude: Any, longitude: Any, hemispheres: str = "NE") -> Image.Exif:
    exif = exif_of()
    exif.get_ifd(PLACE).update({1: hemispheres[0], 2: latitude, 3: hemispheres[1], 4: longitude})
    return exif


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WebP", "AVIF", "HEIC"])
def test_the_place_is_in_degrees(name: str) -> None:
    content = picture(name, place_of((48.0, 51.0, 30.24), (2.0, 17.67, 0.0)))

    assert facts(io.BytesIO(content), name, 10**9) == WHOLE | PARIS


@pytest.mark.parametrize(
    ("exif", "place"),
    [
        (place_of((33.0, 52.0, 10.0), (151.0, 12.0, 30.0), "SW"), ("-33.8694444", "-151.208333")),
        (place_of((0.0, 0.0, 0.0), (0.0, 30.0, 0.0)), ("0", "0.5")),
        (place_of((0.0, 0.0, 0.0), (0.0, 0.0, 0.0)), None),
        (place_of((91.0, 0.0, 0.0), (2.0, 0.0, 0.0)), None),
        (place_of((IFDRational(1, 0),) * 3, (2.0, 0.0, 0.0)), None),
        (place_of((1.0, 2.0, 3.0), 5), None),
    ],
)
def test_a_place_that_is_none_is_left_out(exif: Image.Exif, place: tuple[str, str] | None) -> None:
    got = captured(exif)

    assert (got.get("latitude"), got.get("longitude")) == (
        (Decimal(place[0]), Decimal(place[1])) if place else (None, None)
    )


def test_a_tiff_has_it_in_its_own_directories() -> None:
    assert convert(io.BytesIO(picture("TIFF", exif_of())), "TIFF", 1_000_000).capture == {"camera": WHOLE["camera"]}


def test_a_picture_without_exif_has_none() -> None:
    assert header_capture(picture("JPEG")) is None


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


@given(st.binary(max_size=200), st.integers(0, 600))
def test_no_packet_makes_it_raise(damage: bytes, place: int) -> None:
    packet = xmp_of(IN_XMP, ISO)
    capture(b"", packet[:place] + damage + packet[place + len(damage) :])
    capture(b"", damage)


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


def repair_of(key: str) -> ObjectEvent:
    """Return the request of `labelstack migrate`."""
    [request] = decode_message(repair_message(BUCKET, key, labels_only=True)).events
    return request


@dataclass
class Places:
    """A world with a photograph that knows its place, and a stack that keeps places or does not."""

    world: Fakes

    def label(self, key: str, *, keep: bool, name: str = "JPEG") -> None:
        self.world.objects.add(key, picture(name, place_of((48.0, 51.0, 30.24), (2.0, 17.67, 0.0))))
        self.process(self.world.objects.with_header(event(key)), keep=keep)

    def repair(self, key: str, *, keep: bool) -> Outcome:
        return self.process(repair_of(key), keep=keep)

    def process(self, happened: ObjectEvent, *, keep: bool) -> Outcome:
        return process(self.world.assembled(settings=replace(LABELS_ALONE, keep_location=keep)), happened)

    def capture_of(self, key: str) -> Any:
        return self.world.rows.items[keys.image_place(key)].get("capture")

    def stored(self) -> str:
        """Return the table's whole content."""
        return str(self.world.rows.items)


@pytest.fixture
def places() -> Iterator[Places]:
    with ThreadPoolExecutor(2) as operations:
        yield Places(Fakes(operations))


@pytest.mark.parametrize("name", ["JPEG", "HEIC"])
def test_a_place_is_stored_only_where_the_stack_keeps_it(places: Places, name: str) -> None:
    places.label("off", keep=False, name=name)
    assert places.capture_of("off") == WHOLE
    assert "latitude" not in places.stored()

    places.label("on", keep=True, name=name)
    assert places.capture_of("on") == WHOLE | PARIS
    assert len(places.world.rekognition.calls) == 1


@pytest.mark.parametrize("name", ["JPEG", "HEIC"])
def test_no_known_content_outlives_the_setting(places: Places, name: str) -> None:
    places.label("on", keep=True, name=name)
    assert "latitude" in places.stored()

    places.label("off", keep=False, name=name)
    places.repair("on", keep=False)

    assert places.capture_of("off") == places.capture_of("on") == WHOLE
    assert "latitude" not in places.stored()
    assert len(places.world.rekognition.calls) == 1


@pytest.mark.parametrize("name", ["JPEG", "HEIC", "WebP"])
def test_a_repair_gives_an_older_result_what_the_camera_wrote(places: Places, name: str) -> None:
    places.label("old", keep=False, name=name)
    item = places.world.rows.items[keys.image_place("old")]
    item["fingerprint"] = item["fingerprint"].partition(".")[0]
    before = item.pop("processedAt"), item.pop("capture")
    item["processedAt"] = before[0]

    assert places.repair("old", keep=False) is Outcome.LABELED
    after = places.world.rows.items[keys.image_place("old")]
    assert (after["processedAt"], after["capture"]) == before
    assert (keys.IMAGE + "old", "TERM#YEAR#2026") in places.world.rows.items
    assert places.repair("old", keep=False) is Outcome.UNCHANGED
    assert len(places.world.rekognition.calls) == 1


def test_a_repair_of_a_rejected_picture_reads_no_facts(places: Places) -> None:
    def reject(*_: object) -> None:
        raise PictureRejectedError(Code.IMAGE_DAMAGED)

    places.world.rekognition.fail = reject
    places.label("old", keep=False, name="HEIC")
    places.world.objects.reads.clear()

    assert places.repair("old", keep=True) is Outcome.UNCHANGED
    assert places.world.objects.reads == [("old", HEADER_READS_BYTES[0])]


class Refusing(DecoderHere):
    """Refuses objects that it could read before."""

    def capture(self, *_: Any, **__: Any) -> Capture | None:
        raise PictureRejectedError(Code.IMAGE_DAMAGED)


def test_an_older_result_of_a_file_that_cannot_be_read_any_more_stays(places: Places) -> None:
    places.label("old", keep=False, name="HEIC")
    world = places.world
    pipeline = world.assembled(settings=replace(LABELS_ALONE, keep_location=True))
    pipeline = replace(pipeline, preparation=Preparation(world.objects, Refusing(MANY_PIXELS), world.metrics))

    assert process(pipeline, repair_of("old")) is Outcome.UNCHANGED
    assert places.capture_of("old") == WHOLE
