"""A record of a stack beside Pulumi's own state: its cloud and its outputs. Needs no Pulumi."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from labelstack.clouds.record import write_private
from labelstack.engines import state


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
        write_private(file, json.dumps({"format": state.FORMAT, **asdict(self)}, indent=1))


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
        StateError: As of `state.load`.
    """
    raw = state.load(file_of(folder, stack))
    return None if raw is None else Record(raw["instance"], raw["outputs"])
