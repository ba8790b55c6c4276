"""`upload` and `delete`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.labelstack.cli.conftest import Run
from tests.labelstack.cli.fakes import FakeBackend, make_result, refusal


def test_uploads_below_the_stack_s_prefix(run: Run, backend: FakeBackend, folder: Path) -> None:
    done = run("upload", folder)
    assert done.exit_code == 0
    assert sorted(backend.s3.objects) == ["uploads/pictures/cat.jpg", "uploads/pictures/dog.png"]
    assert "uploaded  uploads/pictures/cat.jpg" in done.stdout


def test_uploads_below_a_prefix_of_the_user_s(run: Run, backend: FakeBackend, folder: Path) -> None:
    assert run("upload", folder / "cat.jpg", "--prefix", "").exit_code == 0
    assert list(backend.s3.objects) == ["cat.jpg"]


def test_shows_results_in_a_table(run: Run, folder: Path) -> None:
    done = run("upload", folder, "--wait")
    assert done.exit_code == 0
    assert "pictures/cat.jpg" in done.stdout
    assert "LABELED" in done.stdout
    assert "Cat\N{NO-BREAK SPACE}98.8%" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100


def test_a_rejected_picture_is_an_answer(run: Run, backend: FakeBackend, folder: Path) -> None:
    backend.s3.on_put = lambda key, version: make_result(key, "REJECTED", versionId=version)
    done = run("upload", folder / "notes.txt", "--wait")
    assert done.exit_code == 0
    assert "REJECTED  notes.txt  NOT_AN_IMAGE: The file is not a picture" in done.stdout


def test_a_failed_picture_is_an_error(run: Run, backend: FakeBackend, folder: Path) -> None:
    backend.s3.on_put = lambda key, version: make_result(key, "FAILED", versionId=version, code="REKOGNITION_ERROR")
    done = run("upload", folder / "cat.jpg", "--wait")
    assert done.exit_code == 1
    assert "REKOGNITION_ERROR" in done.stdout


def test_a_picture_without_terminal_state_is_an_error(run: Run, backend: FakeBackend, folder: Path) -> None:
    backend.s3.on_put = lambda key, version: None
    done = run("upload", folder / "cat.jpg", "--wait", "--timeout", "0.1")
    assert done.exit_code == 1
    assert "TIMED_OUT  cat.jpg  no result after" in done.stderr


def test_json_is_all_there_is_on_standard_output(run: Run, folder: Path) -> None:
    done = run("upload", folder, "--wait", "--json")
    lines = sorted((json.loads(line) for line in done.stdout.splitlines()), key=lambda line: str(line["key"]))
    assert done.exit_code == 0
    assert [line["key"] for line in lines] == ["uploads/pictures/cat.jpg", "uploads/pictures/dog.png"]
    assert lines[0]["status"] == "LABELED"
    assert lines[0]["labels"][0]["confidence"] == 98.75
    assert lines[0]["file"] == str(folder / "cat.jpg")
    assert lines[0]["seconds"] >= 0


def test_json_of_an_upload_that_is_not_waited_for(run: Run, folder: Path) -> None:
    [line] = run("upload", folder / "cat.jpg", "--json").stdout.splitlines()
    said = json.loads(line)
    assert (said["key"], said["status"], said["versionId"]) == ("uploads/cat.jpg", "UPLOADED", "v1")


def test_json_of_pictures_without_result(run: Run, backend: FakeBackend, folder: Path) -> None:
    def refuse_dogs(key: str, version: str) -> None:
        if "dog" in key:
            raise refusal("PutObject", "SlowDown", 503)

    backend.s3.on_put = refuse_dogs
    done = run("upload", folder, "--wait", "--timeout", "0.1", "--json")
    lines = {line["key"]: line for line in map(json.loads, done.stdout.splitlines())}
    assert done.exit_code == 1
    assert lines["uploads/pictures/dog.png"]["status"] == "NOT_UPLOADED"
    assert "SlowDown" in lines["uploads/pictures/dog.png"]["message"]
    assert lines["uploads/pictures/cat.jpg"]["status"] == "TIMED_OUT"


def test_wrong_paths_are_told_in_a_sentence(run: Run, backend: FakeBackend, tmp_path: Path) -> None:
    done = run("upload", tmp_path / "nowhere.jpg")
    assert done.exit_code == 1
    assert done.stderr.startswith("error: cannot upload")
    assert "Traceback" not in done.output
    assert backend.s3.puts == []


def test_no_running_cloud_is_told_in_a_sentence(run: Run, backend: FakeBackend, folder: Path) -> None:
    backend.running = False
    done = run("upload", folder)
    assert done.exit_code == 1
    assert "labelstack up" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    "arguments", [["upload"], ["upload", "a.jpg", "--timeout", "0"], ["upload", "a", "--cloud", "x"]]
)
def test_wrong_usage_exits_with_2(run: Run, arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2


def test_region_is_for_aws_only(run: Run, folder: Path) -> None:
    done = run("upload", folder, "--region", "eu-central-1")
    assert done.exit_code == 2
    assert "--cloud aws" in done.stderr


def test_interrupting_exits_with_130(run: Run, backend: FakeBackend, folder: Path) -> None:
    def interrupt(uploaded: object) -> None:
        raise KeyboardInterrupt

    backend.table.get_many = interrupt  # type: ignore[method-assign, assignment]  # Ctrl-C while waiting
    done = run("upload", folder, "--wait")
    assert done.exit_code == 130
    assert "Traceback" not in done.output


def test_deletes_a_picture_and_waits_for_its_result_to_go(run: Run, backend: FakeBackend, folder: Path) -> None:
    run("upload", folder / "cat.jpg")
    done = run("delete", "cat.jpg")
    assert done.exit_code == 0
    assert done.stdout == "deleted  uploads/cat.jpg\n"
    assert backend.s3.objects == {}
    assert backend.table.stored["uploads/cat.jpg"]["status"] == "DELETED"


def test_a_result_that_stays_is_an_error(run: Run, backend: FakeBackend, folder: Path) -> None:
    backend.s3.on_delete = lambda key: None
    run("upload", folder / "cat.jpg")
    done = run("delete", "cat.jpg", "--timeout", "0.1")
    assert done.exit_code == 1
    assert "uploads/cat.jpg" in done.stderr


def test_delete_can_leave_without_waiting(run: Run, backend: FakeBackend, folder: Path) -> None:
    backend.s3.on_delete = lambda key: None
    run("upload", folder / "cat.jpg")
    done = run("delete", "cat.jpg", "--no-wait", "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout) == {"key": "uploads/cat.jpg", "deleted": True, "resultGone": None}


def test_an_unknown_key_deletes_nothing(run: Run, backend: FakeBackend, folder: Path) -> None:
    run("upload", folder / "cat.jpg")
    done = run("delete", "cat.jpg", "dog.jpg")
    assert done.exit_code == 1
    assert "no picture 'dog.jpg'" in done.stderr
    assert list(backend.s3.objects) == ["uploads/cat.jpg"]


def test_help_says_that_delete_goes_around_the_api(run: Run) -> None:
    assert "Goes to S3 directly, with your own AWS rights" in " ".join(run("delete", "--help").stdout.split())
