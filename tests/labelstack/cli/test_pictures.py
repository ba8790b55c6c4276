"""`upload` and `delete`."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from labelstack.cli.pictures import remains
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


def test_trouble_with_one_file_is_told_and_the_rest_goes_on(run: Run, backend: FakeBackend, folder: Path) -> None:
    Path(os.fsdecode(bytes(folder) + b"/latin\xe9.jpg")).write_bytes(b"x")
    (folder / "gone.jpg").symlink_to(folder / "nowhere")

    done = run("upload", folder, "--wait")

    assert done.exit_code == 1
    assert sorted(backend.s3.objects) == ["uploads/pictures/cat.jpg", "uploads/pictures/dog.png"]
    assert "NOT_UPLOADED  pictures/latin\\udce9.jpg  its name is not UTF-8 text" in done.stderr
    assert "gone.jpg  the file cannot be read: No such file" in done.stderr
    assert "2 pictures uploaded, 2 labeled, 2 not uploaded, 1 left out of folders, " in done.stdout


def test_trouble_is_told_to_programs_too(run: Run, folder: Path) -> None:
    Path(os.fsdecode(bytes(folder) + b"/latin\xe9.jpg")).write_bytes(b"x")
    (folder / "gone.jpg").symlink_to(folder / "nowhere")

    lines = [json.loads(line) for line in run("upload", folder, "--json").stdout.splitlines()]

    assert [line["status"] for line in lines].count("NOT_UPLOADED") == 2
    assert [line["status"] for line in lines].count("UPLOADED") == 2


def test_what_is_left_out_is_counted_and_named_on_request(run: Run, folder: Path) -> None:
    few, all_of_it = run("upload", folder), run("upload", folder, "--verbose")

    assert re.search(r"2 pictures uploaded, 1 left out of folders, [0-9.]+ s \(--verbose names all\)", few.stdout)
    assert "notes.txt" not in few.output
    assert "notes.txt  not a picture's suffix" in all_of_it.stderr


@pytest.mark.parametrize("wait", [["--wait"], []])
def test_many_pictures_are_told_in_few_lines(run: Run, backend: FakeBackend, folder: Path, wait: list[str]) -> None:
    for number in range(100):
        (folder / f"more-{number}.jpg").write_bytes(b"x")
    backend.s3.on_put = lambda key, version: make_result(
        key, "REJECTED" if key.endswith("more-7.jpg") else "LABELED", versionId=version
    )

    done = run("upload", folder, *wait)

    assert len(done.stdout.splitlines()) < 20
    assert ("more-7.jpg" in done.stdout) == bool(wait)
    assert done.stdout.splitlines()[-1].startswith(
        "102 pictures uploaded, " + ("101 labeled, 1 rej" if wait else "1 l")
    )


def test_no_name_controls_the_terminal(run: Run, backend: FakeBackend, folder: Path) -> None:
    (folder / "\x1b]0;x\x07 \u202egpj.\x9b31m\nerror: y.jpg").write_bytes(b"x")
    backend.s3.on_put = lambda key, version: make_result(
        key, "REJECTED", versionId=version, message="\x1b[31m \x7f \u2066"
    )
    for arguments in (["--wait"], ["--wait", "--json"], ["--wait", "--timeout", "0.1"]):
        done = run("upload", folder, *arguments)

        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", done.output)
        assert "\\u001b" in done.output
        assert not any(line.startswith("error: y") for line in done.output.splitlines())


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
    assert re.search("[12] of 2 pictures had been uploaded", done.stderr)


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


@pytest.mark.parametrize("unknown", ["dog.jpg", "nowhere/"])
def test_an_unknown_key_or_folder_deletes_nothing(run: Run, backend: FakeBackend, folder: Path, unknown: str) -> None:
    run("upload", folder / "cat.jpg")
    done = run("delete", "cat.jpg", unknown, "--yes")
    assert done.exit_code == 1
    assert f"no picture '{unknown}'" in done.stderr
    assert list(backend.s3.objects) == ["uploads/cat.jpg"]


def test_a_folder_is_deleted_after_a_question(run: Run, backend: FakeBackend, folder: Path) -> None:
    run("upload", folder)

    unasked = run("delete", "pictures/")
    assert unasked.exit_code == 1
    assert "delete 2 pictures, with all of pictures/?" in unasked.stderr
    assert len(backend.s3.objects) == 2

    assert run("delete", "pictures/", "--yes").exit_code == 0
    assert backend.s3.objects == {}


def test_a_large_folder_is_deleted_in_one_line(run: Run, backend: FakeBackend, folder: Path) -> None:
    for number in range(50):
        (folder / f"more-{number}.jpg").write_bytes(b"x")
    run("upload", folder)

    assert run("delete", "pictures/", "--yes").stdout == "52 pictures deleted\n"


def test_purging_waits_for_the_result(run: Run) -> None:
    done = run("delete", "cat.jpg", "--purge", "--no-wait")

    assert done.exit_code == 1
    assert "--purge and --no-wait exclude each other" in done.stderr


def test_what_purging_cannot_reach_has_its_days() -> None:
    assert "names and labels in the functions' logs, for 30 days; the table's backups, for 35 days" in remains(30)
    assert "as long as the log groups keep them" in remains(None)


def test_help_says_that_delete_goes_around_the_api(run: Run) -> None:
    assert "It uses S3 and the table with your own AWS rights" in " ".join(run("delete", "--help").stdout.split())
