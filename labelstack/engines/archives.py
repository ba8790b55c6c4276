"""Pulumi's assets and archives as bytes; archives as zip files that depend on neither time nor order."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pulumi

from labelstack.errors import UnsupportedError

EARLIEST = (1980, 1, 1, 0, 0, 0)  # the earliest time in a zip file


def archive_bytes(value: object) -> bytes:
    """Return an archive as a zip file."""
    if isinstance(value, pulumi.FileArchive) and Path(value.path).is_file():
        return Path(value.path).read_bytes()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content, mode in sorted(_entries(value, PurePosixPath())):
            entry = zipfile.ZipInfo(name, EARLIEST)
            entry.external_attr = mode << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return packed.getvalue()


def asset_bytes(value: object) -> bytes:
    """Return an asset's content."""
    if isinstance(value, pulumi.FileAsset):
        return Path(str(value.path)).read_bytes()
    if isinstance(value, pulumi.StringAsset):
        return str(value.text).encode()
    raise UnsupportedError(f"an asset of type {type(value).__name__} is not supported: use a file or a text")


def digest(value: object) -> str:
    """Return a hash that changes with an asset or archive."""
    content = archive_bytes(value) if isinstance(value, pulumi.Archive) else asset_bytes(value)
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def without_assets(value: Any) -> Any:
    """Return the same JSON value with digests in place of assets and archives."""
    if isinstance(value, pulumi.Asset | pulumi.Archive):
        return digest(value)
    if isinstance(value, dict):
        return {key: without_assets(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [without_assets(inner) for inner in value]
    return value


def _entries(value: object, at: PurePosixPath) -> Iterator[tuple[str, bytes, int]]:
    if isinstance(value, pulumi.AssetArchive):
        for name, inner in value.assets.items():
            yield from _entries(inner, at / name)
    elif isinstance(value, pulumi.FileArchive):
        root = Path(value.path)
        if root.is_file():
            with zipfile.ZipFile(root) as archive:
                for info in archive.infolist():
                    if not info.is_dir():
                        yield str(at / info.filename), archive.read(info), (info.external_attr >> 16) or 0o644
        elif root.is_dir():
            for file in sorted(path for path in root.rglob("*") if path.is_file()):
                yield str(at / file.relative_to(root).as_posix()), file.read_bytes(), file.stat().st_mode & 0o777
        else:
            raise FileNotFoundError(f"the archive {root} does not exist")
    elif isinstance(value, pulumi.FileAsset | pulumi.StringAsset):
        yield str(at), asset_bytes(value), 0o644
    else:
        raise UnsupportedError(f"an archive of type {type(value).__name__} is not supported: use a file or a folder")
