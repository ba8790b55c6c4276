"""A deployed API over HTTP: with a key or a signature if it requires one, and retries if it is busy.

Requests go by botocore's own HTTP session, so that certificates and proxies are those of every other call to AWS.
"""

from __future__ import annotations

import json
import os
import random
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError, ClientError
from botocore.httpsession import URLLib3Session
from botocore.utils import get_environ_proxies

from labelstack.clouds import Cloud
from labelstack.errors import ApiError

KEY_VARIABLE = "LABELSTACK_API_KEY"
KEY_CHARACTERS = re.compile("[!-~]+")
CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 5, 30  # the gateway gives a function 29 s
CONNECTIONS = 8
ATTEMPTS = 5
BUSY = frozenset({429, 500, 502, 503, 504})
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 8.0

Parameters = Mapping[str, str | Iterable[str]]
# Puts into a request what says who asks.
Authorize = Callable[[AWSRequest], None]


@dataclass(frozen=True)
class Answer:
    """An answer of the API: a status below 300, and the JSON document; its numbers are Decimal."""

    status: int
    content: Any


class ApiClient:
    """Reads from one API.

    Args:
        url: The API's, as the stack's output `apiUrl` has it.
        authorize: Puts a key or a signature into each request.
        refused: The advice after a refusal (401, 403); the end of the error's sentence.
        session: Sends requests; None for one of its own.
        sleep: Waits so many seconds.
        chance: Gives a number from 0 to 1, for the pauses' jitter.
    """

    def __init__(
        self,
        url: str,
        authorize: Authorize,
        *,
        refused: str,
        session: URLLib3Session | None = None,
        sleep: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.url = url.rstrip("/")
        self._authorize = authorize
        self._refused = refused
        self._session = session or http_session(self.url)
        self._sleep = sleep
        self._chance = chance

    def get(self, path: str, parameters: Parameters | None = None) -> Answer:
        """Send a GET, and retry while the API is busy.

        Raises:
            ApiError: It refused, does not answer, or is no such API.
        """
        query = urlencode(parameters or {}, doseq=True, quote_via=quote)
        url = self.url + path + (f"?{query}" if query else "")
        for attempt in range(ATTEMPTS):
            status, headers, body = self._send(url)
            if status not in BUSY or attempt == ATTEMPTS - 1:
                break
            self._sleep(self._pause_s(attempt, headers))
        if status < 300:
            return Answer(status, self._document(body))
        raise self._refusal(status, body)

    def _send(self, url: str) -> tuple[int, Mapping[str, str], bytes]:
        request = AWSRequest(method="GET", url=url, headers={"Accept": "application/json, application/problem+json"})
        self._authorize(request)  # each time: a signature has a time in it
        try:
            answer = self._session.send(request.prepare())
            return answer.status_code, answer.headers, answer.content
        except BotoCoreError as error:
            raise ApiError(
                f"the API at {self.url} does not answer ({error}): check the output apiUrl, and that the stack runs."
            ) from error

    def _pause_s(self, attempt: int, headers: Mapping[str, str]) -> float:
        """Return a pause with full jitter, at least as long as the API asks for."""
        retry_after = headers.get("Retry-After", "")
        least = float(retry_after) if retry_after.isascii() and retry_after.isdecimal() else 0.0
        jittered = FIRST_PAUSE_S * (1 << attempt) * self._chance()
        return min(LONGEST_PAUSE_S, max(least, jittered))

    def _document(self, body: bytes) -> Any:
        try:
            return json.loads(body, parse_float=Decimal, parse_int=Decimal)
        except ValueError as error:
            raise ApiError(
                f"the server at {self.url} is not a stack's API: check the output apiUrl, and deploy the stack."
            ) from error

    def _refusal(self, status: int, body: bytes) -> ApiError:
        """Return the error in a problem document, or in another answer of a gateway or proxy."""
        try:
            document = json.loads(body)
        except ValueError:
            document = None
        problem = document if isinstance(document, dict) else {}
        said = str(problem.get("detail") or problem.get("message") or "no reason").rstrip(".")
        if status in (401, 403):
            said += f". {self._refused}"
        code = str(problem.get("code", ""))
        what = " ".join(part for part in (str(status), code) if part)
        return ApiError(f"the API at {self.url} answered {what}: {said.rstrip('.')}.", status=status, problem=code)


def http_session(url: str) -> URLLib3Session:
    """Return a session with the machine's proxies and certificates; none of the proxies for this machine itself."""
    host = urlsplit(url).hostname or ""
    local = host in ("127.0.0.1", "::1", "localhost") or host.endswith(".localhost.localstack.cloud")
    bundle = os.environ.get("AWS_CA_BUNDLE") or os.environ.get("REQUESTS_CA_BUNDLE")
    return URLLib3Session(
        verify=bundle or True,  # type: ignore[arg-type]  # takes a path too, which the stubs do not know
        proxies={} if local else get_environ_proxies(url),
        timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S),  # type: ignore[arg-type]  # takes a pair too; as above
        max_pool_connections=CONNECTIONS,
    )


def connect(outputs: Mapping[str, Any], cloud: Cloud | None, api_key: str | None = None) -> ApiClient:
    """Return a client of a deployed stack's API, with the authorization that its access requires.

    Args:
        outputs: The stack's, `apiUrl` among them.
        cloud: Where a key is read and whose credentials sign; None where there are no credentials.
        api_key: The user's key, if any.

    Raises:
        ApiError: The API requires a key or a signature, and neither it nor a cloud is there.
    """
    url, access = str(outputs["apiUrl"]), access_of(outputs)
    if api_key and not KEY_CHARACTERS.fullmatch(api_key):
        raise ApiError(
            f"{KEY_VARIABLE} has characters that a key cannot contain: copy the key again, without spaces and quotes."
        )
    if access == "iam":
        if cloud is None:
            raise ApiError(f"the API at {url} requires signed requests: set AWS credentials that may call it.")
        return ApiClient(
            url,
            _signing(cloud),
            refused="These credentials may not call it: they need execute-api:Invoke for this API",
        )
    if access == "api_key":
        if not api_key and (cloud is None or "apiKeyId" not in outputs):
            raise ApiError(f"the API at {url} requires a key: set {KEY_VARIABLE} to one of the stack's usage plan.")
        where = f"in {KEY_VARIABLE}" if api_key else "of the output apiKeyId"
        refused = f"It refused the key {where}: set {KEY_VARIABLE} to one of the stack's usage plan"
        return ApiClient(url, _with_key(outputs, cloud, api_key), refused=refused)
    refused = "The stack's outputs say that it is open: deploy the stack again, or write its outputs file again"
    return ApiClient(url, lambda request: None, refused=refused)


def access_of(outputs: Mapping[str, Any]) -> str:
    """Return `open`, `api_key` or `iam`. Outputs of older stacks have no `apiAccess`, but perhaps a key."""
    return str(outputs.get("apiAccess") or ("api_key" if "apiKeyId" in outputs else "open"))


def _signing(cloud: Cloud) -> Authorize:
    def sign(request: AWSRequest) -> None:
        SigV4Auth(cloud.credentials().get_frozen_credentials(), "execute-api", cloud.region).add_auth(request)

    return sign


def _with_key(outputs: Mapping[str, Any], cloud: Cloud | None, api_key: str | None) -> Authorize:
    """Return an authorization by the given key, else by the stack's own, looked up at the first request."""
    known = [api_key] if api_key else []

    def add_key(request: AWSRequest) -> None:
        if not known and cloud is not None:
            try:
                api_key = cloud.client("apigateway").get_api_key(apiKey=outputs["apiKeyId"], includeValue=True)
            except (ClientError, BotoCoreError) as error:
                raise ApiError(
                    f"the API requires a key, and the stack's own key cannot be read ({error}): set "
                    f"{KEY_VARIABLE}, or use credentials that may do apigateway:GET on it."
                ) from error
            known.append(str(api_key["value"]))
        request.headers["x-api-key"] = known[0]

    return add_key
