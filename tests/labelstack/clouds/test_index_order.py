"""Indexes in order give the answers that ministack itself gives. `python -m benchmarks api` measures their pages."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_answers_are_ministack_s_own() -> None:
    module = "tests.labelstack.clouds.index_order_answers"
    done = subprocess.run([sys.executable, "-m", module], cwd=ROOT, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["differing"] == []
    assert answer["narrowed"] > 200
    assert answer["whole"] > 200
