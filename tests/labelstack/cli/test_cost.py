"""`cost`: an estimate from settings alone, and the savings of a deployed stack."""

from __future__ import annotations

import json
import time
from datetime import datetime
from typing import Any

import pytest
from click.testing import CliRunner

from labelstack import calls
from labelstack.cli.app import cli
from tests.labelstack.cli.conftest import Run
from tests.labelstack.cli.fakes import FakeBackend

NOW_MS = int(time.time() * 1000)


def emf(**values: float | list[float]) -> dict[str, Any]:
    return {"timestamp": NOW_MS, "message": json.dumps({"_aws": {}, "service": "labelstack-local", **values})}


class FakeCloudWatch:
    """Metrics with some sums."""

    def __init__(self, sums: dict[str, list[float]]) -> None:
        self.sums = sums
        self.requests: list[dict[str, Any]] = []

    def get_metric_statistics(self, **request: Any) -> dict[str, Any]:  # boto3's
        """Return a datapoint for each day that has one."""
        self.requests.append(request)
        return {"Datapoints": [{"Sum": value} for value in self.sums.get(request["MetricName"], [])]}


def test_shows_a_month_by_service_without_any_cloud(run: Run, backend: FakeBackend) -> None:
    backend.running = False

    done = run("cost", "--stack", "dev", "--pictures", "100000")

    assert done.exit_code == 0, done.output
    assert "Stack dev on AWS, prices of us-east-1 as of 2026-11-21" in done.stdout
    assert next(line for line in done.stdout.splitlines() if line.startswith("Rekognition")).endswith("$100.00")
    assert "· No free tier" in done.stdout


@pytest.mark.parametrize("columns", [40, 60])
def test_narrow_terminal_gets_a_line_for_each_charge(columns: int) -> None:
    command = ["cost", "--stack", "dev", "--pictures", "100000"]

    shown = CliRunner(env={"COLUMNS": str(columns)}).invoke(cli, command).stdout

    bill = shown[shown.index("Rekognition") : shown.index("A month: $")]
    assert "Rekognition, 1 of 4 detectors: $100.00 (100,000 picture and operation)" in " ".join(bill.split())
    assert max(map(len, bill.splitlines())) <= columns


def test_json_has_lines_that_add_up(run: Run) -> None:
    said = json.loads(run("cost", "--stack", "prod", "--duplicates", "10%", "--reads", "5000", "--json").stdout)

    assert said["totalUsd"] == pytest.approx(sum(line["usd"] for line in said["lines"]), abs=1e-4)
    assert said["saved"] == {"rekognitionCalls": 3000, "usd": 3.0}
    assert {"Rekognition", "API Gateway", "CloudFront"} <= {line["service"] for line in said["lines"]}
    assert said["assumptions"]
    assert "https://aws.amazon.com/rekognition/pricing/" in said["sources"]


def test_nothing_costs_nothing_but_what_waits_and_watches(run: Run) -> None:
    said = json.loads(run("cost", "--stack", "dev", "--pictures", "0", "--json").stdout)

    usd = {f"{line['service']}: {line['what']}": line["usd"] for line in said["lines"]}
    assert usd["Rekognition: 1 of 4 detectors"] == 0
    assert {what for what, amount in usd.items() if amount} == {
        "SQS: Lambda's waiting at 3 queues",
        "CloudWatch: alarms",
        "CloudWatch: dashboard",
    }


@pytest.mark.parametrize("part", ["0.25", "25%", " 25 %"])
def test_takes_parts_as_people_write_them(run: Run, part: str) -> None:
    said = json.loads(run("cost", "--stack", "dev", "--pictures", "100", "--duplicates", part, "--json").stdout)

    assert said["saved"]["rekognitionCalls"] == 25


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--duplicates", "110%"], "'110%' is not a share: expected 0% to 100%, or 0 to 1."),
        (["--duplicates", "many"], "'many' is not a share"),
        (["--duplicates", "nan"], "'nan' is not a share"),
        (["--pictures=-1"], "-1 is not in the range x>=0"),
        (["--average-kb=-1"], "-1.0 is not in the range x>=0"),
    ],
)
def test_wrong_volumes_are_wrong_usage(run: Run, arguments: list[str], said: str) -> None:
    done = run("cost", *arguments)

    assert done.exit_code == 2
    assert said in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--stack", "nowhere"], "there is no stack nowhere"),
        (["--stack", "dev", "--labels", "11"], "stack dev keeps 10 at most (maxLabels)"),
    ],
)
def test_what_does_not_fit_the_stack_is_an_error(run: Run, arguments: list[str], said: str) -> None:
    done = run("cost", *arguments)

    assert done.exit_code == 1
    assert said in done.stderr


def test_saved_calls_on_an_emulator_are_those_in_the_log(run: Run, backend: FakeBackend) -> None:
    backend.cloud.logs.groups["/aws/lambda/the-processor"] = [
        emf(RekognitionCalls=[6.0], RekognitionCallsSaved=[1.0, 1.0]),
        {"timestamp": NOW_MS, "message": '{"message": "RekognitionCallsSaved", "level": "INFO"}'},
        {"timestamp": NOW_MS, "message": "START RequestId: 1"},
        emf(RekognitionCallsSaved=2),
    ]

    said = json.loads(run("cost", "--saved", "--json").stdout)

    assert (said["callsMade"], said["callsSaved"], said["days"]) == (6, 4, 30)
    # Four detectors and image properties: 0.00475 a picture.
    assert said["savedUsd"] == pytest.approx(4 * 0.00475 / 4, abs=1e-4)
    assert "because embedded keeps no metrics" in said["source"]


def test_saved_calls_on_aws_are_those_of_cloudwatch(run: Run, backend: FakeBackend) -> None:
    backend.cloud.name, backend.cloud.endpoint_url = "aws", None
    backend.by_pulumi = {"uploadBucket": "b", "resultsTable": "t"}
    metrics = FakeCloudWatch({"RekognitionCalls": [10, 20], "RekognitionCallsSaved": [5, 5]})
    backend.cloud.cloudwatch = metrics

    done = run("cost", "--saved", "--days", "7", "--cloud", "aws", "--stack", "dev")

    assert "In 7 days known content saved 10 of 40 Rekognition calls (25%): $0.01 at 0.001 USD" in done.stdout
    assert "CloudWatch, namespace Labelstack, service labelstack-dev" in done.stderr
    for request in metrics.requests:
        assert request["Dimensions"] == [{"Name": "service", "Value": "labelstack-dev"}]
        assert (request["EndTime"] - request["StartTime"]).days == 7
        assert isinstance(request["EndTime"], datetime)


def test_nothing_saved_is_told(run: Run) -> None:
    done = run("cost", "--saved")

    assert "known content saved 0 of 0 Rekognition calls (0%): $0.00" in done.stdout


def test_a_broken_line_of_the_log_counts_for_nothing() -> None:
    assert calls.logged(['{"_aws": {}, "RekognitionCalls"', '{"RekognitionCalls": [9]}']) == (0, 0)
