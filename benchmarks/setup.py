"""Time a clone until it is usable: with everything to fetch, and with everything at hand."""

from __future__ import annotations

import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks.report import Figure, Report

PROJECT = Path(__file__).parent.parent


def measure() -> Report:
    """Clone the committed project into a new folder and set it up there, twice, without pip's cache."""
    with tempfile.TemporaryDirectory(prefix="labelstack-setup-") as folder:
        clone = Path(folder) / "labelstack"
        subprocess.run(["git", "clone", "--quiet", str(PROJECT), str(clone)], check=True)
        fetched = _make(clone)
        there = _make(clone)
    return Report(
        "setup",
        [
            Figure(
                "set-up, everything to fetch", fetched, "s", at_most=180, note="make .venv/.local, PIP_NO_CACHE_DIR=1"
            ),
            Figure("set-up, everything there", there, "s", at_most=5),
        ],
    )


def _make(clone: Path) -> float:
    started = time.perf_counter()
    subprocess.run(
        ["env", "-u", "MAKEFLAGS", "-u", "MAKELEVEL", "PIP_NO_CACHE_DIR=1", "make", "--silent", ".venv/.local"],
        cwd=clone,
        check=True,
        capture_output=True,
    )
    return time.perf_counter() - started
