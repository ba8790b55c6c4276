"""What it costs to convert a 12-megapixel picture of each format, in a process that has what the function has."""

from __future__ import annotations

import io
import json
import platform
import random
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
# The process measures itself: seconds of processor time of one conversion, of all its threads, and the memory that it
# took beyond what a small picture of the same format had taken before.
MEASURED = r"""
import json, re, sys, time
from pathlib import Path
from handlers.labelling.conversion import convert
name, path, small = sys.argv[1:]
convert(Path(small).read_bytes(), name, 10**9)
content = Path(path).read_bytes()
# Not getrusage: its maximum is the parent's where that was larger.
peak = lambda: int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) * 1024
before = peak()
started = time.process_time()
made = convert(content, name, 10**9)
seconds = time.process_time() - started
print(json.dumps({"s": seconds, "peak": peak(), "more": peak() - before, "jpeg": len(made.jpeg)}))
"""


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
            runs = [_run(function, name.split()[0], path, small) for _ in range(RUNS)]
            figures += _figures(name, len(content), runs)
    return Report("conversion", figures)


def _function(folder: Path) -> Path:
    """The function's zip for this machine, unpacked. Only boto3, which Lambda's runtime has, comes from elsewhere."""
    runtime = f"python{sys.version_info.major}.{sys.version_info.minor}"
    architecture = "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"
    packages = ("handlers/process_image", "handlers/labelling", "handlers/results")
    package = Package(PROJECT, packages, "handlers/process_image/requirements.txt", runtime, architecture)
    target = folder / "function"
    with zipfile.ZipFile(build(package, folder / "build")) as archive:
        archive.extractall(target)
    return target


def _pictures() -> Iterator[tuple[str, bytes, bytes]]:
    """A photograph with grain, as a camera's is, in each format; and the same much smaller."""
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


def _run(function: Path, name: str, path: Path, small: Path) -> dict[str, float]:
    code = f"import sys; sys.path.insert(0, {str(function)!r})\n{MEASURED}"
    command = [sys.executable, "-I", "-c", code, name, str(path), str(small)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout))


def _figures(name: str, size_bytes: int, runs: list[dict[str, float]]) -> Iterator[Figure]:
    """The best of the times, which other work on the machine disturbs least, and the worst of the memory."""
    seconds, peak = min(run["s"] for run in runs), max(run["peak"] for run in runs)
    bytes_per_pixel = max(run["more"] for run in runs) / (WIDTH * HEIGHT)
    note = f"{size_bytes / 1e6:.1f} MB becomes {runs[0]['jpeg'] / 1e6:.1f} MB"
    yield Figure(f"{name}: processor time", seconds, "s", at_most=1.0, note=note)
    yield Figure(f"{name}: peak memory", peak / 1024**2, "MB", at_most=400)
    yield Figure(f"{name}: memory of a pixel", bytes_per_pixel, "bytes", at_most=DECODED_BYTES_PER_PIXEL)
