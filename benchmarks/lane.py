"""Time the whole LocalStack lane, `make localstack-test`, with the images at hand."""

from __future__ import annotations

import re
import subprocess

import click

from benchmarks.pipeline import PROJECT, timed
from benchmarks.report import Figure, Report


def measure() -> Report:
    """Run every integration test on LocalStack.

    Raises:
        CloudStartError: Docker does not answer, or an image cannot be had.
        ClickException: A test failed; it has the end of the output, which tells which.
    """
    from labelstack.clouds.localstack_container import prepare  # needs Docker's packages

    prepare(PROJECT)  # to time tests, not a download
    command = ["make", "--no-print-directory", "localstack-test"]
    with timed() as lane:
        done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise click.ClickException(f"{done.stdout[-8000:]}\n{' '.join(command)} failed.")
    passed, skipped = (sum(map(int, re.findall(rf"(\d+) {what}", done.stdout))) for what in ("passed", "skipped"))
    return Report(
        "lane",
        [
            Figure("every integration test", lane(), "s", at_most=360, note="in parts, side by side"),
            Figure("passed", passed, ""),
            Figure("skipped", skipped, "", note="each with what LocalStack lacks"),
        ],
    )
