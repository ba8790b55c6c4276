"""A job's record: where it goes on, and that it is whole whenever the process dies."""

from __future__ import annotations

from pathlib import Path

import pytest

from labelstack.errors import StateError
from labelstack.repair.jobs import Job, Progress

NOW = "2026-11-21T12:00:00.000Z"


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path / "jobs", "backfill", {"stack": "a", "prefix": "x/"})


def test_begins_at_the_start(job: Job) -> None:
    assert (job.is_begun, job.resume(NOW)) == (False, Progress(NOW, "", 0))


def test_goes_on_where_it_was(job: Job, tmp_path: Path) -> None:
    job.save(Progress(NOW, "ü +.jpg", 20))

    again = Job(tmp_path / "jobs", "backfill", {"prefix": "x/", "stack": "a"})

    assert (again.is_begun, again.resume("later")) == (True, Progress(NOW, "ü +.jpg", 20))


def test_begins_anew_when_it_was_finished(job: Job) -> None:
    job.save(Progress(NOW, "a.jpg", 1))
    job.finish()

    assert job.resume("later") == Progress("later")


def test_finishing_what_never_began_is_no_error(job: Job) -> None:
    job.finish()

    assert not job.is_begun


@pytest.mark.parametrize(
    ("name", "options"),
    [("reprocess", {"stack": "a", "prefix": "x/"}), ("backfill", {"stack": "b", "prefix": "x/"}), ("backfill", {})],
)
def test_other_options_are_another_job(job: Job, tmp_path: Path, name: str, options: dict[str, str]) -> None:
    job.save(Progress(NOW, "a.jpg", 1))

    assert not Job(tmp_path / "jobs", name, options).is_begun


@pytest.mark.parametrize("content", ["", "{", "[]", '{"done": 1}', '{"started_at": "x", "unknown": 1}', "\ud800"])
def test_record_that_cannot_be_read_says_what_to_do(job: Job, content: str) -> None:
    job.file.parent.mkdir()
    job.file.write_bytes(content.encode(errors="surrogatepass"))

    with pytest.raises(StateError, match=r"cannot read the job's record .*backfill-.*json .*: remove it to start"):
        job.resume(NOW)


def test_record_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "jobs").write_text("a file, where a folder should be")

    with pytest.raises(StateError, match="the job's progress cannot be written to"):
        Job(tmp_path / "jobs", "backfill", {}).save(Progress(NOW))


def test_record_is_replaced_as_a_whole(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    job.save(Progress(NOW, "a.jpg", 1))

    def dies(self: Path, target: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", dies)
    with pytest.raises(KeyboardInterrupt):
        job.save(Progress(NOW, "b.jpg", 2))

    assert job.resume(NOW) == Progress(NOW, "a.jpg", 1)
