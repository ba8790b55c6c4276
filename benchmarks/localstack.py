"""The LocalStack lane: start, deploy by the in-process engine, upload to result, teardown."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.pipeline import PROJECT, timed, upload_one_by_one
from benchmarks.report import Figure, Report
from integration_tests.stack import DeployedStack
from labelstack.engines import InProcessEngine


def measure() -> Report:
    """Start LocalStack in Docker, deploy the project's program, and put pictures through it.

    Raises:
        CloudStartError: Docker does not answer, or LocalStack did not come up.
    """
    from labelstack.clouds.localstack_container import LocalStackContainer, prepare  # needs Docker's packages

    prepare(PROJECT)  # to time a start, not a download
    started = time.perf_counter()
    with (
        tempfile.TemporaryDirectory(prefix="labelstack-bench-") as folder,
        LocalStackContainer.start(PROJECT) as docker,
    ):
        start_s = time.perf_counter() - started
        engine = InProcessEngine(PROJECT, docker.cloud, Path(folder))
        engine.up("local")  # fills the package cache, and makes LocalStack load its services
        engine.destroy("local")
        with timed() as deploy:
            outputs = engine.up("local").outputs
        with timed() as again:
            engine.up("local")
        latencies = upload_one_by_one(DeployedStack(docker.cloud, outputs))
        with timed() as teardown:
            engine.destroy("local")
        version = docker.cloud.info().get("version", "unknown")
    return Report(
        "localstack",
        [
            Figure("start to healthy", start_s, "s", note=f"LocalStack {version} and the local Rekognition"),
            Figure("deploy of the whole stack", deploy(), "s", at_most=15),
            Figure("deploy of the same again", again(), "s", note="nothing to change"),
            Figure("upload to result, p50", statistics.median(latencies), "s", note="one picture at a time"),
            Figure("upload to result, p95", statistics.quantiles(latencies, n=20)[-1], "s"),
            Figure("teardown", teardown(), "s", at_most=5),
        ],
    )
