"""A record of a stack beside Pulumi's own state: its cloud and its outputs. Needs no Pulumi."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from labelstack.errors import StateError

FORMAT = 1


@dataclass(frozen=True)
class Record:
    """One stack that was deployed, or that a deployment was begun of.

    Attributes:
        instance: The cloud's instance that its resources are on.
        outputs: Its outputs; None until a deployment has ended well.
    """

    instance: str
    outputs: Mapping[str, Any] | None

    def write(self, file: Path) -> None:
        """Write the record into a file that only its owner may read, because outputs may be secret."""
        file.parent.mkdir(parents=True, exist_ok=True)
        new = file.with_suffix(".new")
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as opened:
            json.dump({"format": FORMAT, **asdict(self)}, opened, indent=1)
        new.replace(file)


def file_of(folder: Path, stack: str) -> Path:
    """Return the record of a stack, in an engine's folder."""
    return folder / stack / "record.json"


def read(folder: Path, stack: str, instance: str) -> Record | None:
    """Return the record of a stack; None when there is none, or when its cloud has lost everything since.

    Raises:
        StateError: As of `load`.
    """
    known = load(folder, stack)
    return known if known is not None and known.instance == instance else None


def load(folder: Path, stack: str) -> Record | None:
    """Return the record of a stack, whichever cloud it is on; None when there is none.

    Raises:
        StateError: It cannot be read, or another version has written it.
    """
    file = file_of(folder, stack)
    try:
        raw = json.loads(file.read_text())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise StateError(f"the stack's record {file} cannot be read ({error}): repair or delete it") from error
    if not isinstance(raw, dict) or raw.get("format") != FORMAT:
        raise StateError(
            f"the stack's record {file} was written by another version of labelstack: destroy the stack with that "
            f"version, or delete {file.parent} if its cloud is gone"
        )
    return Record(raw["instance"], raw["outputs"])
