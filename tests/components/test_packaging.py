"""Zips of functions, with wheels made here: no network."""

import hashlib
import os
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from components import packaging
from components.errors import DependencyInstallError, PackageTooLargeError
from components.packaging import Package, build, platforms

PROJECT = Path(__file__).resolve().parents[2]
LOCK = "handlers/label/requirements.txt"
# Root may write into a read-only folder, unless it has given up its capabilities.
AS_ANY_USER = ["setpriv", "--inh-caps=-all", "--bounding-set=-all"] if os.geteuid() == 0 else []


def write_wheel(folder: Path, name: str, tag: str = "py3-none-any") -> str:
    """Write a wheel of one module and one command; give its line in a lock."""
    info = f"{name}-1.0.dist-info"
    files = {
        f"{name}.py": f"TAG = {tag!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n",
        f"{info}/entry_points.txt": f"[console_scripts]\n{name} = {name}:TAG\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{file},,\n" for file in [*files, f"{info}/RECORD"])
    path = folder / f"{name}-1.0-{tag}.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for file, text in files.items():
            wheel.writestr(file, text)
    return f"--hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder from which pip, by the user's own settings, takes packages."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_USER", "1")  # as some distributions have it
    return folder


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Package]:
    """Return a function that writes the sources of a function into its own folder and returns the package."""

    def write(folder: str = "project", lock: str = "# nothing\n", architecture: str = "arm64") -> Package:
        source_dir = tmp_path / folder
        texts = {
            "handlers/__init__.py": "",
            "handlers/label/__init__.py": "",
            "handlers/label/handler.py": "import handlers.shared\n",
            "handlers/label/requirements.in": "tiny\n",
            LOCK: lock,
            "handlers/shared/__init__.py": "",
            "handlers/shared/data/words.txt": "cat\n",
            "handlers/shared/__pycache__/x.cpython-311.pyc": "x",
            "handlers/other/__init__.py": "",
        }
        for name, text in texts.items():
            path = source_dir / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return Package(source_dir, ("handlers/label", "handlers/shared"), LOCK, "python3.13", architecture)

    return write


def test_holds_the_packages_at_their_paths(make: Callable[..., Package], tmp_path: Path) -> None:
    path = build(make(), tmp_path / "zips")

    assert zipfile.ZipFile(path).namelist() == [
        "handlers/__init__.py",
        "handlers/label/__init__.py",
        "handlers/label/handler.py",
        "handlers/shared/__init__.py",
        "handlers/shared/data/words.txt",
    ]


def test_same_sources_elsewhere_and_later_give_the_same_bytes(
    make: Callable[..., Package], wheels: Path, tmp_path: Path
) -> None:
    lock = f"tiny==1.0 {write_wheel(wheels, 'tiny')}\n"
    first, second = make("here", lock), make("there", lock)
    for path in second.source_dir.rglob("*"):
        path.chmod(0o700)
        os.utime(path, (1_000_000_000, 1_000_000_000))

    first_zip, two = build(first, tmp_path / "zips-1"), build(second, tmp_path / "zips-2")

    assert first_zip.name == two.name
    assert first_zip.read_bytes() == two.read_bytes()


def test_entries_have_neither_time_nor_rights_of_this_machine(make: Callable[..., Package], tmp_path: Path) -> None:
    entries = zipfile.ZipFile(build(make(), tmp_path / "zips")).infolist()

    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert {stat.S_IMODE(entry.external_attr >> 16) for entry in entries} == {0o644}


def test_line_endings_of_a_checkout_change_nothing(make: Callable[..., Package], tmp_path: Path) -> None:
    unix, windows = make("unix"), make("windows")
    for folder, ending in ((unix.source_dir, b"\n"), (windows.source_dir, b"\r\n")):
        for path in (path for path in folder.rglob("*") if path.is_file()):
            path.write_bytes(path.read_bytes().replace(b"\n", ending))
        (folder / "handlers/shared/data/LICENCE").write_bytes(b"free" + ending)  # a text by whatever name
        (folder / "handlers/shared/data/model.bin").write_bytes(b"\0\r\n\n")

    zips = [build(unix, tmp_path / "unix-zips"), build(windows, tmp_path / "windows-zips")]

    assert zips[0].name == zips[1].name
    assert zips[0].read_bytes() == zips[1].read_bytes()
    assert zipfile.ZipFile(zips[1]).read("handlers/shared/data/model.bin") == b"\0\r\n\n"


def test_only_sources_get_into_a_zip(make: Callable[..., Package], tmp_path: Path) -> None:
    package = make()
    named = zipfile.ZipFile(build(package, tmp_path / "zips")).namelist()
    label = package.source_dir / "handlers/label"
    for name in (".env", ".DS_Store", "handler.py~", "handler.py.orig", "x.pyc", "Thumbs.db", "requirements-dev.txt"):
        (label / name).write_text("not a source")
    for folder in (".git", "__pycache__", "label.egg-info"):
        (label / folder).mkdir()
        (label / folder / "x.py").write_text("not a source")

    assert zipfile.ZipFile(build(package, tmp_path / "zips")).namelist() == named


def test_where_nothing_can_be_written_zips_are_in_the_users_cache(
    make: Callable[..., Package], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    package = make()
    # Root may write into a read-only folder too. A file in the folder's place stops everybody.
    (package.source_dir / ".labelstack").touch()

    path = build(package, packaging.build_dir(package.source_dir))

    assert path.parent == tmp_path / "cache" / "labelstack" / "packages"
    assert "handlers/label/handler.py" in zipfile.ZipFile(path).namelist()


def test_a_read_only_checkout_is_left_as_it_is(make: Callable[..., Package], tmp_path: Path) -> None:
    package = make()
    package.source_dir.chmod(0o500)
    # Of the components alone, without the package: it imports Pulumi's AWS SDK, which takes longer than all else here.
    code = (
        "import sys, types; components = sys.modules['components'] = types.ModuleType('components'); "
        "components.__path__ = ['components']; "
        "from pathlib import PosixPath; from components.packaging import Package, build, build_dir; "
        f"package = {package!r}; print(build(package, build_dir(package.source_dir)))"
    )

    done = subprocess.run(
        [*AS_ANY_USER, sys.executable, "-c", code],
        cwd=PROJECT,
        env=os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
    )

    package.source_dir.chmod(0o700)
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).is_relative_to(tmp_path / "cache")
    assert not (package.source_dir / ".labelstack").exists()


def test_a_changed_source_gives_another_zip(make: Callable[..., Package], tmp_path: Path) -> None:
    package = make()
    before = build(package, tmp_path / "zips")
    (package.source_dir / "handlers/shared/data/words.txt").write_text("dog\n")

    assert build(package, tmp_path / "zips") != before


@pytest.mark.parametrize("change", [{"architecture": "x86_64"}, {"runtime": "python3.14"}])
def test_another_platform_gives_another_zip(
    make: Callable[..., Package], tmp_path: Path, change: dict[str, str]
) -> None:
    package = make()

    assert build(package, tmp_path) != build(replace(package, **change), tmp_path)  # type: ignore[arg-type]  # all texts


def test_dependencies_are_installed_once_at_the_root_without_what_this_machine_adds(
    make: Callable[..., Package], wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = make(lock=f"tiny==1.0 {write_wheel(wheels, 'tiny')}\n")
    first_zip = build(package, tmp_path / "zips")
    (wheels / "tiny-1.0-py3-none-any.whl").unlink()
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))
    (package.source_dir / "handlers/label/handler.py").write_text("changed = True\n")

    for path in (first_zip, build(package, tmp_path / "zips")):
        names = [name for name in zipfile.ZipFile(path).namelist() if not name.startswith("handlers/")]
        assert names == [
            "tiny-1.0.dist-info/METADATA",
            "tiny-1.0.dist-info/WHEEL",
            "tiny-1.0.dist-info/entry_points.txt",
            "tiny.py",
        ]


def test_gives_the_zip_that_is_there(make: Callable[..., Package], tmp_path: Path) -> None:
    path = build(make(), tmp_path / "zips")
    path.write_bytes(b"kept")

    assert build(make(), tmp_path / "zips").read_bytes() == b"kept"


def test_builds_in_two_threads_at_once(make: Callable[..., Package], wheels: Path, tmp_path: Path) -> None:
    package = make(lock=f"tiny==1.0 {write_wheel(wheels, 'tiny')}\n")

    with ThreadPoolExecutor(2) as threads:
        paths = set(threads.map(lambda _: build(package, tmp_path / "zips"), range(2)))

    (path,) = paths
    assert zipfile.ZipFile(path).testzip() is None
    kinds = [entry.name.split("-")[0] for entry in sorted((tmp_path / "zips").iterdir())]
    assert kinds == ["dependencies", "label"]


def test_forgets_the_zips_used_longest_ago(
    make: Callable[..., Package], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packaging, "KEPT_ZIPS", 2)
    package, built = make(), []
    for second, word in enumerate(["ant", "bee", "cat"]):
        (package.source_dir / "handlers/shared/data/words.txt").write_text(word)
        built.append(build(package, tmp_path / "zips"))
        os.utime(built[-1], (second, second))

    assert sorted((tmp_path / "zips").iterdir()) == sorted(built[1:])


def test_names_the_requirement_without_a_wheel_and_the_platform(
    make: Callable[..., Package], wheels: Path, tmp_path: Path
) -> None:
    digest = write_wheel(wheels, "fast", "cp313-cp313-manylinux_2_28_x86_64")

    with pytest.raises(DependencyInstallError) as caught:
        build(make(lock=f"fast==1.0 {digest}\n"), tmp_path / "zips")

    assert f"The dependencies in {LOCK} cannot be installed for python3.13 on arm64: fast==1.0 has no wheel" in str(
        caught.value
    )
    assert list((tmp_path / "zips").iterdir()) == []


def test_names_the_requirement_whose_content_is_not_the_locks(
    make: Callable[..., Package], wheels: Path, tmp_path: Path
) -> None:
    write_wheel(wheels, "tiny")

    with pytest.raises(DependencyInstallError, match=r"tiny==1\.0 .*is not what the lock says"):
        build(make(lock=f"tiny==1.0 --hash=sha256:{'0' * 64}\n"), tmp_path / "zips")


def test_names_the_requirement_without_a_hash(make: Callable[..., Package], wheels: Path, tmp_path: Path) -> None:
    write_wheel(wheels, "tiny")

    with pytest.raises(DependencyInstallError, match=r"tiny==1\.0 has no hash in the lock"):
        build(make(lock="tiny==1.0\n"), tmp_path / "zips")


def test_says_that_this_python_has_no_pip(
    make: Callable[..., Package], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\necho '{python}: No module named pip' >&2\nexit 1\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))

    with pytest.raises(DependencyInstallError, match=r"has no pip\. Run `.* -m ensurepip`"):
        build(make(lock="tiny==1.0\n"), tmp_path / "zips")


def test_refuses_what_lambda_would_not_take(
    make: Callable[..., Package], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packaging, "DIRECT_UPLOAD_BYTES", 100)

    with pytest.raises(PackageTooLargeError, match=r"The zip of handlers/label has .* in an upload"):
        build(make(), tmp_path / "zips")


def test_newer_runtimes_load_newer_wheels() -> None:
    assert platforms("python3.13", "arm64")[0] == "manylinux_2_34_aarch64"
    assert platforms("python3.11", "x86_64")[0] == "manylinux_2_26_x86_64"
    assert platforms("python3.13", "arm64")[-2:] == ["manylinux_2_17_aarch64", "manylinux2014_aarch64"]


def test_each_platform_has_its_own_lock_and_wheels(make: Callable[..., Package], wheels: Path, tmp_path: Path) -> None:
    machines = {"arm64": "aarch64", "x86_64": "x86_64"}
    tags = [f"cp313-cp313-manylinux_2_28_{name}" for name in machines.values()] + ["cp313-cp313-macosx_11_0_arm64"]
    lock = f"fast==1.0 {' '.join(write_wheel(wheels, 'fast', tag) for tag in tags)}\n"
    package = make(lock=f"common==1.0 {write_wheel(wheels, 'common')}\n{lock}")
    own = package.source_dir / "handlers/label/requirements-python3.13-x86_64.txt"
    own.write_text(f"special==1.0 {write_wheel(wheels, 'special')}\n{lock}")

    for architecture, library in (("arm64", "common"), ("x86_64", "special")):
        built = zipfile.ZipFile(build(replace(package, architecture=architecture), tmp_path / "zips"))
        libraries = {name for name in built.namelist() if name.endswith(".py") and "/" not in name}
        assert libraries == {f"{library}.py", "fast.py"}
        tag = f"cp313-cp313-manylinux_2_28_{machines[architecture]}"
        assert built.read("fast.py").decode() == f"TAG = {tag!r}\n"
        assert not any("requirements" in name for name in built.namelist())
