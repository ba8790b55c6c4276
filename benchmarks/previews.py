"""A gallery of 30 photographs: its bytes as originals and as previews, the time that previews take to make, and how
soon a browser shows its first screen at 10 Mbit/s.
"""

from __future__ import annotations

import io
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image

from benchmarks.report import Figure, Report
from handlers.labelling.decoding.conversion import previews
from handlers.results.document import SIDES_PX
from integration_tests.browser import Visitor, browsing, required_chromium
from integration_tests.stack import DeployedStack, wait_for
from labelstack.clouds import EmbeddedCloud
from labelstack.engines import InProcessEngine

PROJECT = Path(__file__).parent.parent
SAMPLES = PROJECT / "samples"
PHOTOGRAPHS, SIDES = 30, (4032, 3024)
NOISE = 24  # of the grain that makes a photograph as large as a phone's
# The first visit pays the cold starts of the functions that sign links.
SCREENS = {"a cold": (1280, 800), "a laptop's": (1280, 800), "a phone's": (390, 844)}
BYTES_PER_S, LATENCY_MS = 10e6 / 8, 20
IS_SHOWN = """() => {
    const visible = [...document.images].filter((image) => {
        const { top, bottom, width } = image.getBoundingClientRect();
        return top < innerHeight && bottom > 0 && width > 0;
    });
    return visible.length > 1 && visible.every((image) => image.complete && image.naturalWidth);
}"""


def measure() -> Report:
    """Make the previews of each sample, enlarged to 12 megapixels with a camera's grain, and show them by the page."""
    sizes = dict.fromkeys(("original", *SIDES_PX), 0)
    seconds = 0.0
    photographs = list(_photographs())
    for photograph in photographs:
        sizes["original"] += len(photograph)
        started = time.process_time()
        for side_px, content in zip(SIDES_PX, previews(io.BytesIO(photograph), "JPEG", SIDES_PX, 10**9), strict=True):
            sizes[side_px] += len(content)
        seconds += time.process_time() - started
    note = f"{PHOTOGRAPHS} photographs of {sizes['original'] / PHOTOGRAPHS / 1e6:.1f} MB"
    return Report(
        "previews",
        [
            Figure("gallery of originals", sizes["original"] / 1e6, "MB", note=note),
            Figure("gallery of previews", sizes[480] / 1e6, "MB", at_most=1.5, note=note),
            Figure("fewer bytes in the gallery", sizes["original"] / sizes[480], "times", at_least=20),
            Figure("preview of the viewer, on average", sizes[1600] / PHOTOGRAPHS / 1e6, "MB"),
            Figure("processor time of a photograph's previews", seconds / PHOTOGRAPHS, "s", at_most=1.0),
            *_first_screens(photographs),
        ],
    )


def _photographs() -> Iterator[bytes]:
    files = sorted(path for path in SAMPLES.iterdir() if path.suffix == ".jpg")
    grain = Image.effect_noise(SIDES, NOISE).convert("RGB")
    for number in range(PHOTOGRAPHS):
        photograph = Image.open(files[number % len(files)]).convert("RGB").resize(SIDES, Image.Resampling.BICUBIC)
        stream = io.BytesIO()
        # No two are alike: the same bytes would be labelled once.
        Image.blend(photograph, grain, 0.18 + number / 10_000).save(stream, "JPEG", quality=90)
        yield stream.getvalue()


def _first_screens(photographs: Sequence[bytes]) -> Iterator[Figure]:
    """Time from the request of the page until all pictures of the first screen are drawn, with an empty cache."""
    with (
        tempfile.TemporaryDirectory(prefix="labelstack-bench-") as folder,
        EmbeddedCloud.start(Path(folder) / "embedded") as cloud,
    ):
        stack = DeployedStack(cloud, InProcessEngine(PROJECT, cloud, Path(folder) / "stacks").up("local").outputs)
        s3 = stack.client("s3")
        for number, photograph in enumerate(photographs):
            s3.put_object(Bucket=stack.outputs["uploadBucket"], Key=f"uploads/{number}.jpg", Body=photograph)
        wait_for(
            "the previews",
            lambda: s3.list_objects_v2(Bucket=stack.outputs["previewsBucket"]).get("KeyCount", 0),
            lambda files: files == len(SIDES_PX) * len(photographs),
            timeout_s=300,
        )
        url = str(stack.outputs["websiteUrl"])
        with browsing(required_chromium()) as browser:
            for name, (width, height) in SCREENS.items():
                page = Visitor(browser, viewport={"width": width, "height": height}).page
                line = {"offline": False, "latency": LATENCY_MS, "downloadThroughput": BYTES_PER_S}
                devtools = page.context.new_cdp_session(page)
                devtools.send("Network.emulateNetworkConditions", {**line, "uploadThroughput": BYTES_PER_S})
                started = time.perf_counter()
                page.goto(url)
                page.wait_for_function(IS_SHOWN)
                seconds = time.perf_counter() - started
                most = None if "cold" in name else 1.5
                yield Figure(f"{name} first screen at 10 Mbit/s", seconds, "s", at_most=most, note="empty cache")
