"""The table's keys. Nobody else spells `IMAGE#`.

Limits: a partition key holds 2,048 bytes, a sort key 1,024, an S3 key 1,024
(docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html).
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from .document import Result

IMAGE: Final = "IMAGE#"
"""Before a picture's key: `pk` of its items, its META item and the entries of its labels and terms."""
META: Final = "META"
LABEL: Final = "LABEL#"
TERM: Final = "TERM#"
"""Before a term: `sk` and `gsi2pk` of its entries."""
STATUS: Final = "STATUS#"
"""Before a status: `gsi2pk` of every picture in this state."""
FIRST_YEAR: Final = 1990
"""Pictures that are older are listed with those of this year."""
COUNTERS_PK: Final = "LABELCOUNTS"
CURSOR_KEYS_PK: Final = "CURSORKEYS"
UNREADABLE: Final = "UNREADABLE#"
"""Before a message's id: `pk` of a queue message that is not an S3 event."""
ATTEMPT: Final = "ATTEMPT#"
"""Before a picture's key: `pk` of the notes about failed attempts at its events."""
UNANNOUNCED: Final = "UNANNOUNCED"
"""`gsi1pk` of every result that could not be announced so far."""
COUNTER_PREFIX: Final = "n:"
TOTAL_PREFIX: Final = "s:"
"""Of the counters of statuses and classes, beside those of labels."""
COUNTER_SHARDS: Final = 16
SORT_KEY_MAX_BYTES: Final = 1000
SEQUENCER_DIGITS: Final = 64

Place = tuple[str, str]
"""Partition key and sort key of an item."""
Content = tuple[str, int]
"""ETag and size in bytes: what stands for a picture's bytes."""


def image_place(key: str) -> Place:
    """Return the place of a picture's own item."""
    return IMAGE + key, META


def label_sk(label: str) -> str:
    """Return a label's part of keys: its entries' `sk`, `gsi1pk` and `gsi2pk`. It disregards case."""
    return LABEL + label.lower()


def year_term(year: int) -> str:
    """Return the term of every picture of this year, whose entries are in order of the picture's date."""
    return f"YEAR#{max(year, FIRST_YEAR)}"


def confidence_sort(confidence: Decimal) -> str:
    """Return a confidence of 0-100 as text of fixed width that sorts like the number: "098.7000"."""
    return f"{confidence:08.4f}"


def sort_key(head: str, key: str) -> str:
    """Return a sort key that orders by its head, a time or a confidence, and then by the picture's key."""
    return cut_to_bytes(f"{head}#{key}", SORT_KEY_MAX_BYTES)


def folder_of(key: str) -> str:
    """Return the first folder of a key, with its slash; "" at the top of the bucket."""
    return key[: key.find("/") + 1]


def counters_of(folder: str) -> str:
    """Return the prefix of the sort keys of a folder's label counters, and of no other folder's."""
    return f"{cut_to_bytes(folder, SORT_KEY_MAX_BYTES)}#"


def counter_sk(key: str) -> str:
    """Return the sort key of a picture's shard of label counters, those of its first folder."""
    return f"{counters_of(folder_of(key))}{hashlib.sha256(key.encode()).digest()[0] % COUNTER_SHARDS:02x}"


def content_pk(etag: str, size_bytes: int) -> str:
    """Return the partition of known content of these bytes, whatever their key."""
    return f"CONTENT#{etag}#{size_bytes}"


def iso_ms(time: datetime) -> str:
    """Return a time in ISO 8601, UTC, with milliseconds and "Z". Such texts sort as the times do."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def pad_sequencer(sequencer: str) -> str:
    """Return the hex number left-padded with zeros, which is how S3 says to compare sequencers."""
    return sequencer.upper().rjust(SEQUENCER_DIGITS, "0")


def cut_to_bytes(text: str, max_bytes: int) -> str:
    """Return the longest beginning of `text` whose UTF-8 form fits; never half a character."""
    encoded = text.encode()
    if len(encoded) <= max_bytes:
        return text
    return encoded[:max_bytes].decode(errors="ignore")


# --- terms of searches beside labels

_MOST_WORDS: Final = 40
_MOST_NAME_TERMS: Final = 20
_MOST_CAMERA_WORDS: Final = 5
_WORD_CHARACTERS: Final = 50
_NAME_STARTS: Final = (8, 4, 2)
_WORD: Final = re.compile(r"[^\W_]+")
_RUN: Final = re.compile(r"\d+|[^\W\d_]+")
_EXTENSIONS: Final = ("avif", "bmp", "gif", "heic", "heif", "hif", "jpeg", "jpg", "png", "tif", "tiff", "webp")
"""So many names end so that an entry of each would help nobody."""


def folded(text: str) -> str:
    """Return the text as searches compare it: without regard to case, and however its accents are encoded."""
    # Styled letters have a case only once they are plain, and casefold takes accents apart.
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def words_of(text: str) -> list[str]:
    """Return the different words of a text, folded, each cut to 50 characters."""
    return list(dict.fromkeys(word[:_WORD_CHARACTERS] for word in _WORD.findall(folded(text))))


def words_read(result: Result) -> list[str]:
    """Return the different words that were read in a picture, the surest first."""
    surest = sorted(result.get("text", []), key=lambda text: text["confidence"], reverse=True)
    return words_of(" ".join(text["text"] for text in surest))


def is_named(key: str, part: str) -> bool:
    """Return whether the file's name has this folded part at its start, or at the start or end of a word or number."""
    name = folded(key.rpartition("/")[2])
    return any(name.startswith(part, edge) for edge in {0, *(at for run in _RUN.finditer(name) for at in run.span())})


def name_term(part: str) -> str:
    """Return the longest start of a word that is a term of all names with this folded part; "" if there is none."""
    runs = [run for run in _RUN.findall(part) if not any(extension.startswith(run) for extension in _EXTENSIONS)]
    return max((term for run in reversed(runs) for term in _starts(run)[:1]), key=len, default="")


def date_of(result: Result) -> str:
    """Return the time by which a search knows the picture: its camera's, without the zone; else that of its upload."""
    if taken_at := result.get("capture", {}).get("takenAt"):
        return f"{taken_at[:19]}.000Z"
    return result.get("uploadedAt", result["processedAt"])


def camera_words(result: Result) -> list[str]:
    """Return the different words of the camera's name."""
    return words_of(result.get("capture", {}).get("camera", ""))[:_MOST_CAMERA_WORDS]


def classes(result: Result) -> list[str]:
    """Return the classes of a picture: its number of faces, and whether moderation flagged it; none of what is unknown.

    `FACES#none`, `FACES#one` or `FACES#group`; `FLAGGED#yes` or `FLAGGED#no`.
    """
    named = []
    if "faces" in result:
        named.append(f"FACES#{('none', 'one', 'group')[min(2, len(result['faces']))]}")
    if "moderation" in result:
        named.append(f"FLAGGED#{'yes' if result['moderation'] else 'no'}")
    return named


def terms(result: Result) -> list[str]:
    """Return the terms of a picture beside its labels and date: starts of its name's words, words read, classes."""
    runs = [run for run in _RUN.findall(folded(result["key"].rpartition("/")[2])) if run not in _EXTENSIONS]
    names = [f"NAME#{start}" for start in dict.fromkeys(start for run in runs for start in _starts(run))]
    words = [f"TEXT#{word}" for word in words_read(result)]
    return [
        *classes(result),
        *(f"CAMERA#{word}" for word in camera_words(result)),
        *names[:_MOST_NAME_TERMS],
        *words[:_MOST_WORDS],
    ]


def _starts(run: str) -> list[str]:
    return [run[:length] for length in _NAME_STARTS if len(run) >= length]
