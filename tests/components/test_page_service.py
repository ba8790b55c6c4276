"""What the page is told, and which addresses it may use."""

import json
from collections.abc import Callable
from typing import Any

import pulumi

from components import page_service
from components.page_service import PageService
from components.upload_bucket import UploadBucket, UploadBucketArgs
from tests.recording import REGION, record

BUCKET = "pictures-0a1b2c3"
STORAGE = [f"https://{BUCKET}.s3.{REGION}.amazonaws.com", f"https://{BUCKET}.s3.amazonaws.com"]


def made(make: Callable[[UploadBucket], PageService]) -> dict[str, Any]:
    def program() -> None:
        page = make(UploadBucket("pictures", UploadBucketArgs(protect_data=False)))
        parts = {"config": page.config, "connect": list(page.connect), "pictures": list(page.pictures)}
        pulumi.export("page", pulumi.Output.json_dumps(parts))

    page: dict[str, Any] = json.loads(record(program).outputs["page"])
    return page


def api(public_endpoint: str | None = None) -> dict[str, Any]:
    url = f"{public_endpoint or 'https://api.example'}/v1"
    return made(
        lambda uploads: page_service.through_api(
            uploads, url, can_delete=True, min_confidence=70, public_endpoint=public_endpoint
        )
    )


def guest(public_endpoint: str | None = None) -> dict[str, Any]:
    return made(
        lambda uploads: page_service.as_guest(
            uploads,
            region=REGION,
            identity_pool_id="pool",
            table_name="results",
            upload_prefix="uploads/",
            min_confidence=70,
            public_endpoint=public_endpoint,
        )
    )


def test_page_of_an_api_knows_its_address() -> None:
    assert api()["config"] == {
        "mode": "api",
        "apiUrl": "https://api.example/v1",
        "canDelete": True,
        "minConfidence": 70,
        "maxSizeBytes": 104857600,
    }


def test_page_of_an_api_reaches_it_and_the_bucket() -> None:
    page = api()

    assert page["connect"] == ["https://api.example", *STORAGE]
    assert page["pictures"] == STORAGE


def test_page_of_an_api_never_has_a_key_in_it() -> None:
    assert "apiKey" not in api()["config"]


def test_page_of_guests_knows_what_it_works_with() -> None:
    assert guest()["config"] == {
        "mode": "guest",
        "region": REGION,
        "identityPoolId": "pool",
        "uploadBucket": BUCKET,
        "resultsTable": "results",
        "uploadPrefix": "uploads/",
        "minConfidence": 70,
        "maxSizeBytes": 104857600,
    }


def test_page_of_guests_reaches_these_services_and_the_bucket() -> None:
    page = guest()

    services = [f"https://{name}.{REGION}.amazonaws.com" for name in ("cognito-identity", "dynamodb")]
    assert page["connect"] == [*services, *STORAGE]
    assert page["pictures"] == STORAGE


def test_pages_on_an_emulator_reach_it_and_nothing_else() -> None:
    here = "http://127.0.0.1:4566"

    assert set(api(here)["connect"]) == set(api(here)["pictures"]) == {here}
    page = guest(here)
    assert (page["connect"], page["pictures"]) == ([here], [here])
    assert page["config"]["endpoints"] == {"cognito-identity": here, "dynamodb": here, "s3": here}
