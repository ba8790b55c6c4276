"""A backlog against a Rekognition that throttles: how much of the quota is used, and that throttling fails nothing.

Every quota is measured with quick, usual and slow calls. Each has its own stack, whose functions share that quota.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from benchmarks.backlog import held_back
from benchmarks.report import Figure, Report
from integration_tests.pictures import picture
from integration_tests.stack import DeployedStack, LocalRekognition, wait_for
from labelstack.clouds import EmbeddedCloud
from labelstack.engines import InProcessEngine

PROJECT = Path(__file__).parent.parent
TPS = (5, 10, 20, 50)
DELAYS_MS = (100, 300, 900)
SECONDS = 20
"""As much backlog as the quota lets through in this time, and a second's worth that a full bucket lets through."""
SETTINGS = {
    "labelstack:detectors": "labels",
    "labelstack:imageProperties": "false",
    "labelstack:website": "none",
    "labelstack:api": "none",
    "labelstack:resultsBucket": "false",
    "labelstack:notifications": "false",
    "labelstack:previews": "false",
}


def measure(tps: Sequence[int] = TPS, delays_ms: Sequence[int] = DELAYS_MS) -> Report:
    """Upload a backlog while nothing is processed, then let it drain; for every quota and every delay."""
    figures: list[Figure] = []
    for quota in tps:
        with _stack(quota) as (stack, rekognition):
            for delay_ms in delays_ms:
                # The measurement is of the pace, not of the machine's eyes.
                rekognition.set_rules([{"labels": ["Bulk", "Box"], "delayMs": delay_ms}])
                figures += _figures(stack, rekognition, quota, delay_ms)
    return Report("quota", figures)


def _figures(stack: DeployedStack, rekognition: LocalRekognition, tps: int, delay_ms: int) -> list[Figure]:
    backlog = (SECONDS + 1) * tps
    throttled = -_throttled(rekognition)
    results = _drain(stack, f"{tps}-{delay_ms}/", backlog, tps)
    throttled += _throttled(rekognition)
    statuses = Counter(status for status, _ in results)
    # The first second spends a full bucket and the last one waits for stragglers: between them the pace is steady.
    times = sorted(at for _, at in results)
    steady = times[backlog // 10 : -backlog // 10]
    rate = (len(steady) - 1) / (steady[-1] - steady[0])
    name = f"{tps} calls/s of {delay_ms} ms"
    return [
        Figure(f"{name}: of the quota", 100 * rate / tps, "%", at_least=95, note=f"{backlog} pictures, middle 4/5"),
        Figure(f"{name}: labeled", statuses["LABELED"], "", exactly=backlog),
        Figure(f"{name}: throttled calls", throttled, "", note="tried again"),
    ]


@contextmanager
def _stack(tps: int) -> Iterator[tuple[DeployedStack, LocalRekognition]]:
    with (
        tempfile.TemporaryDirectory(prefix="labelstack-bench-") as folder,
        EmbeddedCloud.start(Path(folder) / "embedded", rekognition_arguments=["--tps", str(tps)]) as cloud,
    ):
        engine = InProcessEngine(PROJECT, cloud, Path(folder) / "stacks")
        outputs = engine.up("local", {**SETTINGS, "labelstack:rekognitionTps": str(tps)}).outputs
        try:
            yield DeployedStack(cloud, outputs), LocalRekognition(cloud.rekognition_url, cloud.owner_token)
        finally:
            engine.destroy("local")


def _throttled(rekognition: LocalRekognition) -> float:
    return float(sum(rekognition.calls().get("errors", {}).values()))


def _drain(stack: DeployedStack, folder: str, backlog: int, tps: int) -> list[tuple[str, float]]:
    """Return the status and time of each result, in seconds since 1970."""
    bodies = [picture(f"{folder} {n}") for n in range(backlog)]
    with held_back(stack.client("lambda"), stack.outputs["processorFunction"]), ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: stack.upload(f"{folder}{n}.jpg", bodies[n]), range(backlog)))

    def results() -> list[tuple[str, float]]:
        items = (item for item in stack.everything() if item["sk"] == "META" and str(item["key"]).startswith(folder))
        return [(str(item["status"]), datetime.fromisoformat(str(item["processedAt"])).timestamp()) for item in items]

    # To look into the table meanwhile would keep the cloud busy.
    time.sleep(backlog / tps)
    return wait_for("the whole backlog", results, lambda labeled: len(labeled) >= backlog, timeout_s=20 * SECONDS)
