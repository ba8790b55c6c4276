"""A stack's API, page and guests, and the settings that choose them."""

import json
from typing import Any

import pytest

from settings import SettingsError, parse
from tests.recording import Record, Resource, record_stack

LEAST = {"name": "pictures", "protectData": "false"}
EMULATOR = {
    "labelstack:publicEndpoint": "http://127.0.0.1:4566",
    "labelstack:websiteEndpoint": "http://127.0.0.1:8081/{bucket}",
}


def record_front(**changes: str) -> Record:
    """Record dev; with changes, without a third of its resources that neither API nor page knows of."""
    others = dict.fromkeys(("monitoring", "notifications", "resultsBucket"), "false") if changes else {}
    return record_stack("dev", {f"labelstack:{key}": value for key, value in (others | changes).items()})


def page(recorded: Record, key: str) -> Any:
    """Return the page's settings."""
    objects: list[Resource] = recorded.of("aws:s3/bucketObjectv2:BucketObjectv2")
    return next(o.inputs["content"] for o in objects if o.inputs["key"] == key)


def refusal(**values: str) -> str:
    """Return the one problem of the settings."""
    with pytest.raises(SettingsError) as caught:
        parse(LEAST | values)
    _, sentence = str(caught.value).splitlines()
    return sentence.strip()


def test_dev_has_a_page_over_https_and_an_api_with_a_key() -> None:
    recorded = record_front()

    assert recorded.outputs["websiteUrl"] == "https://labelstack-site-0a1b2c3.cloudfront.net/"
    assert recorded.outputs["websiteBucket"] == "labelstack-site-0a1b2c3"
    assert recorded.outputs["apiUrl"].startswith("https://api.execute-api.")
    assert recorded.outputs["apiKeyId"] == "labelstack-api-0a1b2c3"
    assert recorded.outputs["apiAccess"] == "api_key"
    assert "identityPoolId" not in recorded.outputs


def test_local_has_addresses_of_the_emulator() -> None:
    outputs = record_stack("local", EMULATOR).outputs

    assert outputs["apiUrl"] == "http://127.0.0.1:4566/_aws/execute-api/labelstack-api-0a1b2c3/v1"
    assert outputs["websiteUrl"] == "http://127.0.0.1:8081/labelstack-site-0a1b2c3/"


def test_page_knows_the_api_and_reaches_nothing_else() -> None:
    recorded = record_stack("local", EMULATOR)

    assert json.loads(page(recorded, "config.json"))["apiUrl"] == recorded.outputs["apiUrl"]
    assert "connect-src 'self' blob: http://127.0.0.1:4566;" in page(recorded, "index.html")


def test_api_and_bucket_let_the_site_in_and_the_origins_asked_for() -> None:
    recorded = record_front(allowedOrigins="http://localhost:3000")

    origins = ["https://labelstack-site-0a1b2c3.cloudfront.net", "http://localhost:3000"]
    for bucket in ("uploads", "previews"):
        cors = recorded.single("aws:s3/bucketCorsConfiguration:BucketCorsConfiguration", f"labelstack-{bucket}-cors")
        assert [rule["allowedOrigins"] for rule in cors.inputs["corsRules"]] == [origins]
    variables = recorded.single("aws:lambda/function:Function", "labelstack-api-results").inputs["environment"][
        "variables"
    ]
    assert variables["ALLOWED_ORIGIN"] == ",".join(origins)


def test_visitors_with_a_key_may_delete() -> None:
    assert json.loads(page(record_front(), "config.json"))["canDelete"] is True
    assert json.loads(page(record_front(apiAccess="open"), "config.json"))["canDelete"] is False


def test_page_can_work_without_an_api() -> None:
    recorded = record_front(api="none", apiAccess="open", guestAccess="true", siteMode="guest")

    config = json.loads(page(recorded, "config.json"))
    assert config["mode"] == "guest"
    assert config["identityPoolId"] == recorded.outputs["identityPoolId"]
    assert config["uploadBucket"] == recorded.outputs["uploadBucket"]
    assert config["resultsTable"] == recorded.outputs["resultsTable"]
    assert "apiUrl" not in recorded.outputs


def test_api_can_be_there_without_a_page() -> None:
    recorded = record_front(website="none", apiAccess="iam", api="http")

    assert "websiteUrl" not in recorded.outputs
    assert "corsConfiguration" not in recorded.single("aws:apigatewayv2/api:Api").inputs
    assert not recorded.of("aws:s3/bucketCorsConfiguration:BucketCorsConfiguration")


def test_the_accounts_log_role_is_nobodys_unless_the_settings_say_so() -> None:
    assert not record_front().of("aws:apigateway/account:Account")
    assert not record_front(apiLogRole="account").of("aws:apigateway/account:Account")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            {"api": "http", "apiAccess": "api_key"},
            'labelstack:apiAccess is "api_key": expected open or iam, because an API of kind http has no keys.',
        ),
        (
            {"api": "http"},
            'labelstack:apiAccess is "api_key": expected open or iam, because an API of kind http has no keys.',
        ),
        (
            {"onCostBound": "pause", "monitoring": "true"},
            'labelstack:onCostBound is "pause": expected alarm, or labelstack:dailyCostBoundUsd and '
            "labelstack:monitoring true for what pauses.",
        ),
        (
            {"api": "rest", "apiAccess": "open", "apiDailyQuota": "1000"},
            "labelstack:apiDailyQuota is 1000: expected none, or labelstack:apiAccess api_key, as a quota is a key's.",
        ),
        (
            {"api": "http", "apiAccess": "iam", "apiRequestsPerAddress": "300"},
            "labelstack:apiRequestsPerAddress is 300: expected none, or labelstack:api rest, as AWS WAF takes no API "
            "of kind http.",
        ),
        (
            {"api": "rest", "apiAccess": "open", "guestAccess": "true"},
            'labelstack:apiAccess is "open": expected api_key or iam, or labelstack:guestAccess false, '
            "as an open API shows everybody the pictures of all guests.",
        ),
        (
            {"website": "s3"},
            'labelstack:website is "s3": expected none, or labelstack:api rest or http for the page to work with.',
        ),
        (
            {"website": "s3", "api": "rest", "apiAccess": "iam"},
            'labelstack:apiAccess is "iam": expected open or api_key, as the page does not sign its requests.',
        ),
        (
            {"website": "s3", "siteMode": "guest"},
            'labelstack:siteMode is "guest": expected api, or labelstack:guestAccess true.',
        ),
        ({"api": "graphql"}, 'labelstack:api is "graphql": expected none, rest or http.'),
        (
            {"allowedOrigins": "https://example.org/"},
            "expected a web origin such as https://example.org.",
        ),
        (
            {"allowedOrigins": "*"},
            "expected a web origin such as https://example.org.",
        ),
        (
            {"websiteEndpoint": "http://localhost:4566"},
            "expected an http or https URL with {bucket} in it.",
        ),
        (
            {"apiThrottleRate": "0"},
            'labelstack:apiThrottleRate is "0": expected a number above 0 and up to 10000.',
        ),
        (
            {"apiStage": "v 1"},
            'labelstack:apiStage is "v 1": expected letters, digits, hyphens and underscores, as v1.',
        ),
    ],
)
def test_settings_that_cannot_work_are_refused(values: dict[str, str], said: str) -> None:
    assert said in refusal(**values)
