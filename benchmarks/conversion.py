"""Measure the conversion of a 12-megapixel picture of each format, with the function's packages and limits."""

from __future__ import annotations

import contextlib
import io
import json
import platform
import random
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pillow_heif
from PIL import Image

from benchmarks.report import Figure, Report
from components.packaging import Package, build
from components.pipeline import DECODED_BYTES_PER_PIXEL

PROJECT = Path(__file__).parent.parent
WIDTH, HEIGHT = 4032, 3024
PHOTOGRAPH = PROJECT / "samples" / "astronaut.jpg"
RUNS = 3
WATCHED_EVERY_S = 0.003
# The process measures itself: seconds of processor time of one conversion, of all its threads, and the memory beyond
# that of a small picture of the same format before it.
MEASURED = r"""
import io, json, re, sys, time
from pathlib import Path
from handlers.labelling.decoding.conversion import convert
name, path, small = sys.argv[1:]
convert(io.BytesIO(Path(small).read_bytes()), name, 10**9)
content = io.BytesIO(Path(path).read_bytes())
# Not getrusage: its maximum is the parent's where that was larger.
peak = lambda: int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) * 1024
before = peak()
started = time.process_time()
made = convert(content, name, 10**9)
seconds = time.process_time() - started
print(json.dumps({"s": seconds, "peak": peak(), "more": peak() - before, "jpeg": len(made.jpeg)}))
"""
# The same picture in this process, and by one that waits for pictures, as the function has it, with the function's
# clients: seconds of processor time of both.
BESIDE_EACH_OTHER = r"""
import io, json, os, sys, time
from pathlib import Path
import boto3
how, name, path, small = sys.argv[1:]
boto3.client("s3", region_name="us-east-1")
if how == "process":
    from handlers.labelling.decoder import Decoder
    decoder = Decoder(10**9, 10_000)
    def parts(path):
        with open(path, "rb") as file:
            yield from iter(lambda: file.read(2**20), b"")
    convert = lambda path: decoder.convert(parts(path), os.path.getsize(path), name, 600)
else:
    from handlers.labelling.decoding.conversion import convert as here
    convert = lambda path: here(io.BytesIO(Path(path).read_bytes()), name, 10**9)
convert(small)
# A process's clock (clock_getcpuclockid(3)).
pids = [os.getpid(), *([decoder._process.pid] if how == "process" else [])]
seconds = lambda: sum(time.clock_gettime(~pid << 3 | 2) for pid in pids)
spent = []
for _ in range(5):
    started = seconds()
    convert(path)
    spent.append(seconds() - started)
print(json.dumps({"s": min(spent)}))
"""
COMPARED = {"HEIC": 1.1, "WebP": 1.1, "TIFF": None, "JPEG of four inks": None}
"""The highest allowed ratio of a separate process to the same process; rare formats are only reported."""


def measure() -> Report:
    """Convert one picture of each format in fresh processes, with the libraries of the function's zip."""
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="labelstack-conversion-") as temporary:
        folder = Path(temporary)
        function = _function(folder)
        path, small = folder / "picture", folder / "small"
        for name, content, small_content in _pictures():
            path.write_bytes(content)
            small.write_bytes(small_content)
            runs = [_run(function, name.split()[0], str(path), str(small)) for _ in range(RUNS)]
            figures += _figures(name, len(content), runs)
            if name in COMPARED:
                figures += _comparison(function, name, path, small)
    return Report("conversion", figures)


def _function(folder: Path) -> Path:
    """Return the function's zip for this machine, unpacked, with boto3 from elsewhere, as in Lambda's runtime."""
    runtime = f"python{sys.version_info.major}.{sys.version_info.minor}"
    architecture = "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"
    packages = ("handlers/process_image", "handlers/labelling", "handlers/results")
    package = Package(PROJECT, packages, "handlers/process_image/requirements.txt", runtime, architecture)
    target = folder / "function"
    with zipfile.ZipFile(build(package, folder / "build")) as archive:
        archive.extractall(target)
    return target


def _pictures() -> Iterator[tuple[str, bytes, bytes]]:
    """Yield a photograph with grain, as a camera's is, in each format; and the same much smaller."""
    pillow_heif.register_heif_opener()
    rng = random.Random(12)
    grain = Image.frombytes("L", (512, 512), bytes(rng.choices(range(118, 139), k=512 * 512)))
    photograph = Image.open(PHOTOGRAPH).convert("RGB").resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
    tiles = Image.new("L", photograph.size)
    for left in range(0, WIDTH, 512):
        for top in range(0, HEIGHT, 512):
            tiles.paste(grain, (left, top))
    grainy = Image.blend(photograph, tiles.convert("RGB"), 0.15)
    how: dict[str, tuple[str, Callable[[Image.Image], Image.Image], dict[str, Any]]] = {
        "HEIC": ("HEIF", _same, {"quality": 60, "tile_size": 512}),
        "HEIC of one piece": ("HEIF", _same, {"quality": 60}),
        "AVIF": ("AVIF", _same, {"quality": 60, "speed": 10}),
        "WebP": ("WEBP", _same, {"quality": 80, "method": 0}),
        "GIF": ("GIF", _same, {}),
        "TIFF": ("TIFF", _same, {"compression": "tiff_lzw"}),
        "TIFF of four inks": ("TIFF", lambda image: image.convert("CMYK"), {}),
        "BMP": ("BMP", _same, {}),
        "PNG with transparency": ("PNG", lambda image: image.convert("RGBA"), {"compress_level": 1}),
        "JPEG of four inks": ("JPEG", lambda image: image.convert("CMYK"), {"quality": 90}),
        "JPEG in scans": ("JPEG", _same, {"quality": 90, "progressive": True}),
    }
    for name, (codec, make, options) in how.items():
        streams = io.BytesIO(), io.BytesIO()
        for image, stream in zip((grainy, grainy.resize((126, 95))), streams, strict=True):
            make(image).save(stream, codec, **options)
        yield name, streams[0].getvalue(), streams[1].getvalue()


def _same(image: Image.Image) -> Image.Image:
    return image


def _comparison(function: Path, name: str, path: Path, small: Path) -> Iterator[Figure]:
    """Yield how much more a process of its own takes; both ways by turns, the best of each."""
    kind = name.split()[0]
    runs = {
        how: [_run(function, how, kind, str(path), str(small), code=BESIDE_EACH_OTHER) for _ in range(RUNS)]
        for how in ("here", "process")
    }
    for what, unit in (("s", "processor time"), ("peak", "memory")):
        here, process = (min(run[what] for run in runs[how]) for how in ("here", "process"))
        yield Figure(f"{name}: {unit} in a process of its own", process / here, "times", at_most=COMPARED[name])


def _run(function: Path, *arguments: str, code: str = MEASURED) -> dict[str, float]:
    whole = f"import sys; sys.path.insert(0, {str(function)!r})\n{code}"
    with subprocess.Popen(
        [sys.executable, "-I", "-c", whole, *arguments], stdout=subprocess.PIPE, text=True
    ) as process:
        peak, is_over = 0, False
        while not is_over:
            peak = max(peak, _memory(process.pid))
            with contextlib.suppress(subprocess.TimeoutExpired):
                is_over = process.wait(WATCHED_EVERY_S) is not None
        assert process.stdout
        return {"peak": peak, **json.loads(process.stdout.read())}


def _memory(pid: int) -> int:
    """Return the bytes of a process and its children: what they share counts once, what others share in part."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        rollups = [Path(f"/proc/{each}/smaps_rollup").read_text() for each in (pid, *children)]
    except (FileNotFoundError, ProcessLookupError):
        return 0  # it has ended
    return sum(int(match[1]) * 1024 for rollup in rollups if (match := re.search(r"\nPss: +(\d+)", rollup)))


def _figures(name: str, size_bytes: int, runs: list[dict[str, float]]) -> Iterator[Figure]:
    """Yield the best of the times, which other work on the machine disturbs least, and the worst of the memory."""
    seconds, peak = min(run["s"] for run in runs), max(run["peak"] for run in runs)
    bytes_per_pixel = max(run["more"] for run in runs) / (WIDTH * HEIGHT)
    note = f"{size_bytes / 1e6:.1f} MB becomes {runs[0]['jpeg'] / 1e6:.1f} MB"
    yield Figure(f"{name}: processor time", seconds, "s", at_most=1.0, note=note)
    yield Figure(f"{name}: peak memory", peak / 1024**2, "MB", at_most=400)
    yield Figure(f"{name}: memory of a pixel", bytes_per_pixel, "bytes", at_most=DECODED_BYTES_PER_PIXEL)
