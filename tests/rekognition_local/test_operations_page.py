"""OPERATIONS.md is true."""

from __future__ import annotations

import re
from pathlib import Path

import rekognition_local
from rekognition_local.operations import OPERATIONS


def listed(heading: str) -> list[str]:
    """Return the operations that a chapter of the page lists."""
    page = (Path(rekognition_local.__file__).parent / "OPERATIONS.md").read_text(encoding="utf-8")
    chapter = page.split(f"\n## {heading}\n")[1].split("\n#")[0]
    return re.findall(r"`([A-Z]\w+)`(?:, |$)", chapter, flags=re.MULTILINE)


def test_lists_what_is_implemented() -> None:
    assert listed("Implemented") == sorted(OPERATIONS)
