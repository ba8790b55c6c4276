"""The `labelstack` command: one module per group of commands."""

from __future__ import annotations

import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command.

    `pulumi up` and `pulumi install` fill `.venv` with what the program needs; the command needs more.
    """
    try:
        from labelstack.cli.app import main as run
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("labelstack"):
            raise
        sys.exit(
            f"error: the labelstack command needs the package {error.name}, which {sys.prefix} has not: "
            "run `make .venv/.local` in the clone."
        )
    run()
