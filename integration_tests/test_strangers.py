"""A stranger's web page attacks the embedded cloud of its visitor: by requests of its origin, and by DNS rebinding."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import urllib3
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from playwright.sync_api import Browser, Page

from integration_tests.browser import browsing, required_chromium
from integration_tests.pictures import picture
from integration_tests.stack import DeployedStack, LocalRekognition
from labelstack.clouds import Cloud, EmbeddedCloud

pytestmark = pytest.mark.abuse

NAME = "planted"
# Sends a request as any page may, without a preflight; returns the status if the page may read it.
SEND = """async ({url, method, body, mode}) => {
    try {
        const answer = await fetch(url, { method, body: body || undefined, mode });
        return { status: answer.status, text: await answer.text() };
    } catch (error) {
        return { status: 0, text: String(error) };
    }
}"""


@dataclass(frozen=True)
class Attack:
    """A signed request that makes the emulator run code, in two steps; the code leaves a mark."""

    create: str
    invoke: str
    body: str
    mark: Path


@pytest.fixture(scope="module")
def embedded(cloud: Cloud) -> EmbeddedCloud:
    """Return the cloud under attack."""
    if not isinstance(cloud, EmbeddedCloud):
        pytest.skip(f"{cloud.name} does not say who may ask it")
    return cloud


@pytest.fixture(scope="module")
def browser(embedded: EmbeddedCloud, stack: DeployedStack) -> Iterator[Browser]:
    """Yield a headless browser."""
    with browsing(required_chromium()) as running:
        yield running


@pytest.fixture(scope="module")
def stranger() -> Iterator[int]:
    """Yield the port of a foreign web server that serves an empty page."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Yield a page without connection to others."""
    context = browser.new_context()
    yield context.new_page()
    context.close()


@pytest.fixture
def attack(embedded: EmbeddedCloud, stack: DeployedStack, tmp_path: Path) -> Attack:
    """Return requests with the cloud's own keys: the door must work even if the keys are not secret."""
    role = stack.client("lambda").get_function(FunctionName=stack.outputs["processorFunction"])["Configuration"]["Role"]
    mark = tmp_path / "mark"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("m.py", f"def handle(event, context):\n    open({str(mark)!r}, 'w').close()\n")
    runtime = embedded.stack_config()["labelstack:runtime"]
    code = {"ZipFile": base64.b64encode(packed.getvalue()).decode()}
    body = json.dumps({"FunctionName": NAME, "Role": role, "Handler": "m.handle", "Runtime": runtime, "Code": code})
    functions = f"{embedded.endpoint_url}/2015-03-31/functions"
    return Attack(
        signed(embedded, functions, body), signed(embedded, f"{functions}/{NAME}/invocations", "{}"), body, mark
    )


class SignedForBody(SigV4QueryAuth):
    """A signature in the URL for a request with a body, which botocore would move into the URL too."""

    def __init__(self, cloud: EmbeddedCloud, body: str) -> None:
        super().__init__(cloud.credentials(), "lambda", cloud.region)
        self._body = body

    def payload(self, request: AWSRequest) -> str:
        """Return the hash of the body that will be sent."""
        return hashlib.sha256(self._body.encode()).hexdigest()


def signed(cloud: EmbeddedCloud, url: str, body: str) -> str:
    """Return a URL that carries the signature of a POST."""
    request = AWSRequest("POST", url)
    SignedForBody(cloud, body).add_auth(request)
    return str(request.url)


def send(page: Page, url: str, method: str = "POST", body: str = "", mode: str = "no-cors") -> tuple[int, str]:
    """Return status and text of an answer, as the page sees them."""
    answer = page.evaluate(SEND, {"url": url, "method": method, "body": body, "mode": mode})
    return answer["status"], answer["text"]


def rebound(page: Page, url: str) -> str:
    """Open a page by a stranger's name that leads to this machine's port; the address of its root.

    The stranger's own server has served the page before its name came to mean this machine.
    """
    root = f"http://rebound.test:{urlsplit(url).port}"
    page.route(f"{root}/", lambda route: route.fulfill(content_type="text/html", body=""))
    page.goto(f"{root}/")
    page.unroute(f"{root}/")
    return root


def functions_of(stack: DeployedStack) -> set[str]:
    """Return all functions of the cloud."""
    pages = stack.client("lambda").get_paginator("list_functions").paginate()
    return {function["FunctionName"] for answer in pages for function in answer["Functions"]}


def test_the_attack_works_for_who_asks_without_a_browser(stack: DeployedStack, attack: Attack) -> None:
    pool = urllib3.PoolManager(retries=False)

    assert pool.request("POST", attack.create, body=attack.body).status == 201
    assert pool.request("POST", attack.invoke, body="{}").status == 200

    assert attack.mark.exists()
    stack.client("lambda").delete_function(FunctionName=NAME)


@pytest.mark.parametrize("host", ["stranger.test", "localhost", "127.0.0.1"], ids=["other", "localhost", "same-site"])
def test_a_page_of_another_origin_runs_nothing(
    stack: DeployedStack, embedded: EmbeddedCloud, page: Page, stranger: int, attack: Attack, host: str
) -> None:
    before = functions_of(stack)
    page.goto(f"http://{host}:{stranger}/")

    send(page, attack.create, body=attack.body)
    send(page, attack.invoke, body="{}")
    send(page, f"{embedded.endpoint_url}/_ministack/reset")
    send(page, f"{embedded.endpoint_url}/_ministack/config", body='{"lambda_svc.LAMBDA_EXECUTOR": "docker"}')

    assert functions_of(stack) == before
    assert not attack.mark.exists()


def test_a_page_of_another_origin_reads_nothing(
    embedded: EmbeddedCloud, stack: DeployedStack, page: Page, stranger: int
) -> None:
    request = AWSRequest("GET", f"{embedded.endpoint_url}/?Action=ListTopics&Version=2010-03-31")
    SigV4QueryAuth(embedded.credentials(), "sns", embedded.region).add_auth(request)
    url = str(request.url)
    answer = urllib3.PoolManager(retries=False).request("GET", url)
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (200, "*")
    page.goto(f"http://stranger.test:{stranger}/")

    assert send(page, url, "GET", mode="cors")[0] == 0


def test_a_page_does_not_control_the_local_rekognition(
    embedded: EmbeddedCloud, session_rekognition: LocalRekognition, page: Page, stranger: int
) -> None:
    session_rekognition.set_rules([{"match": {"key": "nobody-has-this"}, "delayMs": 1}])
    before = session_rekognition.rules()
    control = f"{embedded.rekognition_url}/_rekognition_local"
    page.goto(f"http://stranger.test:{stranger}/")

    send(page, f"{control}/reset")
    root = rebound(page, embedded.rekognition_url)
    answers = [send(page, f"{root}/_rekognition_local/{path}", mode="same-origin") for path in ("reset", "health", "")]
    answers.append(send(page, f"{root}/_rekognition_local/rules", "PUT", "[]", "same-origin"))

    assert session_rekognition.rules() == before
    session_rekognition.set_rules([])
    assert [status for status, _ in answers] == [403] * 4


def test_a_rebound_name_opens_nothing(
    embedded: EmbeddedCloud, stack: DeployedStack, page: Page, attack: Attack
) -> None:
    before = functions_of(stack)
    root = rebound(page, embedded.endpoint_url)

    answers = [
        send(page, root + attack.create.removeprefix(embedded.endpoint_url), body=attack.body, mode="same-origin"),
        send(page, root + attack.invoke.removeprefix(embedded.endpoint_url), body="{}", mode="same-origin"),
        send(page, f"{root}/_ministack/reset", mode="same-origin"),
        send(page, f"{root}/_ministack/health", "GET", mode="same-origin"),
        send(page, f"{root}/{stack.outputs['uploadBucket']}", "GET", mode="same-origin"),
    ]

    assert [status for status, _ in answers] == [403] * 5
    assert all("refuses" in text for _, text in answers)
    assert functions_of(stack) == before
    assert not attack.mark.exists()


def test_a_rebound_name_does_not_open_the_sites(embedded: EmbeddedCloud, stack: DeployedStack, page: Page) -> None:
    path = urlsplit(str(stack.outputs["websiteUrl"])).path
    root = rebound(page, embedded.sites_url)

    assert send(page, f"{root}{path}config.json", "GET", mode="same-origin")[0] == 403


def test_a_page_that_the_stack_allows_may_ask(
    embedded: EmbeddedCloud, stack: DeployedStack, page: Page, stranger: int
) -> None:
    s3, bucket = stack.client("s3"), "allows-a-page"
    origin = f"http://friend.test:{stranger}"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="a", Body=b"shown")
    rule = {"AllowedOrigins": [origin], "AllowedMethods": ["GET"]}
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})
    url = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "a"})
    page.goto(f"{origin}/")

    answer = send(page, url, "GET", mode="cors")

    s3.delete_object(Bucket=bucket, Key="a")
    s3.delete_bucket(Bucket=bucket)
    assert answer == (200, "shown")


def test_a_stranger_may_show_what_he_was_given_a_link_to(stack: DeployedStack, page: Page, stranger: int) -> None:
    bucket, key = stack.outputs["uploadBucket"], "uploads/shown.jpg"
    stack.wait_for_result(stack.upload(key, picture("shown")))
    url = stack.client("s3").generate_presigned_url("get_object", {"Bucket": bucket, "Key": key})
    page.goto(f"http://stranger.test:{stranger}/")

    loads = """url => new Promise((done) => {
        const image = new Image();
        image.onload = () => done(true);
        image.onerror = () => done(false);
        image.src = url;
    })"""

    assert page.evaluate(loads, url)
    assert not page.evaluate(loads, url.partition("?")[0])
