"""A month's cost, against sums by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from components import alarms
from handlers.labelling.metrics import Metric
from labelstack import prices, pricing
from labelstack.cli.cost import read_settings, shape_of
from labelstack.prices import Price
from labelstack.pricing import Estimate, Shape, Volumes
from settings import parse
from tests.recording import PROJECT, record_stack

TABLE = prices.load()
ANNOUNCING = ("documents", "messages", "notes of what is announced")
SMALL = Shape(
    detectors=1,
    image_properties=False,
    max_labels=10,
    memory_mb=512,
    architecture="arm64",
    api="none",
    cloudfront=False,
    monitoring=False,
    daily_cost_alarm=False,
)


def lines(estimate: Estimate) -> dict[tuple[str, str], Any]:
    """Return quantity and dollars, by service and what it is for."""
    return {(line.service, line.what): (line.quantity, pytest.approx(line.usd)) for line in estimate.lines}


def test_a_month_of_100_000_pictures() -> None:
    charges = lines(pricing.estimate(SMALL, Volumes(pictures=100_000), TABLE))

    assert charges == {
        ("Rekognition", "1 of 4 detectors"): (100_000, 100.0),
        ("Lambda", "process_image"): (100_000, 0.02),
        # 1.5 s at half a GB, at $0.0000133334.
        ("Lambda", "process_image, 512 MB"): (75_000, 1.000005),
        ("S3", "uploads"): (100_000, 0.5),
        # GET of the header, Rekognition's GET.
        ("S3", "headers, and Rekognition's reading"): (200_000, 0.08),
        ("S3", "this month's uploads"): (80, 1.84),
        ("SQS", "events: send, receive, delete"): (300_000, 0.12),
        ("SQS", "Lambda's waiting at 2 queues"): (1_296_000, 0.5184),
        # A result of 2,100 bytes (3 units), ten labels, five terms, counters of 4,000 bytes (4): twice 22, and 3 + 20 +
        # 5 in the indexes, and 3 for known content.
        ("DynamoDB", "results, labels, terms, counters, known content"): (7_500_000, 4.6875),
        ("DynamoDB", "what is stored, what is known"): (200_000, 0.025),
        # 2,100 + 3,200 + 1,250 + 2,100 bytes in the table; 2,200 + 20 x 420 + 5 x 350 in the indexes.
        ("DynamoDB", "this month's results"): (2.1, 0.525),
        ("DynamoDB", "point-in-time recovery"): (0.865, 0.173),
        ("S3", "page"): (0, 0),
        ("S3", "pictures looked at"): (0, 0),
        ("Data transfer", "answers and pictures"): (0, 0),
        ("CloudWatch", "logs"): (0.2, 0.1),
        ("CloudWatch", "metrics of the functions"): (17, 5.1),
    }


def test_the_total_is_the_sum() -> None:
    estimate = pricing.estimate(SMALL, Volumes(pictures=100_000), TABLE)

    assert estimate.total_usd == pytest.approx(114.688905)


def test_known_content_costs_no_call_no_header_and_little_time() -> None:
    estimate = pricing.estimate(SMALL, Volumes(pictures=1_000, duplicates=0.1), TABLE)

    by_name = lines(estimate)
    assert by_name["Rekognition", "1 of 4 detectors"][0] == 900
    assert by_name["S3", "headers, and Rekognition's reading"][0] == 900 * 2
    assert by_name["Lambda", "process_image, 512 MB"][0] == (900 * 1.5 + 100 * 0.15) / 2
    assert by_name["DynamoDB", "results, labels, terms, counters, known content"][0] == 1_000 * 72 + 900 * 3
    assert estimate.saved_calls == 100
    assert estimate.saved_usd == pytest.approx(0.1)


def test_image_properties_are_a_charge_of_their_own() -> None:
    shape = replace(SMALL, detectors=2, image_properties=True)

    estimate = pricing.estimate(shape, Volumes(pictures=1_000, duplicates=0.5), TABLE)

    by_name = lines(estimate)
    assert by_name["Rekognition", "2 of 4 detectors"] == (1_000, 1.0)
    assert by_name["Rekognition", "colours and quality"] == (500, 0.375)
    assert estimate.saved_calls == 1_000
    assert estimate.saved_usd == pytest.approx(1.375)


def test_the_api_and_those_who_look() -> None:
    volumes = Volumes(pictures=0, api_requests=1_000_000, page_views=1_000, picture_views=2_000)

    charges = lines(pricing.estimate(replace(SMALL, api="http", cloudfront=True), volumes, TABLE))

    assert charges["API Gateway", "API"] == (1_000_000, 1.0)
    assert charges["Lambda", "the API's functions"] == (1_000_000, 0.2)
    assert charges["Lambda", "the API's functions, 512 MB"] == (50_000, 0.66667)
    assert charges["DynamoDB", "the API's queries"] == (10_000_000, 1.25)
    assert charges["CloudFront", "page"] == (0.06, 0.0051)
    # 5 kB a request, and 800 kB a picture.
    assert charges["Data transfer", "answers and pictures"] == (6.6, 0.594)
    rest = lines(pricing.estimate(replace(SMALL, api="rest"), volumes, TABLE))
    assert rest["API Gateway", "API"] == (1_000_000, 3.5)


def test_a_workflow_is_charged_by_executions_and_their_time() -> None:
    shape = replace(SMALL, detectors=2, workflow=True, results_bucket=True)

    charges = lines(pricing.estimate(shape, Volumes(pictures=1_000_000, duplicates=0.5), TABLE))

    assert charges["EventBridge", "uploads"] == (1_000_000, 1.0)
    assert charges["Step Functions", "workflow"] == (1_000_000, 1.0)
    # Half a million with three small steps and one that asks, half a million with two small steps; at 1/16 GB.
    seconds = 500_000 * (3 * 0.15 + 1.5) + 500_000 * 2 * 0.15
    assert charges["Step Functions", "workflow, 64 MB"] == (seconds / 16, seconds / 16 * 0.00001667)
    # Start; inspect, store and notify, or inspect and notify; both detectors of the new ones.
    assert charges["Lambda", "start and steps"][0] == 1_000_000 + 500_000 * 3 + 500_000 * 2 + 500_000 * 2
    assert charges["Lambda", "start, which waits, 256 MB"][0] == seconds / 4
    assert charges["Lambda", "recognise, 512 MB"][0] == 500_000 * 2 * 1.5 / 2
    assert charges["SQS", "events: send, receive, delete"][0] == 3_000_000
    # The header, then of each detector the header and Rekognition's own GET; nothing of the known.
    assert charges["S3", "headers, and Rekognition's reading"][0] == 500_000 * (1 + 2 * 2)
    assert ("Lambda", "process_image") not in charges


def test_announcing_costs_a_document_a_message_and_a_note() -> None:
    shape = replace(SMALL, results_bucket=True, notifications=True)

    charges = lines(pricing.estimate(shape, Volumes(pictures=100_000), TABLE))

    assert charges["S3", "documents"] == (100_000, 0.5)
    assert charges["S3", "this month's documents"] == (0.21, 0.00483)
    assert charges["SNS", "messages"] == (100_000, 0.05)
    # A result of 2,100 bytes, in the table and in one index.
    assert charges["DynamoDB", "notes of what is announced"] == (600_000, 0.375)


def test_limit_of_an_address_costs_an_acl_its_rule_and_each_request() -> None:
    shape = replace(SMALL, api="rest", limits_addresses=True)

    charges = lines(pricing.estimate(shape, Volumes(pictures=0, api_requests=2_000_000), TABLE))

    waf = {what: charge for (service, what), charge in charges.items() if service == "AWS WAF"}
    assert waf == {
        "limit of an address": (1, 5.0),
        "requests of an address": (1, 1.0),
        "API, refused requests too": (2_000_000, 1.2),
    }


def test_previews_cost_their_making_and_keeping() -> None:
    plain, shape = replace(SMALL, monitoring=True), replace(SMALL, monitoring=True, previews=True)

    charges = lines(pricing.estimate(shape, Volumes(pictures=100_000), TABLE))

    assert charges["Lambda", "previews, 512 MB"] == (35_000, 0.466669)
    assert charges["S3", "previews"] == (200_000, 1.0)
    assert charges["S3", "this month's previews"] == (20, 0.46)
    assert charges["EventBridge", "uploads"] == (100_000, 0.1)
    assert charges["SQS", "Lambda's waiting at 3 queues"][0] == 1_944_000
    assert pricing.alarm_metrics(shape) == pricing.alarm_metrics(plain) + 4


def test_watching_costs_alarms_and_a_dashboard() -> None:
    charges = lines(pricing.estimate(replace(SMALL, monitoring=True), Volumes(pictures=0, mails=1_000), TABLE))

    assert charges["CloudWatch", "alarms"] == (11, 1.1)
    assert charges["CloudWatch", "dashboard"] == (1, 3.0)
    assert charges["SNS", "mails"] == (1_000, 0.02)


def test_no_picture_costs_no_more_than_waiting() -> None:
    estimate = pricing.estimate(SMALL, Volumes(pictures=0), TABLE)

    assert {(line.service, line.what) for line in estimate.lines if line.usd} == {
        ("SQS", "Lambda's waiting at 2 queues")
    }
    assert ("Rekognition", "1 of 4 detectors") in lines(estimate)


def test_each_tier_s_part_is_at_its_price() -> None:
    price = Price("p", "S", "thing", [(100, 1.0), (300, 0.5), (None, 0.1)], "", 0)

    assert [price.usd(quantity) for quantity in (0, 100, 200, 1_300)] == [0, 100, 150, pytest.approx(300)]


def test_every_assumption_is_said() -> None:
    said = " ".join(pricing.estimate(replace(SMALL, api="rest"), Volumes(pictures=1), TABLE).assumptions)

    for words in ("free tier", "72 write units", "1500 ms", "five pollers", "10 read units", "1 PUT and 1 GET"):
        assert words in said


# --- the table and the estimate against the program ------------------------------------------------------------------


def test_every_price_has_a_page_of_aws_and_ascending_tiers() -> None:
    for key, price in TABLE.prices.items():
        assert price.source.startswith("https://aws.amazon.com/"), key
        ends = [end for end, _ in price.tiers]
        assert ends[-1] is None, key
        limits = [end for end in ends if end is not None]
        assert limits == sorted(limits), key
    assert (TABLE.region, TABLE.date) == ("us-east-1", "2026-11-21")


def test_every_price_says_what_it_was_compared_with() -> None:
    for key, price in TABLE.prices.items():
        assert 0 <= price.compared_tiers <= len(price.tiers), key
        assert price.compared_with in (("copy", "quotation") if price.compared_tiers else ("",)), key


@pytest.mark.parametrize(("quantity", "compared"), [(0, True), (100, True), (101, False)])
def test_what_is_beyond_the_tiers_that_were_compared_is_not(quantity: int, compared: bool) -> None:
    price = Price("p", "S", "thing", [(100, 1.0), (None, 0.5)], "", 1, "copy")

    assert price.is_compared(quantity) is compared
    assert replace(price, compared_tiers=2).is_compared(quantity)
    assert not replace(price, compared_tiers=0).is_compared(quantity)


def test_prices_from_memory_are_named_where_they_count() -> None:
    plain = pricing.estimate(SMALL, Volumes(pictures=1_000), TABLE)
    with_properties = pricing.estimate(replace(SMALL, image_properties=True), Volumes(pictures=1_000), TABLE)

    assert plain.assumptions[-1].endswith("not with the pages themselves.")
    assert with_properties.assumptions[-1].endswith("and these with nothing: Rekognition, colours and quality.")


def test_the_daily_cost_alarm_has_the_table_s_prices() -> None:
    assert TABLE["rekognition.image"].tiers[0][1] == alarms.USD_PER_CALL
    assert TABLE["rekognition.image_properties"].tiers[0][1] == alarms.USD_PER_IMAGE_PROPERTIES


def test_metrics_are_as_many_as_the_functions_publish() -> None:
    assert len(Metric) + 1 == pricing.OWN_METRICS


@pytest.mark.parametrize("pipeline", ["queue", "workflow"])
@pytest.mark.parametrize("stack", ["dev", "local", "prod"])
def test_alarms_are_as_many_as_the_program_makes(stack: str, pipeline: str) -> None:
    changes = {"labelstack:pipeline": pipeline}
    alarm_resources = record_stack(stack, changes).of("aws:cloudwatch/metricAlarm:MetricAlarm")

    def metrics(inputs: Any) -> int:
        return sum("metric" in query for query in inputs.get("metricQueries", [])) or 1

    settings = parse({**read_settings(stack), "pipeline": pipeline})
    assert pricing.alarm_metrics(shape_of(settings)) == sum(metrics(alarm.inputs) for alarm in alarm_resources)
    if pipeline == "queue":
        assert f"({len(alarm_resources)} with an API and a cost bound)" in (PROJECT / "docs" / "aws.md").read_text()


def test_the_page_about_aws_has_the_estimate_s_numbers() -> None:
    """Compare docs/aws.md, "What it costs", with sums of a stack with the settings' defaults, rounded to cents."""
    page = (PROJECT / "docs" / "aws.md").read_text().partition("## 5.")[2].partition("## 6.")[0]
    default = replace(SMALL, memory_mb=parse({"name": "x1", "protectData": "false"})["memoryMb"])

    def usd(shape: Shape, volumes: Volumes, *beside: str) -> str:
        charged = pricing.estimate(shape, volumes, TABLE).lines
        return f"${sum(line.usd for line in charged if not line.what.startswith(beside)):.2f}"

    constant = ("this month's", "point-in-time", "metrics of the functions", "Lambda's waiting")
    pictures = Volumes(pictures=1_000)
    assert f"| {usd(default, pictures, *constant)}: Rekognition" in page
    announcing = replace(default, results_bucket=True, notifications=True)
    announced = [line for line in pricing.estimate(announcing, pictures, TABLE).lines if line.what in ANNOUNCING]
    assert f"| ${sum(line.usd for line in announced):.2f} for 1,000 pictures; mails" in page
    http, requests = replace(default, api="http"), Volumes(pictures=0, api_requests=1_000_000)
    assert f"reads, answers and logs {usd(http, requests, 'API', *constant)} more" in page
    dev = shape_of(read_settings("dev"))
    assert f"as `dev` and `prod` have it: {usd(dev, Volumes(pictures=0))} |" in page
    assert usd(shape_of(read_settings("prod")), Volumes(pictures=0)) == usd(dev, Volumes(pictures=0))
    assert f"{pricing.alarm_metrics(dev)} metrics of alarms" in page
    assert f"{pricing.OWN_METRICS} at $0.30: up to $5.10" in page
