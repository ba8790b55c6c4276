"""Time `make demo` when everything is installed."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from benchmarks.report import Figure, Report

PROJECT = Path(__file__).parent.parent


def measure() -> Report:
    """Run the demo with the samples, as a user does."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", "labelstack", "demo"], cwd=PROJECT, check=True, capture_output=True)
    return Report(
        "demo", [Figure("demo, from start to all taken down", time.perf_counter() - started, "s", at_most=25)]
    )
