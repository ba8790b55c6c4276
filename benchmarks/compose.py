"""Time `docker compose up` and a change to a handler, with the images at hand."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.report import Figure, Report
from compose_tests.composed import PROJECT, Composed, copy_clone


def measure() -> Report:
    """Time Compose: build, up with nothing kept, a picture, a changed handler, down, and up with the volumes kept."""
    with tempfile.TemporaryDirectory(prefix="labelstack-compose-") as folder:
        composed = Composed(copy_clone(Path(folder)))
        try:
            _compose(composed, "build")
            up = _timed(composed.up)
            picture = _timed(lambda: _upload(composed))
            handler = composed.folder / "handlers" / "process_image" / "handler.py"
            handler.write_text(f"{handler.read_text()}\n# changed\n")
            changed = _timed(lambda: _compose(composed, "up", "deploy"))
            down = _timed(lambda: _compose(composed, "down"))
            again = _timed(composed.up)
        finally:
            composed.remove()
    return Report(
        "compose",
        [
            Figure("up, from built images to deployed", up, "s", at_most=40, note="packages of the functions to fetch"),
            Figure("up after down", again, "s", at_most=40, note="packages kept in the volume"),
            Figure("first picture to its result, function cold", picture, "s", at_most=15),
            Figure("changed handler to deployed", changed, "s", at_most=20),
            Figure("down", down, "s", at_most=60),
        ],
    )


def _timed(what: Callable[[], object]) -> float:
    started = time.perf_counter()
    what()
    return time.perf_counter() - started


def _compose(composed: Composed, *arguments: str) -> None:
    done = composed.compose(*arguments)
    if done.returncode:
        raise subprocess.CalledProcessError(done.returncode, ["docker", "compose", *arguments], done.stdout)


def _upload(composed: Composed) -> None:
    composed.labelstack("upload", str(PROJECT / "samples" / "cat.png"), "--wait", "--json").check_returncode()
