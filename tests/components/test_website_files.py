"""The page's configuration, and the addresses that it may use."""

import json
from typing import Any

import pytest

from components.errors import ArgumentError
from components.website_files import WebsiteFiles, WebsiteFilesArgs
from tests.recording import ACCOUNT, REGION, Place, record

BUCKET = "pictures"
STORAGE = [f"https://{BUCKET}.s3.{REGION}.amazonaws.com", f"https://{BUCKET}.s3.amazonaws.com"]
COMMON: WebsiteFilesArgs = {
    "site": {"bucket_name": "site"},
    "bucket": {"name": BUCKET, "arn": f"arn:aws:s3:::{BUCKET}"},
    "table": {"name": "results", "arn": "arn:aws:dynamodb:eu-central-1:1:table/results"},
}
GUESTS: WebsiteFilesArgs = {**COMMON, "guests": {"identity_pool_id": "pool"}}


def page(args: WebsiteFilesArgs, region: str = REGION) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """Return the page's config.json, and the sources of its content security policy by directive."""
    recorded = record(lambda: WebsiteFiles("site", args), place=Place(region, ACCOUNT))
    written = {o.inputs["key"]: o.inputs["content"] for o in recorded.resources if "content" in o.inputs}
    policy = written["index.html"].partition('Content-Security-Policy" content="')[2].partition('"')[0]
    sources = {part.split()[0]: part.split()[1:] for part in policy.split("; ")}
    return json.loads(written["config.json"]), sources


def api(public_endpoint: str | None = None) -> tuple[dict[str, Any], dict[str, list[str]]]:
    url = f"{public_endpoint or 'https://api.example'}/v1"
    return page({**COMMON, "api": {"url": url, "can_delete": True}, "public_endpoint": public_endpoint})


def test_page_of_an_api_knows_its_address() -> None:
    assert api()[0] == {
        "mode": "api",
        "apiUrl": "https://api.example/v1",
        "canDelete": True,
        "minConfidence": 70,
        "maxSizeBytes": 104857600,
    }


def test_page_of_an_api_reaches_it_and_the_bucket() -> None:
    _, sources = api()

    assert sources["connect-src"] == ["'self'", "blob:", "https://api.example", *STORAGE]
    assert sources["img-src"] == ["'self'", "blob:", *STORAGE]


def test_page_of_an_api_never_has_a_key_in_it() -> None:
    assert "apiKey" not in api()[0]


def test_page_of_guests_knows_what_it_works_with() -> None:
    assert page(GUESTS)[0] == {
        "mode": "guest",
        "region": REGION,
        "dnsSuffix": "amazonaws.com",
        "identityPoolId": "pool",
        "uploadBucket": BUCKET,
        "resultsTable": "results",
        "uploadPrefix": "uploads/",
        "minConfidence": 70,
        "maxSizeBytes": 104857600,
    }


@pytest.mark.parametrize(("region", "suffix"), [(REGION, "amazonaws.com"), ("cn-north-1", "amazonaws.com.cn")])
def test_page_of_guests_reaches_these_services_and_the_bucket(region: str, suffix: str) -> None:
    config, sources = page(GUESTS, region)

    services = [f"https://{name}.{region}.{suffix}" for name in ("cognito-identity", "dynamodb")]
    storage = [f"https://{BUCKET}.s3.{region}.{suffix}", f"https://{BUCKET}.s3.{suffix}"]
    assert sources["connect-src"] == ["'self'", "blob:", *services, *storage]
    assert sources["img-src"] == ["'self'", "blob:", *storage]
    assert config["dnsSuffix"] == suffix


def test_pages_on_an_emulator_reach_it_and_nothing_else() -> None:
    here = "http://127.0.0.1:4566"

    assert api(here)[1]["connect-src"] == ["'self'", "blob:", here]
    config, sources = page({**GUESTS, "public_endpoint": here})
    assert (sources["connect-src"], sources["img-src"]) == (["'self'", "blob:", here], ["'self'", "blob:", here])
    assert config["endpoints"] == {"cognito-identity": here, "dynamodb": here, "s3": here}


@pytest.mark.parametrize("without", ["bucket", "table"])
def test_page_of_guests_needs_bucket_and_table(without: str) -> None:
    with pytest.raises(ArgumentError, match=f"WebsiteFiles site: {without} is missing: expected"):
        page({**GUESTS, without: None})  # type: ignore[misc]  # the key is one of two
