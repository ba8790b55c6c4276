"""Zips of Python functions: the same sources, lock and platform give the same bytes, built once and kept by content.

A zip is built while the program runs, in a preview too. pip runs only where neither a zip of this content nor the
dependencies of this lock and platform are kept, so a second run needs no network.

The bytes depend on no path, time, order, user or line ending. (They do depend on the compression library of the Python
that builds: zlib and zlib-ng compress the same content to different bytes.) pip judges environment markers in a lock by
the Python that builds, so a lock has dependencies that the function's Python needs too.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .errors import DependencyInstallError, PackageTooLargeError

FORMAT = "2"  # part of every digest: count it up when this module makes other bytes of the same sources
DIRECT_UPLOAD_BYTES = 50 * 1024 * 1024  # AWS: what CreateFunction takes as a zip
# Lambda's Python 3.12 and later run on Amazon Linux 2023 (glibc 2.34), and 3.11 on Amazon Linux 2 (glibc 2.26).
GLIBC_MINOR = {"python3.11": 26}
DEFAULT_GLIBC_MINOR, OLDEST_GLIBC_MINOR = 34, 17
MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
# Files that describe this machine or this run, and files that a function never uses.
PRUNED_METADATA = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"}
KEPT_ZIPS = 10  # of each function: enough for a few stacks, and an edit a minute does not fill the disk
REQUIREMENTS = {".in", ".txt"}  # suffixes of `requirements…` files, which are no sources
NO_SOURCES = re.compile(
    r"\..*|__pycache__|.*\.egg-info|.*(~|\.py[co]|\.orig|\.rej|\.bak|\.tmp|\.swp)|Thumbs\.db|desktop\.ini"
)


@dataclass(frozen=True)
class Package:
    """The contents of a function's zip; see PythonFunctionArgs."""

    source_dir: Path
    packages: tuple[str, ...]
    requirements: str | None
    runtime: str
    architecture: str


def build(package: Package, build_dir: Path) -> Path:
    """Return the zip of `package` in `build_dir`, and build it if it is missing. Safe in several threads and processes.

    Raises DependencyInstallError and PackageTooLargeError.
    """
    sources = {name: _content(path) for name, path in _sources(package)}
    lock_path = _lock_path(package)
    lock = b"" if lock_path is None else _content(lock_path)
    digest = hashlib.sha256("\n".join([FORMAT, package.runtime, package.architecture]).encode())
    for name, content in sorted(sources.items()):
        digest.update(f"\n{name}\n{hashlib.sha256(content).hexdigest()}".encode())
    digest.update(lock)
    target = build_dir / f"{Path(package.packages[0]).name}-{digest.hexdigest()[:16]}.zip"
    if target.exists():
        target.touch()
    else:
        build_dir.mkdir(parents=True, exist_ok=True)
        has_any = any(line.strip() and not line.startswith(b"#") for line in lock.splitlines())
        installed = _files(_dependencies(package, lock_path, lock, build_dir)) if lock_path and has_any else ()
        _write(target, {name: path.read_bytes() for name, path in installed} | sources)
        zips = build_dir.glob(f"{Path(package.packages[0]).name}-*.zip")
        for path in sorted(zips, key=lambda path: path.stat().st_mtime, reverse=True)[KEPT_ZIPS:]:
            path.unlink(missing_ok=True)
    if (size := target.stat().st_size) > DIRECT_UPLOAD_BYTES:
        raise PackageTooLargeError(
            f"The zip of {package.packages[0]} has {size / 1024**2:.0f} MB, and Lambda takes "
            f"{DIRECT_UPLOAD_BYTES / 1024**2:.0f} MB in an upload: drop dependencies from {package.requirements}."
        )
    return target


def build_dir(source_dir: Path, chosen: str | Path | None = None) -> Path:
    """Return the folder that keeps zips and dependencies between runs.

    Beside the sources, in `.labelstack/packages`. The user's cache, `~/.cache/labelstack/packages`, takes its place for
    sources that are an installed package, and where nothing can be written, as in a read-only checkout.
    """
    if chosen is not None:
        return Path(chosen)
    beside = source_dir / ".labelstack" / "packages"
    if not (source_dir / "__init__.py").exists():
        try:
            beside.mkdir(parents=True, exist_ok=True)
        except OSError:
            pass
        else:
            if os.access(beside, os.W_OK):
                return beside
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "labelstack" / "packages"


def platforms(runtime: str, architecture: str) -> list[str]:
    """Return the wheel platforms that Lambda's `runtime` can load, the newest first."""
    machine, newest = MACHINES[architecture], GLIBC_MINOR.get(runtime, DEFAULT_GLIBC_MINOR)
    tags = [f"manylinux_2_{minor}_{machine}" for minor in range(newest, OLDEST_GLIBC_MINOR - 1, -1)]
    return [*tags, f"manylinux2014_{machine}"]


def _sources(package: Package) -> Iterator[tuple[str, Path]]:
    """Yield the name in the zip and the path of each source file: the packages, and the `__init__.py` above them."""
    for name in package.packages:
        for above in Path(name).parents:
            marker = package.source_dir / above / "__init__.py"
            if above != Path() and marker.is_file():
                yield (above / "__init__.py").as_posix(), marker
        for relative, path in _files(package.source_dir / name):
            is_lock = path.name.startswith("requirements") and path.suffix in REQUIREMENTS
            if not is_lock and not any(map(NO_SOURCES.fullmatch, Path(relative).parts)):
                yield f"{Path(name).as_posix()}/{relative}", path


def _content(path: Path) -> bytes:
    """Return a source's content with the repository's line endings. As in Git, a NUL byte means that it is no text."""
    content = path.read_bytes()
    return content if b"\0" in content else content.replace(b"\r\n", b"\n")


def _lock_path(package: Package) -> Path | None:
    """Return the lock, or where there is one the platform's own: `requirements-python3.11-x86_64.txt`.

    pip cannot choose by marker: it judges markers by the Python that builds.
    """
    if package.requirements is None:
        return None
    path = package.source_dir / package.requirements
    own = path.with_stem(f"{path.stem}-{package.runtime}-{package.architecture}")
    return own if own.is_file() else path


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the name below `folder` and the path of each file in it, without Python's caches."""
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix != ".pyc":
            yield path.relative_to(folder).as_posix(), path


def _dependencies(package: Package, lock_path: Path, lock: bytes, build_dir: Path) -> Path:
    """Return a folder with the installed lock, kept by the lock's content and the platform."""
    key = hashlib.sha256(f"{FORMAT}\n{package.runtime}\n{package.architecture}\n".encode() + lock).hexdigest()[:16]
    target = build_dir / f"dependencies-{key}"
    if target.is_dir():
        return target
    with tempfile.TemporaryDirectory(dir=build_dir, prefix=".installing-") as temporary:
        installed = Path(temporary) / "made"
        installed.mkdir()
        _install(package, lock_path, installed)
        _prune(installed)
        try:
            installed.rename(target)
        except OSError:
            if not target.is_dir():  # else somebody built the same at the same time, and theirs is as good
                raise
    return target


def _install(package: Package, lock_path: Path, target: Path) -> None:
    """Install the lock for the function's platform with this interpreter's pip, under the user's own pip settings."""
    version = package.runtime.removeprefix("python")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]
    command += ["--require-hashes", "--only-binary=:all:", "--no-deps", "--no-compile", "--no-user"]
    command += ["--implementation=cp", f"--python-version={version}", f"--target={target}"]
    command += [f"--platform={name}" for name in platforms(package.runtime, package.architecture)]
    command += ["--requirement", str(lock_path.resolve())]
    # In the empty target: `python -m` puts the working folder first on the path.
    done = subprocess.run(command, cwd=target, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DependencyInstallError(_explain(package, done.stderr or done.stdout))


def _explain(package: Package, output: str) -> str:
    """Explain a failure of pip: the requirement, the platform, and what to do."""
    platform = f"{package.runtime} on {package.architecture}"
    what = f"The dependencies in {package.requirements} cannot be installed for {platform}"
    if "No module named pip" in output:
        return f"{what}: {sys.executable} has no pip. Run `{sys.executable} -m ensurepip`."
    said = "\n".join(line.removeprefix("ERROR: ") for line in output.splitlines() if line.strip())[-2000:]
    if missing := re.search(r"No matching distribution found for (\S+)", output):
        advice = (
            f"{missing[1]} has no wheel for this platform. Pin a version that has one, or choose another runtime or "
            "architecture; if it has one, check pip's index settings and the network."
        )
    elif mismatch := re.search(r"THESE PACKAGES DO NOT MATCH THE HASHES[^\n]*\n\s*(\S+)", output):
        advice = f"{mismatch[1]} is not what the lock says. Compile the lock again from its requirements.in."
    elif unhashed := re.search(r"Hashes are required in --require-hashes mode[\s\S]*?\n\s*(\S+==\S+)", output):
        advice = f"{unhashed[1]} has no hash in the lock. Compile the lock again with hashes."
    else:
        advice = "Check pip's index settings and the network."
    return f"{what}: {advice}\npip said:\n{said}"


def _prune(folder: Path) -> None:
    """Remove files that depend on this machine or on the order of installation, and files that no function uses."""
    shutil.rmtree(folder / "bin", ignore_errors=True)
    for path in [*folder.glob("*.dist-info/*")]:
        if path.name in PRUNED_METADATA:
            path.unlink()
    for cache in [*folder.rglob("__pycache__")]:
        shutil.rmtree(cache)


def _write(target: Path, files: dict[str, bytes]) -> None:
    """Write a zip whose bytes depend on names and contents alone, and put it in its place at once."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".writing-") as folder:
        temporary = Path(folder) / target.name
        with zipfile.ZipFile(temporary, "w") as archive:
            for name, content in sorted(files.items()):
                entry = zipfile.ZipInfo(name)  # of 1980, whenever the file was written
                entry.create_system, entry.external_attr = 3, 0o644 << 16  # Unix, on every machine
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, content)
        temporary.replace(target)
