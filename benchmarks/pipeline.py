"""The embedded lane: deploy, upload to result, a thousand pictures, memory, teardown."""

from __future__ import annotations

import contextlib
import itertools
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil

from benchmarks.report import Figure, Report
from integration_tests.pictures import picture
from integration_tests.stack import DeployedStack, LocalRekognition, wait_for
from labelstack.clouds import EmbeddedCloud
from labelstack.engines import InProcessEngine

PROJECT = Path(__file__).parent.parent
SINGLE_PICTURES = 20
BULK_PICTURES = 1000
BULK_FOLDER = "bench/bulk/"
BULK_ANSWERS = {"labels": ["Bulk", "Box"], "faces": [], "moderation": [], "text": []}


def measure() -> Report:
    """Start an embedded cloud, deploy the project's program, and put pictures through it."""
    with (
        tempfile.TemporaryDirectory(prefix="labelstack-bench-") as folder,
        EmbeddedCloud.start(Path(folder) / "embedded") as cloud,
    ):
        engine = InProcessEngine(PROJECT, cloud, Path(folder) / "stacks")
        engine.up("local")  # fills the package cache, to time a deployment, not pip
        engine.destroy("local")
        with timed() as deploy:
            outputs = engine.up("local").outputs
        stack = DeployedStack(cloud, outputs)
        idle_mb = _memory_mb(cloud)
        latencies = upload_one_by_one(stack)
        # The bulk measures the pipeline, not how fast this machine looks at pixels: a rule answers.
        rekognition = LocalRekognition(cloud.rekognition_url, cloud.owner_token)
        rekognition.set_rules([{"match": {"key": f"{BULK_FOLDER}*"}, **BULK_ANSWERS}])
        bulk_s, statuses, doubled = _upload_in_bulk(stack)
        rest_mb = _memory_mb(cloud)
        with timed() as teardown:
            engine.destroy("local")
    return Report(
        "pipeline",
        [
            Figure("deploy of the whole stack", deploy(), "s", at_most=5),
            Figure("teardown", teardown(), "s", at_most=5),
            Figure(
                "upload to result, p50", statistics.median(latencies), "s", at_most=0.5, note="one picture at a time"
            ),
            Figure("upload to result, p95", statistics.quantiles(latencies, n=20)[-1], "s"),
            Figure("pictures uploaded in bulk", BULK_PICTURES, "", note="analyses answered by a rule"),
            Figure("labeled", statuses["LABELED"], "", exactly=BULK_PICTURES),
            Figure("lost", BULK_PICTURES - sum(statuses.values()), "", exactly=0),
            Figure("doubled", doubled, "", exactly=0, note="label counters against label entries"),
            Figure("throughput", BULK_PICTURES / bulk_s, "pictures/s", note="the local stack's quota is 20 calls/s"),
            Figure("memory after deploy", idle_mb, "MB", at_most=700, note="cloud, Rekognition and workers, PSS"),
            Figure("memory after the bulk", rest_mb, "MB", at_most=700, note="cloud, Rekognition and workers, PSS"),
        ],
    )


@contextlib.contextmanager
def timed() -> Iterator[Callable[[], float]]:
    """Yield a function that returns, after the block, the seconds that the block took."""
    started = time.perf_counter()
    ended: list[float] = []
    yield lambda: ended[0] - started
    ended.append(time.perf_counter())


def upload_one_by_one(stack: DeployedStack) -> list[float]:
    """Return the seconds from each upload to its result, after one picture that warms up."""
    stack.wait_for_result(stack.upload("bench/warm-up.jpg", picture("bench warm-up", width=640, height=480)))
    latencies = []
    for n in range(SINGLE_PICTURES):
        body = picture(f"bench {n}", width=640, height=480)
        started = time.perf_counter()
        stack.wait_for_result(stack.upload(f"bench/single/{n}.jpg", body))
        latencies.append(time.perf_counter() - started)
    return latencies


def _upload_in_bulk(stack: DeployedStack) -> tuple[float, Counter[str], int]:
    bodies = [picture(f"bulk {n}") for n in range(BULK_PICTURES)]
    started = time.perf_counter()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: stack.upload(f"{BULK_FOLDER}{n}.jpg", bodies[n]), range(BULK_PICTURES)))

    def results() -> Counter[str]:
        image_items = (item for item in stack.everything() if item["sk"] == "META")
        return Counter(item["status"] for item in image_items if str(item["key"]).startswith(BULK_FOLDER))

    statuses = wait_for("all results", results, lambda counts: sum(counts.values()) >= BULK_PICTURES, timeout_s=300)
    bulk_s = time.perf_counter() - started
    stack.wait_until_quiet()
    items = stack.everything()
    entries = Counter(item["label"] for item in items if str(item["sk"]).startswith("LABEL#"))
    counted = Counter[str]()
    for name, value in itertools.chain.from_iterable(i.items() for i in items if i["pk"] == "LABELCOUNTS"):
        if name.startswith("n:") and value:
            counted[name.removeprefix("n:")] += int(value)
    return bulk_s, statuses, sum(((counted - entries) + (entries - counted)).values())


def _memory_mb(cloud: EmbeddedCloud) -> float:
    """Return the proportional set size of the cloud's processes and all their descendants, in MB."""
    roots = [psutil.Process(pid) for pid in cloud.pids]
    family = {p.pid: p for root in roots for p in (root, *root.children(recursive=True))}
    total = 0
    for process in family.values():
        with contextlib.suppress(psutil.NoSuchProcess):
            total += process.memory_full_info().pss
    return total / 1_000_000
