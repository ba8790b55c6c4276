"""The bytes of a gallery of 30 photographs, as originals and as previews, and the time that previews take to make."""

from __future__ import annotations

import io
import time
from pathlib import Path

from PIL import Image

from benchmarks.report import Figure, Report
from handlers.labelling.decoding.conversion import previews
from handlers.results.previews import SIDES_PX

SAMPLES = Path(__file__).parent.parent / "samples"
PHOTOGRAPHS, SIDES = 30, (4032, 3024)
NOISE = 24  # of the grain that makes a photograph as large as a phone's


def measure() -> Report:
    """Make the previews of each sample, enlarged to 12 megapixels with a camera's grain."""
    files = sorted(path for path in SAMPLES.iterdir() if path.suffix == ".jpg")
    grain = Image.effect_noise(SIDES, NOISE).convert("RGB")
    sizes = dict.fromkeys(("original", *SIDES_PX), 0)
    seconds = 0.0
    for number in range(PHOTOGRAPHS):
        photograph = Image.open(files[number % len(files)]).convert("RGB").resize(SIDES, Image.Resampling.BICUBIC)
        stream = io.BytesIO()
        Image.blend(photograph, grain, 0.18).save(stream, "JPEG", quality=90)
        sizes["original"] += stream.tell()
        started = time.process_time()
        for side_px, content in zip(SIDES_PX, previews(stream, "JPEG", SIDES_PX, 10**9), strict=True):
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
        ],
    )
