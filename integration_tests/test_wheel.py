"""A stranger's program: the wheel, ten lines, a picture is labelled."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent
PROGRAM = '''"""Labels what is put into a bucket."""
import pulumi
from components import GREETING
from handlers import NOTHING
from labelstack.components import ImageProcessor, ResultsStore, UploadBucket
from settings import PROTECT

uploads = UploadBucket("holiday-uploads", {"protect_data": PROTECT})
results = ResultsStore("holiday-results", {"protect_data": PROTECT})
ImageProcessor("holiday", {"bucket": uploads, "table": results})
for name, value in {"uploadBucket": uploads.name, "uploadPrefix": "", "resultsTable": results.name}.items():
    pulumi.export(name, value)
pulumi.export("greeting", GREETING + NOTHING)
'''
# Modules of the stranger's own, of the names that a clone of Labelstack has.
FILES = {
    "Pulumi.yaml": "name: holiday\nruntime: python\n",
    "Pulumi.local.yaml": "config:\n  aws:region: us-east-1\n",
    "__main__.py": PROGRAM,
    "components/__init__.py": 'GREETING = "hello"\n',
    "handlers/__init__.py": 'NOTHING = ""\n',
    "settings.py": "PROTECT = False\n",
}
DEADLINE_S = 240


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """Return the Python of an environment with the wheel in it, and this one's libraries without the clone."""
    wheels, folder = tmp_path / "wheels", tmp_path / "venv"
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    if released := os.environ.get("LABELSTACK_WHEEL"):  # the one that a release attaches
        wheels.mkdir()
        shutil.copy(released, wheels)
    else:
        build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(wheels), str(copy(tmp_path))]
        subprocess.run(build, check=True, timeout=DEADLINE_S)
    venv.create(folder, with_pip=False, symlinks=True)
    site = Path(sysconfig.get_path("purelib", "venv", {"base": str(folder), "platbase": str(folder)}))
    (wheel,) = wheels.glob("*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--target", str(site), str(wheel)], check=True, timeout=DEADLINE_S)
    # A folder named by a .pth file is searched, but its own .pth files, and so the clone, are not.
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin" / "python"


def copy(tmp_path: Path) -> Path:
    """Copy the files of the wheel, so that the build writes nothing into the clone."""
    target = tmp_path / "clone"
    kept = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, text=True, check=False)
    names = kept.stdout.split("\0") if kept.returncode == 0 else []
    assert names, "the wheel is built from what git knows: run this in a clone"
    for name in filter(None, names):
        if (PROJECT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / name, target / name)
    return target


def test_ten_lines_label_a_picture(python: Path, tmp_path: Path) -> None:
    stranger = tmp_path / "holiday"
    for name, text in FILES.items():
        (stranger / name).parent.mkdir(parents=True, exist_ok=True)
        (stranger / name).write_text(text)
    packages = tmp_path / "cache" / "labelstack" / "packages"
    packages.parent.mkdir(parents=True)
    packages.symlink_to(PROJECT / ".labelstack" / "packages")  # so that pip need not run again
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}

    def labelstack(*arguments: str) -> str:
        done = subprocess.run(
            [str(python), "-m", "labelstack", *arguments],
            cwd=stranger,
            env=environment,
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    try:
        labelstack("up")
        said = labelstack("upload", str(PROJECT / "samples" / "astronaut.jpg"), "--wait")
    finally:
        labelstack("down")

    assert "LABELED" in said
    assert "Person" in said
    assert not (stranger / "components" / "errors.py").exists()
