"""`demo`: from nothing to results and back to nothing."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from labelstack.cli import demo as demo_module
from labelstack.errors import DeployError
from tests.labelstack.cli.conftest import Run
from tests.labelstack.cli.fakes import FakeBackend, make_result


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_labels_the_samples_and_leaves_nothing(run: Run, backend: FakeBackend, temporary: Path) -> None:
    backend.deployer.deployed = {}
    done = run("demo")
    count = sum(file.suffix in (".jpg", ".png") for file in demo_module.SAMPLES.iterdir())
    assert count >= 6
    assert done.exit_code == 0
    assert done.stdout.splitlines()[-1].startswith(f"demo: {count} pictures uploaded, {count} labeled, 0.")
    assert "samples/astronaut.jpg" in done.stdout
    assert "uploadBucket" not in done.output
    assert "  + Bucket " not in done.output
    assert backend.deployer.deployed == {}
    assert backend.cloud.stopped
    assert list(temporary.iterdir()) == []


def test_resources_and_outputs_are_shown_on_request(run: Run, backend: FakeBackend) -> None:
    backend.deployer.deployed = {}
    done = run("demo", "--verbose")

    assert "uploadBucket" in done.stdout
    assert "  + Bucket " in done.stderr


def test_its_cloud_is_its_own_and_ends_with_it(run: Run, backend: FakeBackend, temporary: Path) -> None:
    run("demo")
    [(folder, detach)] = backend.started
    assert folder.is_relative_to(temporary)
    assert not detach


def test_labels_the_user_s_pictures_and_counts_them(run: Run, backend: FakeBackend, folder: Path) -> None:
    def look(key: str, version: str) -> object:
        status = {"cat.jpg": "LABELED", "dog.png": "FAILED", "notes.txt": "REJECTED"}[Path(key).name]
        return make_result(key, status, versionId=version)

    backend.s3.on_put = look  # type: ignore[assignment]  # gives results
    done = run("demo", folder, folder / "notes.txt")
    assert done.exit_code == 0
    assert "demo: 3 pictures uploaded, 1 labeled, 1 rejected, 1 failed, " in done.stdout
    assert "left out of folders" in done.stdout  # notes.txt, by the folder


def test_a_picture_without_terminal_state_fails_it(run: Run, backend: FakeBackend, folder: Path) -> None:
    backend.s3.on_put = lambda key, version: None
    done = run("demo", folder / "cat.jpg", "--timeout", "0.1")
    assert done.exit_code == 1
    assert "demo: 1 picture uploaded, 0 labeled, 1 without result, " in done.stdout
    assert "TIMED_OUT  cat.jpg" in done.stderr
    assert backend.cloud.stopped


def test_a_wrong_path_starts_nothing(run: Run, backend: FakeBackend, tmp_path: Path) -> None:
    done = run("demo", tmp_path / "nowhere")
    assert done.exit_code == 1
    assert backend.started == []


def test_after_an_error_everything_is_stopped_and_the_logs_are_kept(
    run: Run, backend: FakeBackend, temporary: Path
) -> None:
    backend.deployer.failure = DeployError("the cloud refused a resource")
    done = run("demo")
    assert done.exit_code == 1
    assert backend.cloud.stopped
    [kept] = temporary.iterdir()
    assert str(kept) in done.stderr
    assert "error: the cloud refused a resource" in done.stderr


def test_ctrl_c_stops_everything(run: Run, backend: FakeBackend, temporary: Path) -> None:
    backend.deployer.failure = KeyboardInterrupt()
    assert run("demo").exit_code == 130
    assert backend.cloud.stopped
    assert list(temporary.iterdir()) == []
