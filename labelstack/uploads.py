"""The choice of local files to upload, and their keys."""

from __future__ import annotations

import mimetypes
import os
import stat
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from labelstack.errors import InputError

# The suffixes of files that are uploaded from a folder. A file that the user names is always uploaded.
_ENDINGS = {
    "image/jpeg": "jpg jpeg jpe jfif jfi jif pjpeg pjp mpo jps",
    "image/png": "png apng",
    "image/gif": "gif",
    "image/webp": "webp",
    "image/tiff": "tif tiff",
    "image/bmp": "bmp dib",
    "image/heic": "heic heics",
    "image/heif": "heif heifs hif",
    "image/avif": "avif avifs",
}
PICTURE_TYPES = {f".{ending}": mime for mime, endings in _ENDINGS.items() for ending in endings.split()}

# Folders that systems make: thumbnails and waste bins of Synology and QNAP, what macOS puts into ZIPs, Windows' own.
# The page's are in web/js/folders.js.
GENERATED_FOLDERS = frozenset(
    {
        *("@eadir", "@__thumb", "@recycle", "@recently-snapshot", "@tmp", "#recycle", "#snapshot"),
        *("__macosx", "$recycle.bin", "system volume information", "lost+found"),
    }
)

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
MAX_KEY_BYTES = 1024


@dataclass(frozen=True)
class LocalPicture:
    """A file to upload.

    Attributes:
        path: Where it is.
        name: Its key without the prefix; unique in one upload. Bytes that are not UTF-8 are lone surrogates in it.
        key: The object's key.
        content_type: MIME type, by the file's name.
        size_bytes: Its size when it was found.
    """

    path: Path
    name: str
    key: str
    content_type: str
    size_bytes: int


@dataclass(frozen=True)
class LeftOut:
    """A file of a folder that is not uploaded.

    Attributes:
        path: A file, or a folder with all that is in it.
        reason: For people.
        is_unreadable: It might have been a picture, but could not be read: the user has to do something.
    """

    path: Path
    reason: str
    is_unreadable: bool = False


@dataclass(frozen=True)
class Selection:
    """The files to upload, and those that are left out."""

    pictures: list[LocalPicture]
    left_out: list[LeftOut]

    @property
    def unreadable(self) -> list[LeftOut]:
        """Return the files that could not be read."""
        return [entry for entry in self.left_out if entry.is_unreadable]


def collect(paths: Sequence[Path]) -> Selection:
    """Return the files that `paths` name, each once, with unique keys.

    A file's name is its own; one found in a folder is named relative to the folder's parent (`holiday/1.jpg`). If two
    files would share a name, both get enough of their paths to differ. Unreadable files below a folder are left out.

    Raises:
        InputError: A path is missing or is neither file nor folder, or a folder holds no picture.
    """
    files: dict[Path, tuple[str, int]] = {}
    left_out: list[LeftOut] = []
    for path in paths:
        for file, name, size_bytes in _files(path, left_out):
            files.setdefault(file, (name, size_bytes))
    names = _told_apart({file: name for file, (name, _) in files.items()})
    pictures = [LocalPicture(file, name, name, content_type(file), files[file][1]) for file, name in names.items()]
    return Selection(pictures, list(dict.fromkeys(left_out)))


def under(prefix: str, pictures: Iterable[LocalPicture]) -> list[LocalPicture]:
    """Return the pictures with a prefix before their keys."""
    return [replace(picture, key=prefix + picture.name) for picture in pictures]


def key_problem(key: str) -> str | None:
    """Return why S3 does not take a key, and what to do, or None if it does."""
    try:
        size_bytes = len(key.encode())
    except UnicodeEncodeError:
        return "its name is not UTF-8 text, which keys in S3 are: rename the file"
    if size_bytes > MAX_KEY_BYTES:
        return f"its key has {size_bytes} bytes, and S3 takes {MAX_KEY_BYTES}: shorten its name or --prefix"
    return None


def content_type(path: Path) -> str:
    """Return the MIME type of a file by its name."""
    known = PICTURE_TYPES.get(path.suffix.lower())
    return known or mimetypes.guess_type(path.name)[0] or "application/octet-stream"


def _files(path: Path, left_out: list[LeftOut]) -> list[tuple[Path, str, int]]:
    """Return a file, or the pictures of a folder: each with its name and its size in bytes."""
    try:
        status = path.stat()
    except OSError as error:
        what = "there is no such file or folder" if isinstance(error, FileNotFoundError) else error.strerror
        raise InputError(f"cannot upload {str(path)!r}: {what}.") from error
    if stat.S_ISREG(status.st_mode):
        return [(path.parent.resolve() / path.name, path.name, status.st_size)]
    if not stat.S_ISDIR(status.st_mode):
        raise InputError(f"cannot upload {str(path)!r}: it is neither a file nor a folder.")
    folder, before = path.resolve(), len(left_out)
    pictures = [
        (file, (Path(folder.name) / file.relative_to(folder)).as_posix(), size_bytes)
        for file, size_bytes in _pictures_in(folder, left_out)
    ]
    if not pictures and not any(entry.is_unreadable for entry in left_out[before:]):
        raise InputError(
            f"no picture in the folder {str(path)!r} ({', '.join(ending.lstrip('.') for ending in PICTURE_TYPES)}); "
            "to upload another kind of file, name the file itself."
        )
    return pictures


def _pictures_in(folder: Path, left_out: list[LeftOut]) -> Iterator[tuple[Path, int]]:
    def unreadable(error: OSError) -> None:
        left_out.append(LeftOut(Path(error.filename), f"the folder cannot be read: {error.strerror}", True))

    for root, folders, files in os.walk(folder, onerror=unreadable):
        skipped = {name: reason for name in folders if (reason := _folder_left_out(Path(root, name)))}
        folders[:] = sorted(set(folders) - set(skipped))
        left_out += [LeftOut(Path(root, name), reason) for name, reason in sorted(skipped.items())]
        for name in sorted(files):
            file = Path(root, name)
            if name.startswith(".") or file.suffix.lower() not in PICTURE_TYPES:
                left_out.append(LeftOut(file, "hidden" if name.startswith(".") else "not a picture's suffix"))
                continue
            try:
                status = file.stat()
            except OSError as error:
                left_out.append(LeftOut(file, f"the file cannot be read: {error.strerror}", True))
                continue
            if stat.S_ISREG(status.st_mode):
                yield file, status.st_size
            else:
                left_out.append(LeftOut(file, "not a file"))


def _folder_left_out(folder: Path) -> str:
    """Return why a folder is not looked into; empty where it is."""
    if folder.name.lower() in GENERATED_FOLDERS:
        return "a system's file"
    if folder.name.startswith("."):
        return "hidden"
    return "a link to a folder" if folder.is_symlink() else ""


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
    """Return how many bytes there are to upload."""
    return sum(picture.size_bytes for picture in pictures)
