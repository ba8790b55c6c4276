"""Judge the local Rekognition's labels by a file of right answers.

`python -m benchmarks.vision FOLDER` judges pictures of yours: JPEG or PNG files beside an `answers.yaml` like that of
samples/, and names each wrong label.
"""

from __future__ import annotations

import math
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import yaml
from rich.console import Console

from benchmarks.report import Figure, Report
from rekognition_local.server import LocalRekognition, Options
from rekognition_local.vocabulary import entry_of

SAMPLES = Path(__file__).parent.parent / "samples"
START_TIMEOUT_S = 60
# The stack's `minConfidence`, and the least confidence that the local Rekognition says anything with.
CONFIDENCES = (70, 50)


@dataclass(frozen=True)
class Look:
    """The labels of a picture with their confidences."""

    picture: str
    labels: dict[str, float]
    processor_s: float


@dataclass(frozen=True)
class Judged:
    """A picture's labels; `is_named` where one stands in the file of answers, and not only an ancestor of one."""

    picture: str
    right: list[str]
    wrong: list[str]
    is_named: bool


def measure() -> Report:
    """Judge the samples."""
    return report(SAMPLES)


def report(folder: Path, console: Console | None = None) -> Report:
    """Judge the pictures of a folder, and print each wrong label on `console`."""
    answers: dict[str, list[str]] = yaml.safe_load((folder / "answers.yaml").read_text(encoding="utf-8"))
    figures = []
    with _client() as client:
        looks = [_look(client, folder / name) for name in sorted(answers)]
    for least in CONFIDENCES:
        judged = [_judge(look, set(answers[look.picture]), least) for look in looks]
        figures += _figures(judged, least)
        if console:
            for each in judged:
                wrong = f" [red]{', '.join(each.wrong)}[/red]" if each.wrong else ""
                console.print(f"{least} %  {each.picture}: {', '.join(each.right) or '-'}{wrong}", highlight=False)
    times_ms = sorted(1000 * look.processor_s for look in looks)
    figures.append(Figure("processor time of DetectLabels, p50", times_ms[len(times_ms) // 2], "ms"))
    return Report("vision", figures)


def _figures(judged: list[Judged], least: int) -> list[Figure]:
    said, right = sum(len(each.right + each.wrong) for each in judged), sum(len(each.right) for each in judged)
    enough = math.ceil(len(judged) * 12 / 14)
    note = f"of {len(judged)}, labels from {least} % on"
    return [
        Figure("pictures with a right label", sum(bool(each.right) for each in judged), "", at_least=enough, note=note),
        Figure("pictures with a label that is in the answers", sum(each.is_named for each in judged), "", note=note),
        Figure("right among the labels said", 100 * right / max(1, said), "%", at_least=90, note=f"{right} of {said}"),
    ]


def _look(client: Any, path: Path) -> Look:
    started = time.process_time()
    answer = client.detect_labels(Image={"Bytes": path.read_bytes()}, MinConfidence=min(CONFIDENCES))
    processor_s = time.process_time() - started
    return Look(path.name, {label["Name"]: label["Confidence"] for label in answer["Labels"]}, processor_s)


def _judge(look: Look, answers: set[str], least: int) -> Judged:
    implied = answers.union(*(entry_of(answer).parents for answer in answers))
    names = [name for name, confidence in look.labels.items() if confidence >= least]
    right, wrong = [n for n in names if n in implied], [n for n in names if n not in implied]
    return Judged(look.picture, right, wrong, bool(answers & set(names)))


@contextmanager
def _client() -> Iterator[Any]:
    """Yield a client of a local Rekognition in this process, whose processor time can so be measured."""
    server = LocalRekognition(Options())
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        server.wait_until_ready(START_TIMEOUT_S)
        yield boto3.client(
            "rekognition",
            endpoint_url=server.url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
    finally:
        server.stop()
        thread.join()


if __name__ == "__main__":
    terminal = Console()
    report(Path(sys.argv[1]), terminal).show(terminal)
