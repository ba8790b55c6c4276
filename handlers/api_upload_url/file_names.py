"""The end of an upload's key: the file's name as it was, and shortened in the middle where it is too long."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_ELLIPSIS: Final = "…"
_JOINER: Final = "\u200d"
_TAIL_CLUSTERS: Final = 20
_FULL_WIDTH: Final = 0xFEE0
_HARMFUL: Final = re.compile(r'[<>"]|%(?=[0-9A-Fa-f]{2})')
_FLAG: Final = re.compile("[\U0001f1e6-\U0001f1ff]{2}")
# The joiners, skin tones, tags of flags, and the vowels and finals of Hangul that are written one by one.
_EXTENDS: Final = re.compile("[\u200c\u200d\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f\u1160-\u11ff]")
# Control characters, which the contract's keys do not have, and what XML cannot carry, in which S3 lists keys.
_UNSPEAKABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ufffe\uffff]+")


def key_name(name: str, most_bytes: int) -> str:
    """Return the last part of a key for a file of this name: at most `most_bytes` bytes, never empty, `.` or `..`.

    Folders before the name go. Characters of markup and of escapes become the full-width ones of the same look.
    """
    base = _HARMFUL.sub(lambda sign: chr(ord(sign[0]) + _FULL_WIDTH), re.split(r"[/\\]", name)[-1])
    spoken = _UNSPEAKABLE.sub(" ", base).strip()
    if spoken.strip(".") == "":
        return "picture"
    return _shortened(spoken, most_bytes)


def _shortened(text: str, most_bytes: int) -> str:
    """Take characters out of the middle until the text fits; its last 20, with the extension, stay longest."""
    if len(text.encode()) <= most_bytes:
        return text
    clusters = _clusters(text)
    head, tail = clusters[:-_TAIL_CLUSTERS], clusters[-_TAIL_CLUSTERS:]
    while len("".join([*head, _ELLIPSIS, *tail]).encode()) > most_bytes:
        (head or tail).pop(-1 if head else 0)
    return "".join([*head, _ELLIPSIS, *tail])


def _clusters(text: str) -> list[str]:
    """Split into characters as people see them: grapheme clusters (UAX #29), as far as file names have them."""
    clusters: list[str] = []
    for sign in text:
        if clusters and _belongs(clusters[-1], sign):
            clusters[-1] += sign
        else:
            clusters.append(sign)
    return clusters


def _belongs(cluster: str, sign: str) -> bool:
    extends = unicodedata.category(sign)[0] == "M" or _EXTENDS.match(sign)
    return bool(extends or cluster.endswith(_JOINER) or _FLAG.fullmatch(cluster + sign))
