"""A backlog against a Rekognition that throttles: how much of the quota is used, and that throttling fails nothing."""

from __future__ import annotations

import statistics
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

from benchmarks.backlog import held_back
from benchmarks.report import Figure, Report
from integration_tests.pictures import picture
from integration_tests.stack import DeployedStack, LocalRekognition, wait_for
from labelstack.clouds import EmbeddedCloud
from labelstack.engines import InProcessEngine

PROJECT = Path(__file__).parent.parent
TPS = 10
DELAY_MS = 300
BACKLOG = 400
FOLDER = "quota/"
SETTINGS = {
    "labelstack:detectors": "labels",
    "labelstack:imageProperties": "false",
    "labelstack:rekognitionTps": str(TPS),
    "labelstack:website": "none",
    "labelstack:api": "none",
    "labelstack:resultsBucket": "false",
    "labelstack:notifications": "false",
}


def measure() -> Report:
    """Upload a backlog while nothing is processed, then let it drain."""
    arguments = ["--tps", str(TPS), "--delay-ms", str(DELAY_MS)]
    with (
        tempfile.TemporaryDirectory(prefix="labelstack-bench-") as folder,
        EmbeddedCloud.start(Path(folder) / "embedded", rekognition_arguments=arguments) as cloud,
    ):
        engine = InProcessEngine(PROJECT, cloud, Path(folder) / "stacks")
        stack = DeployedStack(cloud, engine.up("local", SETTINGS).outputs)
        rekognition = LocalRekognition(cloud.rekognition_url)
        rekognition.set_rules([{"labels": ["Bulk", "Box"]}])  # what is measured is the pace, not the machine's eyes
        results = _drain(stack)
        calls = rekognition.calls()
        engine.destroy("local")
    statuses = Counter(status for status, _ in results)
    # The first second spends a full bucket and the last one waits for stragglers: between them the pace is steady.
    times = sorted(at for _, at in results)
    steady = times[BACKLOG // 10 : -BACKLOG // 10]
    rate = (len(steady) - 1) / (steady[-1] - steady[0])
    seconds = Counter(int(at) for at in steady)
    return Report(
        "quota",
        [
            Figure("quota", TPS, "calls/s", note=f"the local Rekognition throttles there; a call takes {DELAY_MS} ms"),
            Figure("backlog", BACKLOG, "", note="pictures, one call each"),
            Figure("pace while it drains", rate, "pictures/s", note="the middle four fifths"),
            Figure("of the quota", 100 * rate / TPS, "%", at_least=95),
            Figure("pictures in a second, median", statistics.median(seconds.values()), ""),
            Figure("labeled", statuses["LABELED"], "", exactly=BACKLOG),
            Figure("failed", statuses["FAILED"], "", exactly=0),
            Figure("lost", BACKLOG - len(results), "", exactly=0),
            Figure("throttled calls", float(sum(calls.get("errors", {}).values())), "", note="tried again"),
        ],
    )


def _drain(stack: DeployedStack) -> list[tuple[str, float]]:
    """Status and time of each result, in seconds since 1970."""
    bodies = [picture(f"quota {n}") for n in range(BACKLOG)]
    with held_back(stack.client("lambda"), stack.outputs["processorFunction"]), ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: stack.upload(f"{FOLDER}{n}.jpg", bodies[n]), range(BACKLOG)))

    def found() -> list[tuple[str, float]]:
        items = (item for item in stack.everything() if item["sk"] == "META" and str(item["key"]).startswith(FOLDER))
        return [(str(item["status"]), datetime.fromisoformat(str(item["processedAt"])).timestamp()) for item in items]

    return wait_for("the whole backlog", found, lambda seen: len(seen) >= BACKLOG, timeout_s=20 * BACKLOG / TPS)
