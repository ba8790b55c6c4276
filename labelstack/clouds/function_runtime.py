"""The packages of a function of the embedded cloud beside its zip: those of AWS's Python runtime, no more."""

from __future__ import annotations

import importlib.metadata
import re
import sys
from pathlib import Path

# docs.aws.amazon.com/lambda/latest/dg/lambda-python.html: the runtime includes the SDK (boto3) and its dependencies.
SHIPPED = ("boto3", "awslambdaric")


def base_interpreter() -> Path:
    """Return the interpreter below the virtual environment: it knows nothing that is installed in the environment."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    for name in (f"python{version}", "python3", "python"):
        candidate = Path(sys.base_prefix, "bin", name)
        if candidate.exists():
            return candidate
    return Path(sys.executable).resolve()


def build(folder: Path) -> None:
    """Fill a folder with links to the installed packages of `SHIPPED` and their dependencies.

    Args:
        folder: Made here; must not exist.
    """
    folder.mkdir(mode=0o700, parents=True)
    for distribution in _with_dependencies(SHIPPED):
        root = Path(str(distribution.locate_file("")))
        tops = {file.parts[0] for file in distribution.files or () if file.parts[0] not in ("..", "__pycache__")}
        for top in sorted(tops):
            link = folder / top
            if not link.exists() and (root / top).exists():
                link.symlink_to(root / top)


def _with_dependencies(names: tuple[str, ...]) -> list[importlib.metadata.Distribution]:
    distributions: dict[str, importlib.metadata.Distribution] = {}
    waiting = list(names)
    while waiting:
        name = _normal(waiting.pop())
        if name in distributions:
            continue
        distribution = distributions[name] = importlib.metadata.distribution(name)
        waiting += [
            match[0]
            for requirement in distribution.requires or ()
            if "extra" not in requirement.partition(";")[2] and (match := re.match(r"[\w.-]+", requirement))
        ]
    return list(distributions.values())


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
