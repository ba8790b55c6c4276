"""Repairs find and mend what went wrong, and double nothing, even after kill -9.

The tests have a stack of their own, since they lose events, remove rows and change settings under it.
"""

from __future__ import annotations

import io
import json
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from PIL import ExifTags, Image

from integration_tests import lanes
from integration_tests.command import Command, command_on
from integration_tests.conftest import FASTER_FAILURES, PROJECT
from integration_tests.lanes import Engine, Lane
from integration_tests.pictures import encoded, picture
from integration_tests.running import RunningCloud
from integration_tests.stack import DeployedStack, LocalRekognition, Uploaded, wait_for

SETTINGS = {
    "name": "repairs",
    "detectors": "labels",
    "imageProperties": "false",
    "api": "none",
    "website": "none",
    "previews": "false",
    "monitoring": "false",
    "notifications": "false",
}
GRACE_S = 10
# A command that is killed has done some of many pictures, and would need seconds for the others.
MANY, SOME, SLOWLY = 20, 6, ("--rate", "3")
DENIED = {"error": {"code": "AccessDeniedException", "message": "User is not authorized", "status": 400}}
BROKEN = {"error": {"code": "InternalServerError", "message": "Internal error", "status": 500}}
NOTHING_ELSE: dict[str, list[Any]] = {"faces": [], "moderation": [], "text": []}
# Calls are counted: a busy machine that looked at the pixels would throttle some, which are made again.
ANSWERS: list[dict[str, Any]] = [{"labels": ["Lamp"], **NOTHING_ELSE}]


class Workshop:
    """The stack, and what can go wrong with it."""

    def __init__(self, stack: DeployedStack, rekognition: LocalRekognition, engine: Engine, name: str) -> None:
        self.stack = stack
        self.rekognition = rekognition
        self._engine = engine
        self._name = name

    @property
    def bucket(self) -> str:
        """Return the upload bucket."""
        return str(self.stack.outputs["uploadBucket"])

    def deploy_with(self, **changed: str) -> None:
        """Deploy other settings on the same resources."""
        outputs = self._engine.up(self._name, _config({**SETTINGS, **changed})).outputs
        assert outputs["uploadBucket"] == self.bucket

    @contextmanager
    def losing_events(self) -> Iterator[None]:
        """Lose all events of the bucket inside the block."""
        s3 = self.stack.client("s3")
        configuration = s3.get_bucket_notification_configuration(Bucket=self.bucket)
        configuration.pop("ResponseMetadata")
        assert configuration
        s3.put_bucket_notification_configuration(Bucket=self.bucket, NotificationConfiguration={})
        try:
            yield
        finally:
            s3.put_bucket_notification_configuration(Bucket=self.bucket, NotificationConfiguration=configuration)

    def forget(self, key: str) -> None:
        """Remove a picture's rows from the table."""
        dynamodb, table = self.stack.client("dynamodb"), self.stack.outputs["resultsTable"]
        for sk in ["META", *(f"LABEL#{label.lower()}" for label in self.stack.label_entries(key))]:
            dynamodb.delete_item(TableName=table, Key={"pk": {"S": f"IMAGE#{key}"}, "sk": {"S": sk}})
        assert self.stack.label_entries(key) == {}

    def forget_terms(self, key: str) -> None:
        """Reduce a result to the attributes that an older version wrote."""
        dynamodb, table = self.stack.client("dynamodb"), self.stack.outputs["resultsTable"]
        for term in self.stack.terms(key):
            place = {"pk": {"S": f"IMAGE#{key}"}, "sk": {"S": f"TERM#{term}"}}
            dynamodb.delete_item(TableName=table, Key=place)
        place = {"pk": {"S": f"IMAGE#{key}"}, "sk": {"S": "META"}}
        fingerprint = dynamodb.get_item(TableName=table, Key=place)["Item"]["fingerprint"]["S"].partition(".")[0]
        dynamodb.update_item(
            TableName=table,
            Key=place,
            UpdateExpression="REMOVE #terms, #capture SET fingerprint = :detectors",
            ExpressionAttributeNames={"#terms": "terms", "#capture": "capture"},
            ExpressionAttributeValues={":detectors": {"S": fingerprint}},
        )

    def empty_table(self) -> None:
        """Remove every row: a transaction of an emulator may take the longer, the more there are."""
        dynamodb, table = self.stack.client("dynamodb"), self.stack.outputs["resultsTable"]
        rows = [{"pk": {"S": row["pk"]}, "sk": {"S": row["sk"]}} for row in self.stack.everything()]
        for start in range(0, len(rows), 25):  # the most that DynamoDB takes at once
            requests = [{"DeleteRequest": {"Key": key}} for key in rows[start : start + 25]]
            assert dynamodb.batch_write_item(RequestItems={table: requests})["UnprocessedItems"] == {}

    def upload_many(self, folder: str, count: int) -> list[Uploaded]:
        """Upload pictures whose bytes differ from each other, and from those of other runs."""
        run = time.monotonic_ns()
        return [self.stack.upload(f"{folder}{n:03}.jpg", picture(f"{n} {run}")) for n in range(count)]

    def calls_of(self, folder: str) -> dict[str, Mapping[str, int]]:
        """Count the calls of each operation on each picture of a folder."""
        start = f"{self.bucket}/{folder}"
        calls = self.rekognition.calls()["images"]
        return {
            f"{folder}{image.removeprefix(start)}": counts for image, counts in calls.items() if image.startswith(start)
        }

    def results_of(self, folder: str) -> dict[str, dict[str, Any]]:
        """Read the table's result of each picture of a folder, in one request."""
        return {
            item["key"]: item
            for item in self.stack.everything()
            if item["sk"] == "META" and str(item.get("key", "")).startswith(folder)
        }

    def statuses_of(self, folder: str) -> dict[str, str]:
        """Read the status of each picture of a folder."""
        return {key: result["status"] for key, result in self.results_of(folder).items()}

    def versions_of(self, folder: str, bucket: str | None = None) -> list[str]:
        """Return the key of each version in a bucket."""
        pages = self.stack.client("s3").get_paginator("list_object_versions")
        page_iterator = pages.paginate(Bucket=bucket or self.bucket, Prefix=folder)
        return [version["Key"] for page in page_iterator for version in page.get("Versions", [])]


def _config(settings: Mapping[str, str]) -> dict[str, str]:
    return {**FASTER_FAILURES, **{f"labelstack:{key}": value for key, value in settings.items()}}


@pytest.fixture(scope="module")
def workshop(
    lane: Lane,
    running: RunningCloud,
    session_rekognition: LocalRekognition,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Workshop]:
    """Yield the program as one more stack, which can be deployed again."""
    engine = lanes.engine_for(lane.engine, PROJECT, running.cloud, tmp_path_factory.mktemp("repairs"))
    try:
        outputs = engine.up(lane.stack, _config(SETTINGS)).outputs
        yield Workshop(DeployedStack(running.cloud, outputs), session_rekognition, engine, lane.stack)
    finally:
        session_rekognition.set_rules([])
        if running.is_running():
            engine.destroy(lane.stack)


@pytest.fixture
def folder(workshop: Workshop) -> Iterator[str]:
    """Yield a folder that no other test uses."""
    workshop.rekognition.set_rules(ANSWERS)
    yield f"uploads/{uuid.uuid4().hex[:8]}/"
    workshop.empty_table()


@pytest.fixture
def run(workshop: Workshop, tmp_path: Path) -> Command:
    """Return the command on the stack."""
    return command_on(workshop.stack, tmp_path / "command")


@pytest.fixture
def elsewhere(workshop: Workshop) -> Iterator[str]:
    """Yield another bucket."""
    s3, name = workshop.stack.client("s3"), f"elsewhere-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=name)
    yield name
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=name):
        for entry in page.get("Contents", []):
            s3.delete_object(Bucket=name, Key=entry["Key"])
    s3.delete_bucket(Bucket=name)


def lines(done: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def kill_when(command: subprocess.Popen[bytes], what: str, count: Callable[[], int], least: int, end: int) -> None:
    """Kill -9 as soon as so much is done; it must not be all."""
    try:
        reached = wait_for(what, count, lambda done: done >= least)
        assert command.poll() is None, "it has ended before it could be killed"
    finally:
        command.kill()
        command.wait()
    assert reached < end


def noted(folder: Path) -> int:
    """Return the number of done pictures in the only job's record."""
    return sum(json.loads(record.read_text())["done"] for record in folder.glob("command/jobs/*.json"))


# --- reconcile


def test_what_is_missing_stale_or_orphaned_is_found_and_mended(workshop: Workshop, folder: str, run: Command) -> None:
    stack = workshop.stack

    def key(name: str) -> str:
        return f"{folder}{name} ü+\x01.jpg"

    names = ["kept", "forgotten", "replaced", "removed"]
    stack.wait_for_results([stack.upload(key(name), picture(f"{folder} {name}")) for name in names])
    workshop.forget(key("forgotten"))
    with workshop.losing_events():
        never = stack.upload(key("never"), picture(f"{folder} never"))
        replaced = stack.upload(key("replaced"), picture(f"{folder} replaced by"))
        stack.delete(key("removed"))
    stack.wait_until_quiet()

    reconciled = run("reconcile", "--prefix", folder, "--grace", "0", "--json")

    assert reconciled.exit_code == 1, reconciled.stderr
    assert {(finding["kind"], finding["key"]) for finding in lines(reconciled)} == {
        ("MISSING", key("forgotten")),
        ("MISSING", key("never")),
        ("STALE", key("replaced")),
        ("ORPHANED", key("removed")),
    }
    assert "2 MISSING, 1 ORPHANED, 1 STALE" in reconciled.stderr

    fixed = run("reconcile", "--prefix", folder, "--grace", "0", "--fix")
    assert (fixed.exit_code, "requested 4 pictures" in fixed.stderr) == (0, True), fixed.stderr
    assert [result["status"] for result in stack.wait_for_results([never, replaced])] == ["LABELED", "LABELED"]
    stack.wait_until_quiet()

    again = run("reconcile", "--prefix", folder, "--grace", "0", "--fix", "--json")
    assert (again.exit_code, again.stdout, again.stderr) == (0, "", "bucket and table agree.\n")
    statuses = workshop.statuses_of(folder)
    assert statuses == {
        **{key(name): "LABELED" for name in ("kept", "forgotten", "replaced", "never")},
        key("removed"): "DELETED",
    }
    assert stack.label_entries(key("removed")) == {}
    calls = {name: workshop.calls_of(folder)[key(name)]["DetectLabels"] for name in (*names, "never")}
    # The forgotten pictures are known content.
    assert calls == {"kept": 1, "forgotten": 1, "replaced": 2, "removed": 1, "never": 1}


def test_nothing_false_is_said_during_a_burst(workshop: Workshop, folder: str, run: Command) -> None:
    stack = workshop.stack
    started = time.monotonic()
    settled = workshop.upload_many(folder, 20)
    stack.wait_for_results(settled)
    # On a busy machine a picture takes longer, and an emulator's conflicting transactions are retried later.
    grace_s = max(GRACE_S, round(3 * (time.monotonic() - started)))
    with workshop.losing_events():
        stack.upload(f"{folder}young.jpg", picture(f"{folder} young"))
    young = run("reconcile", "--prefix", folder, "--grace", "600", "--json")
    assert (young.exit_code, young.stdout, "1 picture on the way" in young.stderr) == (0, "", True), young.stderr
    stack.wait_for_result(stack.upload(f"{folder}young.jpg", picture(f"{folder} young")))
    ready_at = datetime.now(UTC) + timedelta(seconds=grace_s + 1)
    wait_for("the pictures to be older than the grace", lambda: datetime.now(UTC), lambda now: now > ready_at)
    reconciled: list[Result] = []

    def upload_replace_and_delete(n: int) -> None:
        stack.upload(f"{folder}new-{n:03}.jpg", picture(f"{folder} new {n}"))
        if n % 2:
            stack.upload(settled[n].key, picture(f"{folder} replaced {n}"))
        elif n % 4:
            stack.delete(settled[n].key)
        if n % 5 == 4:  # the burst lasts as long as four reconciles
            wait_for("a reconcile", lambda: len(reconciled), lambda ended: ended > n // 5)

    with ThreadPoolExecutor(1) as pool:
        burst = pool.submit(lambda: [*map(upload_replace_and_delete, range(20))])
        while not burst.done() or not reconciled:
            reconciled.append(run("reconcile", "--prefix", folder, "--grace", str(grace_s), "--fix", "--json"))
        burst.result()

    outputs = [(done.exit_code, done.output) for done in reconciled]
    assert {(done.exit_code, done.stdout) for done in reconciled} == {(0, "")}, outputs
    stack.wait_until_quiet()
    after = run("reconcile", "--prefix", folder, "--grace", "0", "--json")
    assert (after.exit_code, after.stdout) == (0, ""), after.stderr
    calls = [counts["DetectLabels"] for counts in workshop.calls_of(folder).values()]
    # 20 pictures, the young one, 20 new ones, and 10 that were replaced: each version once.
    assert (sum(calls), len(calls)) == (51, 41)


@pytest.mark.needs("iam_enforced")
def test_result_that_the_results_bucket_refused_is_found_and_mended(
    workshop: Workshop, folder: str, run: Command
) -> None:
    stack, s3, bucket = workshop.stack, workshop.stack.client("s3"), workshop.stack.outputs["resultsBucket"]
    policy = s3.get_bucket_policy(Bucket=bucket)["Policy"]
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [deny]}))
    try:
        uploaded = stack.upload(f"{folder}a.jpg", picture(folder))
        stack.wait_for_result(uploaded)
        wait_for(
            "an announcement that fails",
            lambda: stack.result(uploaded.key) or {},
            lambda item: item.get("gsi1pk") == "UNANNOUNCED",
        )

        reconciled = run("reconcile", "--prefix", folder, "--grace", "0", "--json")

        assert {(finding["kind"], finding["key"]) for finding in lines(reconciled)} == {
            ("UNANNOUNCED", uploaded.key)
        }, reconciled.stderr
    finally:
        s3.put_bucket_policy(Bucket=bucket, Policy=policy)

    run("reconcile", "--prefix", folder, "--grace", "0", "--fix")

    stack.wait_until_announced(uploaded.key)
    assert workshop.versions_of(f"results/{folder}", bucket) == [f"results/{uploaded.key}/{uploaded.version_id}.json"]
    # The event itself may be hidden in a queue for some minutes more: the other tests wait for empty ones.
    for name in ("queueUrl", "deadLetterQueueUrl"):
        stack.client("sqs").purge_queue(QueueUrl=stack.outputs[name])


# --- backfill


def test_foreign_bucket_is_backfilled_once_though_killed(
    workshop: Workshop, folder: str, run: Command, elsewhere: str
) -> None:
    stack, count = workshop.stack, MANY
    names = [f"2019/{n % 7}/{n:02} ü+&=.jpg" for n in range(count)]
    for name in names:
        stack.client("s3").put_object(Bucket=elsewhere, Key=f"photos/{name}", Body=picture(f"{folder} {name}"))
    stack.client("s3").put_object(Bucket=elsewhere, Key="photos/2019/", Body=b"")
    stack.client("s3").put_object(Bucket=elsewhere, Key="private/x.jpg", Body=picture(f"{folder} x"))
    arguments = ["backfill", "--from", f"s3://{elsewhere}/photos/", "--to", folder]

    unanswered = run(*arguments)
    assert unanswered.exit_code == 1
    price = "about $0.02 of Rekognition at most and less than $0.01 of S3 requests"
    assert f"{count} pictures, 1 detector: {price}" in unanswered.stderr
    assert workshop.versions_of(folder) == []

    killed = run.start(*arguments, "--yes", *SLOWLY)
    kill_when(killed, "copies", lambda: len(workshop.versions_of(folder)), SOME, count)
    done = run(*arguments, "--yes")

    assert (done.exit_code, "continuing after" in done.stderr) == (0, True), done.stderr
    assert sorted(workshop.versions_of(folder)) == sorted(folder + name for name in names)
    labeled = {folder + name: "LABELED" for name in names}
    wait_for("the results", lambda: workshop.statuses_of(folder), lambda statuses: statuses == labeled)
    stack.wait_until_quiet()
    assert workshop.calls_of(folder) == {key: {"DetectLabels": 1} for key in labeled}

    again = run(*arguments, "--yes")
    assert f"copied 0 of {count} pictures; the others were there" in again.stderr
    assert len(workshop.versions_of(folder)) == count


def test_pictures_that_were_there_before_are_labeled_once_though_killed(
    workshop: Workshop, folder: str, run: Command, tmp_path: Path
) -> None:
    stack, count = workshop.stack, MANY
    with workshop.losing_events():
        uploaded = workshop.upload_many(folder, count)
    assert workshop.statuses_of(folder) == {}
    arguments = ["backfill", "--prefix", folder, "--yes"]

    killed = run.start(*arguments, *SLOWLY)
    kill_when(killed, "some that were asked for", lambda: noted(tmp_path), SOME, count)
    stack.wait_until_quiet()
    done = run(*arguments)

    assert (done.exit_code, f"requested {count} pictures" in done.stderr) == (0, True), done.stderr
    assert {result["status"] for result in stack.wait_for_results(uploaded)} == {"LABELED"}
    stack.wait_until_quiet()
    assert workshop.calls_of(folder) == {upload.key: {"DetectLabels": 1} for upload in uploaded}
    run(*arguments)
    stack.wait_until_quiet()
    assert sum(counts["DetectLabels"] for counts in workshop.calls_of(folder).values()) == count


# --- redrive


def test_failures_are_told_with_their_reason_and_tried_again_by_code(
    workshop: Workshop, folder: str, run: Command
) -> None:
    stack = workshop.stack
    workshop.rekognition.set_rules(
        [
            {"match": {"key": f"{folder}denied.jpg"}, **DENIED},
            {"match": {"key": f"{folder}broken.jpg"}, **BROKEN},
            *ANSWERS,
        ]
    )
    denied, broken = (stack.upload(f"{folder}{name}.jpg", picture(f"{folder} {name}")) for name in ("denied", "broken"))
    stack.wait_for_results([denied, broken])

    shown = run("redrive", "--prefix", folder, "--dry-run", "--json")

    assert {line["key"]: line["code"] for line in lines(shown)} == {
        denied.key: "REKOGNITION_ACCESS_DENIED",
        broken.key: "REKOGNITION_ERROR",
    }
    assert all(line["message"].endswith(".") for line in lines(shown))
    reconciled = run("reconcile", "--prefix", folder, "--grace", "0", "--json")
    assert (reconciled.exit_code, {line["kind"] for line in lines(reconciled)}) == (1, {"FAILED"})

    workshop.rekognition.set_rules(ANSWERS)
    run("redrive", "--prefix", folder, "--code", "REKOGNITION_ACCESS_DENIED")
    wait_for("its label", lambda: workshop.statuses_of(folder)[denied.key], lambda status: status == "LABELED")
    stack.wait_until_quiet()
    assert workshop.statuses_of(folder)[broken.key] == "FAILED"

    run("redrive", "--prefix", folder)
    wait_for("its label", lambda: workshop.statuses_of(folder)[broken.key], lambda status: status == "LABELED")
    assert "nothing has failed" in run("redrive", "--prefix", folder).stderr


def test_picture_that_fails_again_keeps_its_failure(workshop: Workshop, folder: str, run: Command) -> None:
    stack, key = workshop.stack, f"{folder}a.jpg"
    workshop.rekognition.set_rules([{"match": {"key": key}, **DENIED}])
    stack.wait_for_result(stack.upload(key, picture(folder)))
    stack.wait_until_announced(key)
    failed = stack.result(key)
    attempts = workshop.calls_of(folder)[key]["DetectLabels"]

    run("redrive", "--prefix", folder)
    wait_for("another attempt", lambda: workshop.calls_of(folder)[key]["DetectLabels"], lambda now: now > attempts)
    stack.wait_until_quiet()

    assert stack.result(key) == failed
    workshop.rekognition.set_rules(ANSWERS)


# --- migrate


def test_table_of_an_older_version_is_brought_up_to_date_without_a_charge(
    workshop: Workshop, folder: str, run: Command
) -> None:
    stack, key = workshop.stack, f"{folder}wombat 77.heic"
    exif = Image.Exif()
    exif[ExifTags.Base.Model] = "X100V"
    content = encoded(Image.open(io.BytesIO(picture(key))), "HEIF", exif=exif)
    stack.wait_for_result(stack.upload(key, content))
    stack.wait_until_announced(key)
    terms, calls = stack.terms(key), workshop.calls_of(folder)
    assert {"NAME#wo", "NAME#womb", "NAME#77", "CAMERA#x100v"} <= terms
    workshop.forget_terms(key)

    done = run("migrate", "--prefix", folder)

    assert "requested 1 picture:" in done.stderr
    wait_for("the terms", lambda: stack.terms(key), lambda back: back == terms)
    assert (stack.result(key) or {})["capture"] == {"camera": "X100V"}
    assert workshop.calls_of(folder) == calls
    assert "every result is up to date" in run("migrate", "--prefix", folder).stderr
    stack.delete(key)
    wait_for("the terms to go", lambda: stack.terms(key), lambda left: not left)


# --- reprocess


def test_pictures_of_a_label_are_labeled_anew(workshop: Workshop, folder: str, run: Command) -> None:
    stack = workshop.stack
    animal, others = f"{folder}animal.jpg", f"{folder}other-*"
    rules = [{"match": {"key": others}, "labels": ["Lamp"], **NOTHING_ELSE}]
    workshop.rekognition.set_rules([*rules, {"match": {"key": animal}, "labels": ["Quokka"], **NOTHING_ELSE}])
    uploaded = [stack.upload(key, picture(key)) for key in (animal, f"{folder}other-1.jpg", f"{folder}other-2.jpg")]
    stack.wait_for_results(uploaded)
    for upload in uploaded:
        stack.wait_until_announced(upload.key)
    _, *before = (stack.result(upload.key) for upload in uploaded)
    assert set(stack.label_entries(animal)) == {"Quokka"}
    workshop.rekognition.set_rules([*rules, {"match": {"key": animal}, "labels": ["Numbat"], **NOTHING_ELSE}])

    done = run("reprocess", "--label", "quokka", "--prefix", folder, "--yes")

    assert "requested 1 picture:" in done.stderr
    wait_for("the other label", lambda: set(stack.label_entries(animal)), lambda labels: labels == {"Numbat"})
    assert [stack.result(upload.key) for upload in uploaded[1:]] == before
    assert "no such picture." in run("reprocess", "--label", "quokka", "--prefix", folder, "--yes").stderr
    workshop.rekognition.set_rules(ANSWERS)


def test_older_results_are_made_anew_once_though_killed(workshop: Workshop, folder: str, run: Command) -> None:
    stack, count = workshop.stack, MANY
    uploaded = workshop.upload_many(folder, count)
    last = max(result["processedAt"] for result in stack.wait_for_results(uploaded))
    # A later time than the run's own start is its start.
    arguments = ["reprocess", "--before", "2100-01-01", "--prefix", folder, "--yes"]

    def anew() -> int:
        return sum(result["processedAt"] > last for result in workshop.results_of(folder).values())

    kill_when(run.start(*arguments, *SLOWLY), "new results", anew, SOME, count)
    stack.wait_until_quiet()
    done = run(*arguments)

    assert (done.exit_code, "continuing the run of" in done.stderr) == (0, True), done.stderr
    wait_for("all new results", anew, lambda count_now: count_now == count)
    stack.wait_until_quiet()
    assert workshop.calls_of(folder) == {upload.key: {"DetectLabels": 2} for upload in uploaded}
    assert {result["status"] for result in stack.wait_for_results(uploaded)} == {"LABELED"}
    untouched = run("reprocess", "--before", last, "--prefix", folder, "--yes")
    assert "no such picture." in untouched.stderr


def test_another_detector_is_all_that_other_settings_cost(workshop: Workshop, folder: str, run: Command) -> None:
    stack = workshop.stack
    uploaded = workshop.upload_many(folder, 12)
    stack.wait_for_results(uploaded)
    workshop.deploy_with(detectors="labels,faces")
    new = stack.wait_for_result(stack.upload(f"{folder}new.jpg", picture(f"{folder} new")))
    assert new["detectors"] == ["labels", "faces"]

    done = run("reprocess", "--settings", "--prefix", folder, "--yes")

    assert "13 pictures, 1 detector" in done.stderr  # by the outputs that the command was given
    wait_for(
        "faces of all of them",
        lambda: [result["detectors"] for result in workshop.results_of(folder).values()],
        lambda detectors: detectors == [["labels", "faces"]] * (len(uploaded) + 1),
    )
    stack.wait_until_quiet()
    each = {"DetectLabels": 1, "DetectFaces": 1}
    assert workshop.calls_of(folder) == dict.fromkeys([*(upload.key for upload in uploaded), new["key"]], each)
    run("reprocess", "--settings", "--prefix", folder, "--yes")
    stack.wait_until_quiet()
    assert workshop.calls_of(folder) == dict.fromkeys([*(upload.key for upload in uploaded), new["key"]], each)
