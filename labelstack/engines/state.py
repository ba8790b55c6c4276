"""The state of a deployed stack: one JSON file, written after each change.

A file is replaced, never changed, so that a process killed at any time leaves a whole one. A resource is recorded
before it is made (`creating`) and again when it is there, so that one made when the kill came is found by its name.
"""

from __future__ import annotations

import fcntl
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from labelstack.clouds.record import write_private
from labelstack.errors import StateError

FORMAT = 1


@dataclass
class Entry:
    """One resource.

    Attributes:
        urn: Pulumi's name for it, unique in the stack.
        type: Type token.
        name: Logical name.
        id: The provider's id; empty while it is being made.
        inputs: The program's properties, with digests in place of files.
        name_made: Its generated physical name; None when the program names it or the type has no name.
        outputs: The program's view of the resource.
        dependencies: URNs of the resources that must outlive it, its parent among them.
        protect: Whether the engine refuses to remove it.
        retain: Whether it stays in the cloud when it leaves the stack.
        creating: Whether its creation has begun and not ended.
    """

    urn: str
    type: str
    name: str
    id: str
    inputs: dict[str, Any]
    name_made: str | None = None
    outputs: dict[str, Any] = field(default_factory=dict)
    dependencies: list[str] = field(default_factory=list)
    protect: bool = False
    retain: bool = False
    creating: bool = False


def load(file: Path) -> dict[str, Any] | None:
    """Return the content of a stack's record; None where there is no such file.

    Raises:
        StateError: The file cannot be read, or another version has written it.
    """
    try:
        raw = json.loads(file.read_text())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise StateError(f"the stack's record {file} cannot be read ({error}): repair or delete it") from error
    if not isinstance(raw, dict) or raw.get("format") != FORMAT:
        raise StateError(
            f"the stack's record {file} was written by another version of labelstack: destroy the stack with that "
            "version, or delete the file if its cloud is gone"
        )
    return raw


class StackState:
    """The record of one stack. Its methods may be called by several threads.

    Attributes:
        file: Where it is kept.
        instance: The cloud's instance that the resources are on.
        entries: Resources by URN, in the order in which they were made.
        replaced: Resources that another one has taken the place of and that are still to be removed.
        outputs: The stack's outputs.
    """

    def __init__(self, file: Path, instance: str) -> None:
        self.file = file
        self.instance = instance
        self.entries: dict[str, Entry] = {}
        self.replaced: list[Entry] = []
        self.outputs: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._lines: dict[str, str] = {}  # the file's entries by URN: only changed ones are encoded again

    @classmethod
    def load(cls, file: Path, instance: str) -> StackState:
        """Return the record in a file; an empty one when there is none, or when its cloud has lost everything since.

        Raises:
            StateError: As of `load`.
        """
        state = cls(file, instance)
        raw = load(file)
        if raw is not None and raw["instance"] == instance:
            state.entries = {entry["urn"]: Entry(**entry) for entry in raw["entries"]}
            state.replaced = [Entry(**entry) for entry in raw["replaced"]]
            state.outputs = raw["outputs"]
        return state

    def put(self, entry: Entry) -> None:
        """Record a resource, at the end when it is new."""
        with self._lock:
            self.entries[entry.urn] = entry
            self._save(entry.urn)

    def replace(self, old: Entry, new: Entry) -> None:
        """Record a resource in place of one that is still to be removed."""
        with self._lock:
            self.replaced.append(old)
            del self.entries[old.urn]
            self.entries[new.urn] = new
            self._save(old.urn, new.urn)

    def rename(self, old_urn: str, urn: str) -> bool:
        """Change a recorded resource's URN; return False if there is no such record, or the new URN has one."""
        with self._lock:
            if old_urn not in self.entries or urn in self.entries:
                return False
            self.entries = {
                urn if urn_now == old_urn else urn_now: replace(entry, urn=urn) if urn_now == old_urn else entry
                for urn_now, entry in self.entries.items()
            }
            self._save(old_urn, urn)
            return True

    def unprotect(self, entries: Sequence[Entry]) -> None:
        """Allow removing protected resources."""
        with self._lock:
            for entry in entries:
                entry.protect = False
            self._save(*(entry.urn for entry in entries))

    def restore(self, old: Entry) -> None:
        """Take a replacement back: the old resource is the current one again."""
        with self._lock:
            self.replaced.remove(old)
            self.entries[old.urn] = old
            self._save(old.urn)

    def remove(self, entry: Entry) -> None:
        """Forget a resource."""
        with self._lock:
            if entry in self.replaced:
                self.replaced.remove(entry)
            elif self.entries.get(entry.urn) is entry:
                del self.entries[entry.urn]
            self._save(entry.urn)

    def set_outputs(self, outputs: dict[str, Any]) -> None:
        """Record the stack's outputs."""
        with self._lock:
            self.outputs = outputs
            self._save()

    def delete(self) -> None:
        """Remove the file: the stack is gone."""
        with self._lock:
            self.file.unlink(missing_ok=True)

    def _save(self, *changed: str) -> None:
        for urn in changed:
            self._lines.pop(urn, None)
        for urn, entry in self.entries.items():
            if urn not in self._lines:
                self._lines[urn] = json.dumps(asdict(entry))
        parts = {
            "format": json.dumps(FORMAT),
            "instance": json.dumps(self.instance),
            "entries": _listed([self._lines[urn] for urn in self.entries]),
            "replaced": _listed([json.dumps(asdict(entry)) for entry in self.replaced]),
            "outputs": json.dumps(self.outputs),
        }
        self.file.parent.mkdir(parents=True, exist_ok=True)
        # Inputs may hold a program's secrets.
        write_private(self.file, "{\n" + ",\n".join(f'"{name}": {text}' for name, text in parts.items()) + "\n}\n")


def _listed(items: list[str]) -> str:
    return "[\n" + ",\n".join(items) + "\n]"


@contextmanager
def exclusive(file: Path) -> Iterator[None]:
    """Keep two processes from changing one stack at once.

    Raises:
        StateError: Another one is at it.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StateError(f"another process is deploying or destroying stack {file.stem}: wait for it") from error
        yield
