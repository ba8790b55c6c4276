"""`backfill`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from labelstack.cli.app import cli
from tests.labelstack.cli.conftest import Run
from tests.labelstack.cli.repair_cloud import REPAIR_OUTPUTS, RepairBackend
from tests.labelstack.repair.fakes import BUCKET, DEAD_LETTERS


@pytest.fixture
def backend() -> RepairBackend:
    fake = RepairBackend()
    for n in range(23):
        fake.storage.put(f"in/{n:02}.jpg", bytes(1000), bucket=BUCKET)
        fake.storage.put(f"x/{n:02}.jpg", f"{n}".encode() * 500, bucket="old")
    fake.storage.put("x/folder/", b"", bucket="old")
    fake.storage.put("out/a.jpg", bucket=BUCKET)
    return fake


def die_after(backend: RepairBackend, sent: int) -> None:
    def die(operation: str) -> None:
        if len(backend.sqs.bodies()) == sent:
            raise KeyboardInterrupt

    backend.sqs.fail = die


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--to", "x/"], "--to needs --from."),
        (["--from", "s3://old", "--prefix", "x/"], "--prefix is for the upload bucket: put the other bucket's prefix"),
        (["--from", "s3://old", "--previews"], "--previews is for the upload bucket"),
        (["--rate", "0"], "--rate"),
    ],
)
def test_options_that_do_not_go_together(run: Run, options: list[str], message: str) -> None:
    done = run("backfill", *options)

    assert done.exit_code == 2
    assert message in done.stderr


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("old", "the source must be s3://BUCKET or s3://BUCKET/PREFIX; got 'old'."),
        ("s3://nowhere", "cannot list the bucket 'nowhere': "),
        (f"s3://{BUCKET}/in/", "is in the stack's own upload bucket: use --prefix instead of --from."),
    ],
)
def test_place_that_cannot_be_used_says_why(run: Run, backend: RepairBackend, url: str, message: str) -> None:
    done = run("backfill", "--from", url, "--yes")

    assert done.exit_code == 1
    assert message in done.stderr
    assert (backend.storage.copies, backend.sqs.bodies()) == ([], [])


def test_cost_is_said_before_anything_is_asked_for(run: Run, backend: RepairBackend, tmp_path: Path) -> None:
    done = run("backfill", "--prefix", "in/")

    assert done.exit_code == 1
    first, second, *_ = done.stderr.splitlines()
    assert first == "23 pictures (23 kB)"
    assert second.startswith(
        "23 pictures, 2 detectors: about $0.05 of Rekognition at most (list prices of us-east-1, 20"
    )
    assert "canceled: no request was sent. Use --yes to skip the question." in done.stderr
    assert backend.sqs.bodies() == []
    assert list((tmp_path / "state").glob("jobs/*")) == []


@pytest.mark.parametrize(("answer", "requests"), [("y\n", 23), ("n\n", 0)])
def test_answer_decides(backend: RepairBackend, tmp_path: Path, answer: str, requests: int) -> None:
    runner = CliRunner(env={"LABELSTACK_STATE_DIR": str(tmp_path)})

    runner.invoke(cli, ["backfill", "--prefix", "in/"], obj=backend, input=answer)

    assert len(backend.asked_keys()) == requests


def test_colours_are_in_the_estimate(run: Run, backend: RepairBackend) -> None:
    backend.deployer.deployed["local"] = {**REPAIR_OUTPUTS, "imageProperties": True}

    done = run("backfill", "--prefix", "in/")

    assert "about $0.06 of Rekognition at most" in done.stderr  # 23 x (2 x $0.001 + $0.00075)


def test_copies_are_in_the_estimate(run: Run) -> None:
    done = run("backfill", "--from", "s3://old/x/")

    assert "about $0.05 of Rekognition at most and less than $0.01 of S3 requests" in done.stderr


def test_pictures_that_are_there_are_asked_for(run: Run, backend: RepairBackend, tmp_path: Path) -> None:
    done = run("backfill", "--yes")

    assert done.exit_code == 0
    assert list((tmp_path / "state").glob("jobs/*")) == []  # a run that is complete leaves no place to go on
    assert backend.asked_keys() == [*(f"in/{n:02}.jpg" for n in range(23)), "out/a.jpg"]
    assert {event.processed_before for event in backend.requested()} == {None}
    assert "requested 24 pictures: `labelstack watch` shows the results as they arrive" in done.stderr


def test_previews_are_asked_for_without_rekognition(run: Run, backend: RepairBackend) -> None:
    backend.deployer.deployed["local"] = {**REPAIR_OUTPUTS, "previewsQueueUrl": DEAD_LETTERS}

    done = run("backfill", "--previews", "--prefix", "in/")

    assert done.exit_code == 0
    assert backend.sqs.bodies() == []
    assert len(backend.sqs.bodies(DEAD_LETTERS)) == 23
    assert "Rekognition" not in done.stderr


def test_stack_without_previews_says_so(run: Run) -> None:
    done = run("backfill", "--previews")

    assert done.exit_code == 1
    assert "the stack makes no previews: set labelstack:previews to true, and deploy again." in done.stderr


def test_json_is_one_document(run: Run) -> None:
    done = run("backfill", "--prefix", "in/", "--yes", "--json")

    assert json.loads(done.stdout) == {"pictures": 23, "from": f"s3://{BUCKET}/in/"}


@pytest.mark.parametrize(
    ("options", "expected"), [([], "uploads/00.jpg"), (["--to", ""], "00.jpg"), (["--to", "a/b/"], "a/b/00.jpg")]
)
def test_pictures_of_another_bucket_are_copied(
    run: Run, backend: RepairBackend, options: list[str], expected: str
) -> None:
    done = run("backfill", "--from", "s3://old/x/", *options, "--yes")

    assert done.exit_code == 0
    assert min(backend.storage.copies) == expected
    assert len(backend.storage.copies) == 23  # and no folder
    assert "copied 23 of 23 pictures: `" in done.stderr
    assert backend.sqs.bodies() == []  # S3 sends an event for each copy


def test_copies_that_are_there_already_are_told_apart(run: Run, backend: RepairBackend) -> None:
    run("backfill", "--from", "s3://old/x/", "--yes")
    backend.storage.put("x/new.jpg", b"new", bucket="old")

    done = run("backfill", "--from", "s3://old/x/", "--yes")

    assert "copied 1 of 24 pictures; the others were there: `" in done.stderr


def test_interrupted_and_run_again_it_goes_on(run: Run, backend: RepairBackend) -> None:
    die_after(backend, 10)
    assert run("backfill", "--prefix", "in/", "--yes").exit_code == 130
    backend.sqs.fail = lambda operation: None

    done = run("backfill", "--prefix", "in/", "--yes")

    assert "continuing after 10 pictures; the last was 'in/09.jpg'" in done.stderr
    assert "13 pictures (13 kB)" in done.stderr
    assert "requested 23 pictures" in done.stderr
    assert backend.asked_keys() == [f"in/{n:02}.jpg" for n in range(23)]


def test_another_place_is_another_job(run: Run, backend: RepairBackend) -> None:
    die_after(backend, 10)
    run("backfill", "--prefix", "in/", "--yes")
    backend.sqs.fail = lambda operation: None

    assert "continuing" not in run("backfill", "--yes").stderr


def test_stack_that_was_made_anew_is_another_job(run: Run, backend: RepairBackend) -> None:
    die_after(backend, 10)
    run("backfill", "--prefix", "in/", "--yes")
    backend.sqs.fail = lambda operation: None
    backend.cloud.instance = "another"

    assert "continuing" not in run("backfill", "--prefix", "in/", "--yes").stderr


def test_restart_begins_anew(run: Run, backend: RepairBackend) -> None:
    die_after(backend, 10)
    run("backfill", "--prefix", "in/", "--yes")
    backend.sqs.fail = lambda operation: None

    run("backfill", "--prefix", "in/", "--yes", "--restart")

    assert len(backend.asked_keys()) == 33


def test_all_done_after_an_interruption_says_so(run: Run, backend: RepairBackend) -> None:
    die_after(backend, 20)
    run("backfill", "--prefix", "in/", "--yes")
    for n in range(20, 23):
        backend.storage.delete(f"in/{n:02}.jpg", None)

    done = run("backfill", "--prefix", "in/", "--yes")

    assert (done.exit_code, done.stderr.splitlines()[-1]) == (0, "all pictures are done.")


def test_nothing_there_says_so(run: Run, backend: RepairBackend) -> None:
    done = run("backfill", "--prefix", "nowhere/", "--json")

    assert (done.exit_code, done.stderr) == (0, "no pictures there.\n")
    assert json.loads(done.stdout)["pictures"] == 0


def test_what_cannot_be_copied_is_named_and_the_others_go_on(run: Run, backend: RepairBackend) -> None:
    backend.storage.refuse("copy", "InvalidObjectState", of="x/05.jpg")

    done = run("backfill", "--from", "s3://old/x/", "--yes")

    assert done.exit_code == 1
    assert "left out: S3 did not copy 'x/05.jpg' of 'old': " in done.stderr
    assert "copied 22 of 23 pictures: `" in done.stderr


def test_missing_rights_are_one_sentence(run: Run, backend: RepairBackend) -> None:
    backend.storage.refuse("copy", "AccessDenied")

    done = run("backfill", "--from", "s3://old/x/", "--yes")

    assert done.exit_code == 1
    assert "error: S3 did not copy 'x/0" in done.stderr
    assert "AccessDenied" in done.stderr


def test_progress_is_told_where_no_bar_can_be_drawn(run: Run, backend: RepairBackend) -> None:
    for n in range(2_500):
        backend.storage.put(f"many/{n:04}.jpg")

    done = run("backfill", "--prefix", "many/", "--yes")

    lines = [line for line in done.stderr.splitlines() if line.startswith("asking: ")]
    assert lines == ["asking: 1,000 of 2,500 pictures", "asking: 2,000 of 2,500 pictures"]
