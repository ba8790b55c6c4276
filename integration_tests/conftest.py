"""One cloud and one deployed stack for the whole run; unique keys for each test."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from botocore.credentials import Credentials

from integration_tests.api import ApiClient
from integration_tests.stack import DeployedStack, LocalRekognition
from labelstack.clouds import EmbeddedCloud
from labelstack.engines import InProcessEngine

PROJECT = Path(__file__).parent.parent
# A lasting fault is retried until the queue gives up. Shorter time-outs and no pauses let that end in seconds.
FASTER_FAILURES = {
    "labelstack:timeoutSeconds": "20",
    "labelstack:rekognitionTimeoutSeconds": "6",
    "labelstack:retryBaseDelaySeconds": "0",
}


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCloud]:
    """The embedded cloud, started for this run alone."""
    with EmbeddedCloud.start(tmp_path_factory.mktemp("embedded")) as started:
        yield started


@pytest.fixture(scope="session")
def stack(cloud: EmbeddedCloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeployedStack]:
    """The project's own program, deployed as stack `local`."""
    engine = InProcessEngine(PROJECT, cloud, tmp_path_factory.mktemp("stacks"))
    try:
        yield DeployedStack(cloud, engine.up("local", FASTER_FAILURES).outputs)
    finally:
        engine.destroy("local")


@pytest.fixture(scope="session")
def session_rekognition(cloud: EmbeddedCloud) -> LocalRekognition:
    """The local Rekognition's control plane; who sets rules takes them back."""
    return LocalRekognition(cloud.rekognition_url)


@pytest.fixture(scope="session")
def keyed_stack(cloud: EmbeddedCloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeployedStack]:
    """The same program with an API that wants a key, beside the first stack."""
    with _another("keyed", {"apiAccess": "api_key"}, cloud, tmp_path_factory.mktemp("keyed")) as deployed:
        yield deployed


@pytest.fixture(scope="session")
def guest_stack(cloud: EmbeddedCloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeployedStack]:
    """The same program with a page for guests, and an HTTP API that wants signatures."""
    settings = {"api": "http", "apiAccess": "iam", "guestAccess": "true", "siteMode": "guest"}
    with _another("guests", settings, cloud, tmp_path_factory.mktemp("guests")) as deployed:
        yield deployed


@pytest.fixture(scope="session")
def cloudfront_stack(cloud: EmbeddedCloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeployedStack]:
    """The same program with its page behind CloudFront."""
    with _another("front", {"website": "cloudfront"}, cloud, tmp_path_factory.mktemp("front")) as deployed:
        yield deployed


@pytest.fixture(scope="session")
def throttled_stack(cloud: EmbeddedCloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeployedStack]:
    """The same program with an API that lets one request a second through, and two at once."""
    settings = {"website": "none", "apiThrottleRate": "1", "apiThrottleBurst": "2"}
    with _another("throttled", settings, cloud, tmp_path_factory.mktemp("throttled")) as deployed:
        yield deployed


@contextmanager
def _another(name: str, settings: Mapping[str, str], cloud: EmbeddedCloud, folder: Path) -> Iterator[DeployedStack]:
    """One more stack on the cloud; its own name keeps what it makes apart."""
    engine = InProcessEngine(PROJECT, cloud, folder)
    config = {f"labelstack:{key}": value for key, value in {"name": name, "apiLogRole": "false", **settings}.items()}
    try:
        yield DeployedStack(cloud, engine.up("local", {**FASTER_FAILURES, **config}).outputs)
    finally:
        engine.destroy("local")


@pytest.fixture(scope="session")
def api(stack: DeployedStack) -> ApiClient:
    """The first stack's API, which is open."""
    return ApiClient(stack.outputs["apiUrl"])


@pytest.fixture(scope="session")
def keyed_api(keyed_stack: DeployedStack) -> ApiClient:
    """The API that wants a key, with it."""
    answer = keyed_stack.client("apigateway").get_api_key(apiKey=keyed_stack.outputs["apiKeyId"], includeValue=True)
    return ApiClient(keyed_stack.outputs["apiUrl"], api_key=answer["value"])


@pytest.fixture(scope="session")
def signed_api(cloud: EmbeddedCloud, guest_stack: DeployedStack) -> ApiClient:
    """The HTTP API, with signatures of somebody who may do everything."""
    environment = cloud.environment()
    credentials = Credentials(environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"])
    return ApiClient(guest_stack.outputs["apiUrl"], credentials=credentials, region=cloud.region)


@pytest.fixture
def key(request: pytest.FixtureRequest) -> Callable[[str], str]:
    """Makes object keys that no other test uses."""
    numbers = itertools.count()
    folder = re.sub(r"[^A-Za-z0-9]+", "-", request.node.name).strip("-")

    def make(name: str = "picture.jpg") -> str:
        return f"{folder}/{next(numbers)}/{name}"

    return make
