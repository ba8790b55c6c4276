"""Uploads during a backfill: how long a new picture takes while thousands of others are labelled."""

from __future__ import annotations

import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.report import Figure, Report
from integration_tests.command import command_on
from integration_tests.pictures import picture
from integration_tests.stack import DeployedStack, LocalRekognition, wait_for
from labelstack.clouds import EmbeddedCloud
from labelstack.engines import InProcessEngine

PROJECT = Path(__file__).parent.parent
PICTURES = 10_000
SAMPLES = 30
TPS, DELAY_MS = 20, 100
SETTINGS = {
    "labelstack:detectors": "labels",
    "labelstack:imageProperties": "false",
    "labelstack:rekognitionTps": str(TPS),
    "labelstack:website": "none",
    "labelstack:api": "none",
}


def measure(pictures: int = PICTURES) -> Report:
    """Upload single pictures before and during a backfill, which is ended when enough of them were measured."""
    with (
        tempfile.TemporaryDirectory(prefix="labelstack-bench-") as folder,
        EmbeddedCloud.start(Path(folder) / "embedded", rekognition_arguments=["--tps", str(TPS)]) as cloud,
    ):
        engine = InProcessEngine(PROJECT, cloud, Path(folder) / "stacks")
        stack = DeployedStack(cloud, engine.up("local", SETTINGS).outputs)
        rekognition = LocalRekognition(cloud.rekognition_url, cloud.owner_token)
        rekognition.set_rules([{"labels": ["Bulk", "Box"], "delayMs": DELAY_MS}])
        _put_without_events(stack, pictures)
        usual_s = _upload_one_by_one(stack, "usual")
        backfill = command_on(stack, Path(folder) / "command").start("backfill", "--prefix", "old/", "--yes")
        try:
            begun = wait_for("the backfill", lambda: _labeled(stack), lambda done: done >= 10, timeout_s=120)
            started = time.perf_counter()
            during_s = _upload_one_by_one(stack, "during")
            pace = (_labeled(stack) - begun - SAMPLES) / (time.perf_counter() - started)
            is_running = backfill.poll() is None
        finally:
            backfill.kill()
            backfill.wait()
        engine.destroy("local")
    usual, during = statistics.median(usual_s), statistics.median(during_s)
    return Report(
        "backfill",
        [
            Figure("upload to result, p50", usual, "s", note=f"a call takes {DELAY_MS} ms"),
            Figure("the same during a backfill", during, "s", note=f"of {pictures} pictures, quota {TPS} calls/s"),
            Figure("during ÷ usual", during / usual, "times", at_most=2),
            Figure("pace of the backfill", pace, "pictures/s"),
            Figure("it ran until the last upload", int(is_running), "", exactly=1),
        ],
    )


def _put_without_events(stack: DeployedStack, pictures: int) -> None:
    """Put older pictures, of whose events the stack knows nothing."""
    s3, bucket = stack.client("s3"), stack.outputs["uploadBucket"]
    notification = s3.get_bucket_notification_configuration(Bucket=bucket)
    notification.pop("ResponseMetadata")
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    body = picture("old")
    with ThreadPoolExecutor(8) as pool:  # JPEGs end where they end: what comes after makes the bytes different
        list(
            pool.map(
                lambda n: s3.put_object(Bucket=bucket, Key=f"old/{n:05}.jpg", Body=body + str(n).encode()),
                range(pictures),
            )
        )
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=notification)


def _labeled(stack: DeployedStack) -> int:
    pages = stack.client("dynamodb").get_paginator("query")
    query = {"TableName": stack.outputs["resultsTable"], "IndexName": "gsi2", "Select": "COUNT"}
    counts = pages.paginate(
        **query, KeyConditionExpression="gsi2pk = :s", ExpressionAttributeValues={":s": {"S": "STATUS#LABELED"}}
    )
    return sum(int(page["Count"]) for page in counts)


def _upload_one_by_one(stack: DeployedStack, folder: str) -> list[float]:
    seconds = []
    for n in range(SAMPLES + 1):
        body = picture(f"{folder} {n}", width=640, height=480)
        started = time.perf_counter()
        stack.wait_for_result(stack.upload(f"{folder}/{n}.jpg", body))
        seconds.append(time.perf_counter() - started)
    return seconds[1:]  # the first one may start a worker
