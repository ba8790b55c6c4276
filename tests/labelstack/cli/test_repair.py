"""`reconcile`, `redrive`, `reprocess` and `migrate`."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from handlers.results.search import Page
from tests.labelstack.cli.conftest import Run
from tests.labelstack.cli.fakes import OUTPUTS, make_result, refusal
from tests.labelstack.cli.repair_cloud import RepairBackend
from tests.labelstack.repair.fakes import DEAD_LETTERS, LONG_AGO, FakeQueues

AFTER_IT_BEGAN = "2100-01-01T00:00:00.000Z"


@pytest.fixture
def backend() -> RepairBackend:
    fake = RepairBackend()
    fake.sqs.date = None  # this machine's time
    return fake


def lately() -> datetime:
    return datetime.now(UTC) - timedelta(minutes=1)


def disagree(backend: RepairBackend) -> None:
    """Make bucket and table differ, in each way that a repair mends."""
    backend.storage.put("in/missing.jpg")
    backend.storage.put("in/stale.jpg", b"new")
    backend.table.put(make_result("in/stale.jpg", etag="old", processedAt="2026-11-01T00:00:00.000Z"))
    backend.table.put(make_result("in/orphaned.jpg", etag="x"))
    backend.table.put(make_result("in/silent.jpg", etag=backend.storage.put("in/silent.jpg")))
    backend.table.refused = ["in/silent.jpg"]


MENDABLE = ["in/missing.jpg", "in/orphaned.jpg", "in/silent.jpg", "in/stale.jpg"]


# --- reconcile


def test_bucket_and_table_that_agree(run: Run, backend: RepairBackend) -> None:
    backend.table.put(make_result("a.jpg", etag=backend.storage.put("a.jpg")))

    done = run("reconcile", "--fix")

    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == "bucket and table agree.\n"
    assert backend.sqs.bodies() == []


def test_what_is_wrong_is_shown_and_left(run: Run, backend: RepairBackend) -> None:
    disagree(backend)

    done = run("reconcile")

    assert done.exit_code == 1
    rows = [line.split()[:2] for line in done.stdout.splitlines() if "in/" in line]
    assert sorted(rows) == [
        ["MISSING", "in/missing.jpg"],
        ["ORPHANED", "in/orphaned.jpg"],
        ["STALE", "in/stale.jpg"],
        ["UNANNOUNCED", "in/silent.jpg"],
    ]
    assert "1 MISSING, 1 ORPHANED, 1 STALE, 1 UNANNOUNCED" in done.stderr
    assert backend.sqs.bodies() == []


def test_fix_asks_for_each(run: Run, backend: RepairBackend) -> None:
    disagree(backend)

    done = run("reconcile", "--fix")

    assert done.exit_code == 0
    assert sorted(backend.asked_keys()) == MENDABLE
    assert {event.processed_before for event in backend.requested()} == {None}
    assert "requested 4 pictures" in done.stderr


def test_picture_with_two_faults_is_asked_for_once(run: Run, backend: RepairBackend) -> None:
    disagree(backend)
    backend.table.refused = ["in/stale.jpg"]

    run("reconcile", "--fix")

    assert backend.asked_keys().count("in/stale.jpg") == 1


def test_findings_as_json_are_lines(run: Run, backend: RepairBackend) -> None:
    disagree(backend)

    done = run("reconcile", "--json")

    findings = [json.loads(line) for line in done.stdout.splitlines()]
    assert {finding["kind"]: finding["key"] for finding in findings}["MISSING"] == "in/missing.jpg"
    assert [set(finding) for finding in findings] == [{"kind", "key", "detail"}] * 4


def test_failures_are_for_redrive(run: Run, backend: RepairBackend) -> None:
    etag = backend.storage.put("a.jpg")
    backend.table.put(make_result("a.jpg", "FAILED", code="STORAGE_ERROR", etag=etag))

    done = run("reconcile", "--fix")

    assert done.exit_code == 1
    assert "1 picture FAILED: `labelstack redrive` tries them again" in done.stderr
    assert backend.sqs.bodies() == []


def test_what_is_on_its_way_is_no_fault(run: Run, backend: RepairBackend) -> None:
    backend.storage.put("a.jpg", at=lately())
    backend.sqs.put("the-queue", "{}", LONG_AGO)

    done = run("reconcile", "--fix")

    assert done.exit_code == 0
    assert done.stderr == "1 picture on the way; 1 message in the queue\neverything else agrees.\n"
    assert backend.asked_keys() == []


def test_grace_can_be_shorter(run: Run, backend: RepairBackend) -> None:
    backend.storage.put("a.jpg", at=lately())

    assert run("reconcile", "--grace", "30").exit_code == 1


def test_prefix_is_looked_at_alone(run: Run, backend: RepairBackend) -> None:
    disagree(backend)

    assert run("reconcile", "--prefix", "out/").exit_code == 0


def test_many_findings_are_cut_and_counted(run: Run, backend: RepairBackend) -> None:
    for n in range(60):
        backend.storage.put(f"{n:02}.jpg")

    done = run("reconcile")

    assert done.stdout.count("MISSING") == 50
    assert "60 MISSING (50 of them shown; all with --json)" in done.stderr


# --- redrive


@pytest.fixture
def failed(backend: RepairBackend) -> RepairBackend:
    """Return three pictures that failed, and one that did not."""
    for key, code in (("in/a.jpg", "REKOGNITION_TIMEOUT"), ("in/b.jpg", "STORAGE_ERROR"), ("c.jpg", "STORAGE_ERROR")):
        backend.table.put(make_result(key, "FAILED", code=code, message=f"{code} happened."))
    backend.table.put(make_result("fine.jpg"))
    return backend


def test_failures_are_shown_with_their_reasons_and_asked_for(run: Run, failed: RepairBackend) -> None:
    done = run("redrive")

    assert done.exit_code == 0
    assert failed.asked_keys() == ["in/a.jpg", "in/b.jpg", "c.jpg"]
    assert "REKOGNITION_TIMEOUT happened." in done.stdout
    assert "2 STORAGE_ERROR, 1 REKOGNITION_TIMEOUT" in done.stderr


def test_failures_as_json_are_lines(run: Run, failed: RepairBackend) -> None:
    first, *_ = run("redrive", "--json", "--dry-run").stdout.splitlines()

    assert json.loads(first) == {
        "key": "in/a.jpg",
        "code": "REKOGNITION_TIMEOUT",
        "message": "REKOGNITION_TIMEOUT happened.",
    }


@pytest.mark.parametrize(
    ("options", "keys"),
    [
        (["--code", "STORAGE_ERROR"], ["in/b.jpg", "c.jpg"]),
        (["--code", "STORAGE_ERROR", "--prefix", "in/"], ["in/b.jpg"]),
        (["--code", "STORAGE_ERROR", "--code", "REKOGNITION_TIMEOUT"], ["in/a.jpg", "in/b.jpg", "c.jpg"]),
        (["--prefix", "in/"], ["in/a.jpg", "in/b.jpg"]),
    ],
)
def test_code_and_prefix_choose(run: Run, failed: RepairBackend, options: list[str], keys: list[str]) -> None:
    run("redrive", *options)

    assert failed.asked_keys() == keys


def test_unknown_code_is_wrong_usage_and_names_the_codes(run: Run, failed: RepairBackend) -> None:
    done = run("redrive", "--code", "NOT_AN_IMAGE")

    assert done.exit_code == 2
    assert "'STORAGE_ERROR'" in done.stderr
    assert failed.sqs.bodies() == []


def test_dry_run_asks_for_nothing(run: Run, failed: RepairBackend) -> None:
    failed.sqs.put(DEAD_LETTERS, "left", LONG_AGO)

    done = run("redrive", "--dry-run")

    assert (done.exit_code, failed.sqs.bodies()) == (0, [])
    assert "about 1 message in the dead-letter queue" in done.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "nothing has failed.\n"),
        (["--code", "STORAGE_ERROR"], "nothing has failed with STORAGE_ERROR.\n"),
        (["--prefix", "x/"], "nothing has failed below 'x/'.\n"),
    ],
)
def test_nothing_to_redrive_says_so(run: Run, backend: RepairBackend, options: list[str], message: str) -> None:
    done = run("redrive", *options)

    assert (done.exit_code, done.stderr) == (0, message)


def test_messages_that_nobody_has_taken_are_put_back(run: Run, backend: RepairBackend) -> None:
    backend.sqs.put(DEAD_LETTERS, "left", LONG_AGO)

    done = run("redrive")

    assert (backend.sqs.bodies(), backend.sqs.bodies(DEAD_LETTERS)) == (["left"], [])
    assert "1 message put back from the dead-letter queue" in done.stderr


def test_messages_of_previews_go_back_to_the_queue_of_previews(run: Run, backend: RepairBackend) -> None:
    queues = {"previewsQueueUrl": "previews", "previewsDeadLetterQueueUrl": "previews-dead"}
    backend.deployer.deployed["local"] = {**backend.deployer.deployed["local"], **queues}
    backend.sqs.put(DEAD_LETTERS, "picture", LONG_AGO)
    backend.sqs.put("previews-dead", "preview", LONG_AGO)

    assert "about 2 messages in the dead-letter queue" in run("redrive", "--dry-run").stderr
    done = run("redrive")

    assert (backend.sqs.bodies(), backend.sqs.bodies("previews")) == (["picture"], ["preview"])
    assert backend.sqs.bodies(DEAD_LETTERS) == backend.sqs.bodies("previews-dead") == []
    assert "2 messages put back from the dead-letter queue" in done.stderr


@pytest.mark.parametrize("options", [["--code", "STORAGE_ERROR"], ["--prefix", "in/"]])
def test_a_choice_leaves_the_dead_letter_queue_alone(run: Run, failed: RepairBackend, options: list[str]) -> None:
    failed.sqs.put(DEAD_LETTERS, "left", LONG_AGO)

    run("redrive", *options)

    assert failed.sqs.bodies(DEAD_LETTERS) == ["left"]


# --- reprocess


def labeled_at(backend: RepairBackend, key: str, time: str, **more: Any) -> None:
    backend.table.put(make_result(key, processedAt=time, **more))


@pytest.fixture
def labeled(backend: RepairBackend) -> RepairBackend:
    labeled_at(backend, "in/old.jpg", "2026-10-01T00:00:00.000Z")
    labeled_at(backend, "new.jpg", "2026-11-10T00:00:00.000Z")
    backend.table.put(make_result("text.jpg", "REJECTED", processedAt="2026-10-02T00:00:00.000Z"))
    backend.table.put(make_result("failed.jpg", "FAILED", code="STORAGE_ERROR", processedAt="2026-10-02T00:00:00.000Z"))
    return backend


def matches(*keys: str, cursor: str | None = None) -> Page:
    return Page([make_result(key, processedAt="2026-10-01T00:00:00.000Z") for key in keys], cursor)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "choose pictures with --label, --before, --settings or --labels."),
        (["--prefix", "in/"], "choose pictures with --label, --before, --settings or --labels."),
        (["--labels", "--settings"], "--labels looks at every picture: leave out"),
        (["--labels", "--label", "cat"], "--labels looks at every picture: leave out"),
        (["--settings", "--before", "2026-11-01"], "--settings looks at every picture: leave out"),
        (["--settings", "--label", "cat"], "--settings looks at every picture: leave out"),
    ],
)
def test_choices_that_do_not_go_together(run: Run, backend: RepairBackend, options: list[str], message: str) -> None:
    done = run("reprocess", *options)

    assert done.exit_code == 2
    assert message in done.stderr


@pytest.mark.parametrize("time", ["yesterday", "", "2026-13-01"])
def test_time_that_is_none_says_what_is_expected(run: Run, labeled: RepairBackend, time: str) -> None:
    done = run("reprocess", "--before", time, "--yes")

    assert done.exit_code == 1
    assert (
        f"--before must be an ISO 8601 time, for example 2026-11-01 or 2026-11-01T12:00Z; got {time!r}." in done.stderr
    )


def test_by_date_older_results_are_made_anew(run: Run, labeled: RepairBackend) -> None:
    done = run("reprocess", "--before", "2026-11-01", "--yes")

    assert done.exit_code == 0
    requests = [(event.key, event.processed_before) for event in labeled.requested()]
    assert requests == [(key, "2026-11-01T00:00:00.000Z") for key in ("in/old.jpg", "text.jpg")]


def test_by_date_with_a_time_zone(run: Run, labeled: RepairBackend) -> None:
    run("reprocess", "--before", "2026-11-01T02:00+02:00", "--prefix", "in/", "--yes")

    assert [(event.key, event.processed_before) for event in labeled.requested()] == [
        ("in/old.jpg", "2026-11-01T00:00:00.000Z")
    ]


def test_by_label_all_pages_are_made_anew(run: Run, backend: RepairBackend) -> None:
    backend.table.pages = [matches("in/a.jpg", "b.jpg", cursor="next"), matches(cursor="more"), matches("in/c.jpg")]
    before = datetime.now(UTC).isoformat()

    done = run("reprocess", "--label", "cat", "--label", "pet", "--prefix", "in/", "--yes", "--json")

    assert backend.asked_keys() == ["in/a.jpg", "in/c.jpg"]
    assert all((event.processed_before or "") > before[:19] for event in backend.requested())
    assert [search["query"] for search in backend.table.searches] == ['"cat" "pet"'] * 3
    assert json.loads(done.stdout) == {"pictures": 2}


def test_by_settings_nothing_is_made_anew_that_is_known(run: Run, labeled: RepairBackend) -> None:
    done = run("reprocess", "--settings", "--yes")

    assert [(event.key, event.processed_before) for event in labeled.requested()] == [
        ("in/old.jpg", None),
        ("new.jpg", None),
        ("text.jpg", None),
    ]
    assert "at most, for those under other settings" in done.stderr


def test_rules_of_labels_are_applied_to_what_is_labeled_and_cost_nothing(run: Run, labeled: RepairBackend) -> None:
    done = run("reprocess", "--labels", "--json")

    assert [(event.key, event.labels_only) for event in labeled.requested()] == [
        ("in/old.jpg", True),
        ("new.jpg", True),
    ]
    assert json.loads(done.stdout) == {"pictures": 2}
    assert "Rekognition" not in done.stderr


@pytest.mark.parametrize("options", [["--before", "2020-01-01"], ["--label", "unicorn"]])
def test_no_such_picture(run: Run, labeled: RepairBackend, options: list[str]) -> None:
    done = run("reprocess", *options)

    assert (done.exit_code, done.stderr) == (0, "no such picture.\n")


def test_cost_is_said_and_has_to_be_wanted(run: Run, labeled: RepairBackend, tmp_path: Path) -> None:
    done = run("reprocess", "--before", "2026-11-01")

    assert done.exit_code == 1
    assert "2 pictures, 2 detectors: less than $0.01 of Rekognition at most (list prices of us-east-1, " in done.stderr
    assert "canceled: no request was sent. Use --yes to skip the question." in done.stderr
    assert labeled.sqs.bodies() == []
    assert list((tmp_path / "state").glob("jobs/*")) == []


def test_interrupted_and_run_again_it_goes_on(run: Run, backend: RepairBackend) -> None:
    for n in range(25):
        labeled_at(backend, f"{n:02}.jpg", "2026-10-01T00:00:00.000Z")

    def die(operation: str) -> None:
        if len(backend.sqs.bodies()) == 10:
            raise KeyboardInterrupt

    backend.sqs.fail = die
    assert run("reprocess", "--before", "2030-01-01", "--yes").exit_code == 130
    backend.sqs.fail = lambda operation: None
    [began] = {event.processed_before for event in backend.requested()}
    for event in backend.requested()[:4]:  # and the other six wait in the queue
        labeled_at(backend, event.key, AFTER_IT_BEGAN)

    done = run("reprocess", "--before", "2030-01-01", "--yes")

    assert done.exit_code == 0
    assert f"continuing the run of {began}" in done.stderr
    assert sorted(backend.asked_keys()[10:]) == [f"{n:02}.jpg" for n in range(4, 25)]
    assert {event.processed_before for event in backend.requested()} == {began}


def test_all_done_after_an_interruption_says_so(run: Run, backend: RepairBackend) -> None:
    labeled_at(backend, "a.jpg", "2026-10-01T00:00:00.000Z")

    def die(operation: str) -> None:
        raise KeyboardInterrupt

    backend.sqs.fail = die
    run("reprocess", "--before", "2030-01-01", "--yes")
    labeled_at(backend, "a.jpg", AFTER_IT_BEGAN)

    done = run("reprocess", "--before", "2030-01-01", "--yes")

    assert "all pictures were requested already." in done.stderr


def test_restart_forgets_the_run_that_was_interrupted(run: Run, backend: RepairBackend) -> None:
    labeled_at(backend, "a.jpg", "2025-10-01T00:00:00.000Z")

    def die(operation: str) -> None:
        raise KeyboardInterrupt

    backend.sqs.fail = die
    backend.sqs.date = "Sat, 01 Nov 2025 12:00:00 GMT"
    run("reprocess", "--before", "2030-01-01", "--yes")
    backend.sqs.fail = lambda operation: None
    backend.sqs.date = "Mon, 03 Nov 2025 12:00:00 GMT"
    labeled_at(backend, "a.jpg", "2025-11-02T00:00:00.000Z")

    done = run("reprocess", "--before", "2030-01-01", "--yes", "--restart")

    assert "continuing" not in done.stderr
    assert backend.asked_keys() == ["a.jpg"]


def test_clock_of_this_machine_is_not_gone_by(run: Run, backend: RepairBackend) -> None:
    backend.sqs.date = FakeQueues().date
    backend.table.pages = [matches("a.jpg")]
    labeled_at(backend, "b.jpg", "2026-11-21T12:00:01.000Z")

    run("reprocess", "--label", "cat", "--yes")

    assert [event.processed_before for event in backend.requested()] == ["2026-11-21T12:00:00.000Z"]


# --- all of them


@pytest.mark.parametrize(
    "arguments", [["reconcile"], ["redrive"], ["reprocess", "--settings"], ["backfill"]], ids=lambda value: value[0]
)
def test_stack_of_an_older_version_says_what_to_do(run: Run, backend: RepairBackend, arguments: list[str]) -> None:
    backend.deployer.deployed["local"] = OUTPUTS

    done = run(*arguments)

    assert done.exit_code == 1
    message = "the stack has no output queueUrl and no deadLetterQueueUrl and no detectors: deploy it with this version"
    assert message in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [["reconcile", "--fix"], ["redrive"], ["reprocess", "--before", "2030-01-01", "--yes"], ["backfill", "--yes"]],
    ids=lambda value: value[0],
)
def test_queue_that_is_gone_is_one_sentence(run: Run, backend: RepairBackend, arguments: list[str]) -> None:
    backend.storage.put("missing.jpg")
    backend.table.put(make_result("failed.jpg", "FAILED", code="STORAGE_ERROR"))
    labeled_at(backend, "old.jpg", "2026-10-01T00:00:00.000Z")

    def gone(operation: str) -> None:
        raise refusal("SendMessageBatch", "AWS.SimpleQueueService.NonExistentQueue", 400)

    backend.sqs.fail = gone

    done = run(*arguments)

    assert done.exit_code == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("error: SQS refused the requests to label pictures: ")


# --- migrate


def test_results_of_an_older_version_are_written_again_and_cost_nothing(run: Run, labeled: RepairBackend) -> None:
    labeled.table.old = ["in/old.jpg", "in/old.jpg", "new.jpg"]

    done = run("migrate", "--prefix", "in/", "--json")

    assert [(event.key, event.labels_only) for event in labeled.requested()] == [("in/old.jpg", True)]
    assert json.loads(done.stdout) == {"pictures": 1}


def test_says_that_nothing_is_left_to_migrate(run: Run, labeled: RepairBackend) -> None:
    done = run("migrate")

    assert (done.exit_code, labeled.requested()) == (0, [])
    assert "every result is up to date." in done.stderr
