"""A stack's configuration as Pulumi reads it: the project's defaults, the stack's file, then overrides."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from labelstack.errors import ProgramError


@dataclass(frozen=True)
class Project:
    """The content of `Pulumi.yaml`.

    Attributes:
        folder: Where it is.
        name: The project's name.
        entry: The program's file.
        defaults: Configuration that holds for every stack.
    """

    folder: Path
    name: str
    entry: Path
    defaults: Mapping[str, Any]

    @classmethod
    def read(cls, folder: Path) -> Project:
        """Return the project in a folder. Raises ProgramError when there is none."""
        described = _load(folder / "Pulumi.yaml")
        if "name" not in described:
            raise ProgramError(f"{folder / 'Pulumi.yaml'} has no name: add one, as name: labelstack")
        runtime = described.get("runtime")
        if (runtime.get("name") if isinstance(runtime, dict) else runtime) != "python":
            raise ProgramError(
                f"{folder / 'Pulumi.yaml'} has runtime {runtime!r}: the in-process engine runs Python programs only"
            )
        entry = (folder / str(described.get("main", "."))).resolve()
        return cls(
            folder.resolve(),
            str(described["name"]),
            entry / "__main__.py" if entry.is_dir() else entry,
            described.get("config") or {},
        )


def read(project: Project, stack: str, cloud: Mapping[str, Any], overrides: Mapping[str, str]) -> dict[str, str]:
    """Return the configuration of a stack, as texts by full key, as a program gets it. The arguments are `merge`'s."""
    merged = merge(project, stack, cloud, overrides)
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in merged.items()}


def merge(project: Project, stack: str, cloud: Mapping[str, Any], overrides: Mapping[str, str]) -> dict[str, Any]:
    """Return the configuration of a stack by full key, with the values as they stand in its file.

    Args:
        project: The project.
        stack: Its stack.
        cloud: The settings that the cloud dictates.
        overrides: The caller's settings.

    Raises:
        ProgramError: There is no such stack, or a value is encrypted.
    """
    file = stack_file(project.folder, stack)
    merged: dict[str, Any] = {}
    for key, value in project.defaults.items():
        if isinstance(value, dict) and {"value", "default", "type"} & set(value):
            value = value.get("value", value.get("default"))
        merged[_full(project, key)] = value
    for source in (_load(file).get("config") or {}, cloud, overrides):
        merged |= {_full(project, key): value for key, value in source.items()}
    for key, value in merged.items():
        if isinstance(value, dict) and set(value) == {"secure"}:
            raise ProgramError(f"{key} of stack {stack} is encrypted, which only Pulumi can read: override it here")
    return {key: value for key, value in merged.items() if value is not None}


def stack_file(folder: Path, stack: str) -> Path:
    """Return the file with a stack's settings, in the program's folder.

    Raises:
        ProgramError: There is no such stack.
    """
    file = folder / f"Pulumi.{stack}.yaml"
    if not file.exists():
        names = sorted(path.name.split(".")[1] for path in folder.glob("Pulumi.*.yaml"))
        raise ProgramError(f"there is no stack {stack}: {file} does not exist (stacks: {', '.join(names) or 'none'})")
    return file


def default_tags(config: Mapping[str, str]) -> dict[str, str]:
    """Return the provider's default tags, of `aws:defaultTags`."""
    default = json.loads(config.get("aws:defaultTags") or "{}")
    return {key: str(value) for key, value in (default.get("tags") or {}).items()}


def _full(project: Project, key: str) -> str:
    return key if ":" in key else f"{project.name}:{key}"


def _load(file: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(file.read_text())
    except OSError as error:
        raise ProgramError(f"{file} cannot be read: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise ProgramError(f"{file} is not valid YAML: {error}") from error
    if not isinstance(content or {}, dict):
        raise ProgramError(f"{file} must be a mapping, as config: {{…}}; got {content!r}")
    return content or {}
