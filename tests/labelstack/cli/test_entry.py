"""The command where only the Pulumi program's packages are installed, as after `pulumi up`."""

from __future__ import annotations

import subprocess
import sys

from labelstack.cli.backend import PROJECT


def test_a_missing_package_is_told_with_what_installs_it() -> None:
    code = "import sys; sys.modules['click'] = None; from labelstack.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert done.stderr.startswith("error: the labelstack command needs the package click, which ")
    assert done.stderr.endswith("run `make .venv/.local` in the clone.\n")
