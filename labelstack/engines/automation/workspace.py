"""A stack's own folder: Pulumi's project and stack files, state and passphrase. The user's checkout is only read.

The Automation API and the CLI write `Pulumi.<stack>.yaml` (settings, encryption salt). They get one in this folder,
beside a `Pulumi.yaml` whose program is the user's.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from labelstack.engines.configuration import Project

PASSPHRASE_VARIABLES = ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE")
# Of a stack's file: how its secrets are encrypted. `pulumi stack init` writes it and everything later needs it.
ENCRYPTION_KEYS = ("encryptionsalt", "secretsprovider", "encryptedkey")


@dataclass(frozen=True)
class Workspace:
    """One stack's folder.

    Attributes:
        folder: Where it is.
        stack: The stack's name.
    """

    folder: Path
    stack: str

    @property
    def program(self) -> Path:
        """Return Pulumi's working directory, with `Pulumi.yaml` and the stack's file."""
        return self.folder / "program"

    @property
    def state(self) -> Path:
        """Return the path of the file back end."""
        return self.folder / "state"

    @property
    def passphrase(self) -> Path:
        """Return the path of the stack's passphrase."""
        return self.folder / "passphrase"

    @property
    def backend_url(self) -> str:
        """Return the file back end's address, as Pulumi names it."""
        return f"file://{self.state}"

    def write(self, project: Project, config: Mapping[str, Any]) -> None:
        """Write the project's and the stack's file; how the stack's secrets are encrypted stays."""
        self.program.mkdir(parents=True, exist_ok=True)
        self.state.mkdir(parents=True, exist_ok=True)
        _dump(self.program / "Pulumi.yaml", _project_file(project))
        file = self.program / f"Pulumi.{self.stack}.yaml"
        before = (yaml.safe_load(file.read_text()) or {}) if file.exists() else {}
        kept = {key: before[key] for key in ENCRYPTION_KEYS if key in before}
        _dump(file, {**kept, "config": dict(config)})

    def environment(self) -> dict[str, str]:
        """Return the variables for the CLI: the back end, the passphrase unless the user has set one, this Python."""
        variables = {"PULUMI_BACKEND_URL": self.backend_url, "PULUMI_SKIP_UPDATE_CHECK": "true"}
        if not any(name in os.environ for name in PASSPHRASE_VARIABLES):
            variables["PULUMI_CONFIG_PASSPHRASE_FILE"] = str(self._made_passphrase())
        if not _in_virtual_environment():
            variables["PULUMI_PYTHON_CMD"] = sys.executable
        return variables

    def _made_passphrase(self) -> Path:
        """Return the passphrase's file, and create it if it is missing. Only its owner may read it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            opened = os.open(self.passphrase, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return self.passphrase
        with os.fdopen(opened, "w") as file:
            file.write(secrets.token_urlsafe(32))
        return self.passphrase


def _project_file(project: Project) -> dict[str, Any]:
    """Return the project file, with the program's folder, its Python and the file back end changed."""
    described = yaml.safe_load((project.folder / "Pulumi.yaml").read_text())
    # `main` may be absolute (the Automation API itself writes it so), and so may `virtualenv`.
    main = project.entry.parent if project.entry.name == "__main__.py" else project.entry
    options = {"toolchain": "pip", "virtualenv": sys.prefix} if _in_virtual_environment() else {"toolchain": "pip"}
    # Defaults of the project are in the stack's configuration already.
    for ours in ("backend", "config", "stackConfigDir"):
        described.pop(ours, None)
    return {**described, "main": str(main), "runtime": {"name": "python", "options": options}}


def _in_virtual_environment() -> bool:
    return sys.prefix != sys.base_prefix


def _dump(file: Path, content: Mapping[str, Any]) -> None:
    file.write_text(yaml.safe_dump(dict(content), sort_keys=False))
