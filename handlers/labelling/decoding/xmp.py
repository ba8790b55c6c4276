"""A picture's properties in XMP (ISO 16684-1), as far as they are plain texts. Pure; no packet makes it raise."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser

Bytes = bytes | bytearray | memoryview

MAX_BYTES: Final = 256 * 1024
"""The largest packet that is read; a camera's has a few KB."""
RDF: Final = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
XMP: Final = "{http://ns.adobe.com/xap/1.0/}"
EXIF: Final = "{http://ns.adobe.com/exif/1.0/}"
EX: Final = "{http://cipa.jp/exif/1.0/}"
AUX: Final = "{http://ns.adobe.com/exif/1.0/aux/}"
TIFF: Final = "{http://ns.adobe.com/tiff/1.0/}"
PHOTOSHOP: Final = "{http://ns.adobe.com/photoshop/1.0/}"
_PADDING: Final = b"\x00 \t\r\n"
_IN_GIF: Final = re.compile(rb"XMP DataXMP")
_GIF_TRAILER: Final = b"\x01\xff\xfe"


def properties(packet: Bytes) -> dict[str, str]:
    """Return the picture's own properties by `{namespace}name`, the first value of a list; none of a damaged packet."""
    if not packet or len(packet) > MAX_BYTES:
        return {}
    parser = XMLParser(target=_WithoutDoctype())
    try:
        parser.feed(bytes(packet).strip(_PADDING))
        root = parser.close()
    except (ParseError, ValueError, LookupError):
        return {}
    values: dict[str, str] = {}
    for name, value in _texts(root):
        if value.strip():
            values.setdefault(name, value.strip())
    return values


def in_gif(data: Bytes) -> bytes:
    """Return the packet in a GIF file: its bytes stand in an extension as they are, before a trailer."""
    mark = _IN_GIF.search(data)
    return bytes(data[mark.end() : mark.end() + MAX_BYTES]).partition(_GIF_TRAILER)[0] if mark else b""


class _WithoutDoctype(TreeBuilder):
    """Refuses a document type: it could declare entities, which make much of little."""

    def doctype(self, *_: object) -> None:
        raise ValueError("XMP has no document type")


def _texts(root: Element) -> Iterator[tuple[str, str]]:
    """Yield the properties of the descriptions, but not of the pictures that this one consists of, which are deeper."""
    rdf = root if root.tag == f"{RDF}RDF" else root.find(f"{RDF}RDF")
    for description in () if rdf is None else rdf.iterfind(f"{RDF}Description"):
        yield from description.items()
        for element in description:
            item = element.find(f"*/{RDF}li")
            yield element.tag, (element if item is None else item).text or ""
