"""Which local files are uploaded, and under which keys."""

from __future__ import annotations

import mimetypes
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from labelstack.errors import InputError

# What is taken out of a folder. A file that the user names is uploaded whatever it is.
PICTURE_TYPES = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".jfif": "image/jpeg",
    ".png": "image/png",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".bmp": "image/bmp",
    ".heic": "image/heic",
    ".heif": "image/heif",
    ".avif": "image/avif",
}

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
MAX_KEY_BYTES = 1024


@dataclass(frozen=True)
class LocalPicture:
    """A file to upload.

    Attributes:
        path: Where it is.
        name: Its key without the prefix; unique in one upload.
        key: The object's key.
        content_type: MIME type, by the file's name.
        size_bytes: Its size when it was found.
    """

    path: Path
    name: str
    key: str
    content_type: str
    size_bytes: int


def collect(paths: Sequence[Path]) -> list[LocalPicture]:
    """The files that `paths` name, each once, with unique keys.

    A file's name is its own; one found in a folder is named relative to the folder's parent (`holiday/1.jpg`). Where
    two files would share a name, both get as much of their paths as tells them apart.

    Raises:
        InputError: A path is missing or is neither file nor folder, or a folder holds no picture.
    """
    names: dict[Path, str] = {}
    for path in paths:
        for file, name in _files(path):
            names.setdefault(file, name)
    return [
        LocalPicture(file, name, name, content_type(file), file.stat().st_size)
        for file, name in _told_apart(names).items()
    ]


def under(prefix: str, pictures: Iterable[LocalPicture]) -> list[LocalPicture]:
    """The pictures with a prefix before their keys.

    Raises:
        InputError: A key is longer than S3 takes.
    """
    keyed = [replace(picture, key=prefix + picture.name) for picture in pictures]
    for picture in keyed:
        if len(picture.key.encode()) > MAX_KEY_BYTES:
            raise InputError(
                f"the key {picture.key[:60]}... has {len(picture.key.encode())} bytes; S3 takes {MAX_KEY_BYTES}."
            )
    return keyed


def content_type(path: Path) -> str:
    """The MIME type of a file by its name."""
    known = PICTURE_TYPES.get(path.suffix.lower())
    return known or mimetypes.guess_type(path.name)[0] or "application/octet-stream"


def _files(path: Path) -> list[tuple[Path, str]]:
    if path.is_file():
        return [(path.parent.resolve() / path.name, path.name)]
    if not path.is_dir():
        problem = "it is neither a file nor a folder" if path.exists() else "there is no such file or folder"
        raise InputError(f"cannot upload {str(path)!r}: {problem}.")
    folder = path.resolve()
    found = [(file, (Path(folder.name) / file.relative_to(folder)).as_posix()) for file in _pictures_in(folder)]
    if not found:
        raise InputError(
            f"no picture in the folder {str(path)!r} ({', '.join(t.lstrip('.') for t in PICTURE_TYPES)}); "
            "to upload another kind of file, name the file itself."
        )
    return found


def _pictures_in(folder: Path) -> Iterator[Path]:
    def unreadable(error: OSError) -> None:
        raise InputError(f"cannot read the folder {error.filename!r}: {error.strerror}.") from error

    for root, folders, files in os.walk(folder, onerror=unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            file = Path(root, name)
            if not name.startswith(".") and file.suffix.lower() in PICTURE_TYPES and file.is_file():
                yield file


def _told_apart(names: dict[Path, str]) -> dict[Path, str]:
    sharing: dict[str, list[Path]] = defaultdict(list)
    for file, name in names.items():
        sharing[name].append(file)
    unique = dict(names)
    for files in sharing.values():
        if len(files) > 1:
            above = Path(os.path.commonpath(files))
            unique.update((file, file.relative_to(above).as_posix()) for file in files)
    if len(set(unique.values())) < len(unique):
        return {file: file.relative_to(file.anchor).as_posix() for file in names}
    return unique


def total_bytes(pictures: Iterable[LocalPicture]) -> int:
    """How many bytes there are to upload."""
    return sum(picture.size_bytes for picture in pictures)
