"""A long job's place in a file, so that it goes on where it was interrupted, even by `kill -9`."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from labelstack.errors import StateError


@dataclass(frozen=True)
class Progress:
    """The progress of a job.

    Attributes:
        started_at: ISO 8601, of the first run.
        after: The last key that is done; "" at the start.
        done: Pictures done.
        copied: Of them, those that were copied: the others were there already, or could not be.
    """

    started_at: str
    after: str = ""
    done: int = 0
    copied: int = 0


class Job:
    """One job's file. Another job, or the same with other options, has another one.

    Args:
        folder: Where jobs keep their files.
        name: The command's.
        options: The options that identify the job.
    """

    def __init__(self, folder: Path, name: str, options: Mapping[str, object]) -> None:
        facts = json.dumps({"name": name, **options}, sort_keys=True, default=str)
        self.file = folder / f"{name}-{hashlib.sha256(facts.encode()).hexdigest()[:12]}.json"

    @property
    def is_begun(self) -> bool:
        """Return whether an earlier run was interrupted."""
        return self.file.exists()

    def resume(self, now: str) -> Progress:
        """Return where it was interrupted, or its start.

        Raises:
            StateError: The file cannot be read.
        """
        try:
            content = json.loads(self.file.read_text())
            return Progress(**content)
        except FileNotFoundError:
            return Progress(now)
        except (OSError, ValueError, TypeError) as error:
            raise StateError(f"cannot read the job's record {self.file} ({error}): remove it to start over.") from error

    def save(self, progress: Progress) -> None:
        """Write the progress so that the file is complete whenever the process dies.

        Raises:
            StateError: The file cannot be written.
        """
        written = self.file.with_suffix(f".{os.getpid()}.tmp")  # two runs of a job at once do no harm
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            written.write_text(json.dumps(asdict(progress)))
            written.replace(self.file)
        except OSError as error:
            raise StateError(f"the job's progress cannot be written to {self.file}: {error}") from error

    def finish(self) -> None:
        """Remove the job's file, so that the next run starts from the beginning."""
        self.file.unlink(missing_ok=True)
