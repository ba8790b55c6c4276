"""The record of a running embedded cloud: `cloud.json` in its folder, which only its owner can read."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path

from labelstack.clouds.processes import ProcessId

OWNER_ONLY = 0o600
OWNER_ONLY_FOLDER = 0o700


@dataclass(frozen=True)
class Keys:
    """The secrets of one instance, new for each start.

    Attributes:
        access_key: The root's access key id.
        secret_key: The root's secret access key.
        owner_token: Opens the control paths of the emulator and of the local Rekognition.
    """

    access_key: str
    secret_key: str = field(repr=False)
    owner_token: str = field(repr=False)

    @classmethod
    def make(cls) -> Keys:
        """Make keys that nobody can guess."""
        return cls(f"LABELSTACK{secrets.token_hex(5).upper()}", secrets.token_hex(20), secrets.token_hex(20))


@dataclass(frozen=True)
class Record:
    """The record by which another process finds and uses a running cloud."""

    instance: str
    endpoint_url: str
    rekognition_url: str
    sites_url: str
    keys: Keys
    processes: dict[str, ProcessId]

    def write(self, file: Path) -> None:
        """Write the record."""
        write_private(file, json.dumps(asdict(self), indent=2) + "\n")

    @classmethod
    def read(cls, file: Path) -> Record | None:
        """Read a record; return None without one. Of another version's record, it reads at least the processes."""
        try:
            raw = json.loads(file.read_text())
            processes = {name: ProcessId(int(p["pid"]), str(p["started"])) for name, p in raw["processes"].items()}
            keys = Keys(*(str(raw.get("keys", {}).get(name, "")) for name in Keys.__dataclass_fields__))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        texts = {name: str(raw.get(name, "")) for name in ("instance", "endpoint_url", "rekognition_url", "sites_url")}
        return cls(**texts, keys=keys, processes=processes)

    @property
    def is_usable(self) -> bool:
        """Return whether the record has all that this version needs."""
        return bool(self.instance and self.endpoint_url and self.sites_url and self.keys.owner_token)


def write_private(file: Path, text: str) -> None:
    """Write a file in one step that only its owner can read, whatever its old mode and the umask."""
    new = file.with_name(f"{file.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY), "w") as opened:
        opened.write(text)
    new.replace(file)
