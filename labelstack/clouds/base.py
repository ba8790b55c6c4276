"""The interface of every cloud for the engines, the command and the integration tests."""

from __future__ import annotations

import http.client
import os
import platform
import threading
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Protocol

import boto3
import botocore.configprovider
import botocore.session
from botocore.config import Config
from botocore.credentials import Credentials

# Loopback and emulators answer at once or never; AWS throttles. Sockets must never make a deployment hang.
CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = 60
MAX_CONNECTIONS = 32


def _what(words: str) -> Any:
    """Return a capability's field; `words` name what is missing where it is false."""
    return field(default=True, metadata={"what": words})


@dataclass(frozen=True)
class Capabilities:
    """The capabilities of a cloud, all unless it says otherwise; a test that needs more is skipped, and names them."""

    http_api: bool = _what("HTTP APIs (API Gateway v2)")
    cognito: bool = _what("Cognito identity pools")
    cloudfront: bool = _what("CloudFront")
    iam_enforced: bool = _what("enforced IAM")
    alarms_evaluated: bool = _what("alarms that are evaluated")
    tagged_alarms: bool = _what("alarms that keep the tags of the request that makes them")
    described_tracing: bool = _what("state machines that say whether X-Ray traces them")
    email_delivered: bool = _what("mail that is delivered")
    website_headers: bool = _what("website endpoint that sends objects' own headers, such as Cache-Control")
    rekognition_rules: bool = _what("Rekognition whose answers can be set")
    gateway_responses: bool = _what("API gateway that answers in the words and with the headers it is given")
    throttling: bool = _what("API gateway that refuses more requests than it is set to take")
    parallel_batches: bool = _what("concurrency among the batches of one queue")
    fair_queues: bool = _what("queues that prefer the messages of other groups to those of a busy one")
    s3_on_eventbridge: bool = _what("EventBridge that tells S3's keys as they are, and the order of its events")
    presigned_signatures: bool = _what("checked signatures of presigned URLs")

    def lacks(self, *names: str) -> list[str]:
        """Return the missing capabilities in words. Raises ValueError for a name that is no capability."""
        known = {capability.name: str(capability.metadata["what"]) for capability in fields(self)}
        if unknown := sorted(set(names) - set(known)):
            raise ValueError(f"no capability: {', '.join(unknown)}; expected some of {', '.join(sorted(known))}")
        return [known[name] for name in names if not getattr(self, name)]


class Cloud(Protocol):
    """A place to deploy to."""

    @property
    def name(self) -> str:
        """Return `embedded`, `localstack` or `aws`."""

    @property
    def capabilities(self) -> Capabilities:
        """Return the cloud's capabilities."""

    @property
    def region(self) -> str:
        """Return the region of all resources."""

    @property
    def endpoint_url(self) -> str | None:
        """Return the one endpoint of an emulator; None on AWS."""

    @property
    def instance(self) -> str:
        """Return an id that changes when a cloud has lost its deployments, as an emulator does by a restart."""

    def client(self, service: str) -> Any:
        """Return a boto3 client with the deployer's credentials."""

    def credentials(self) -> Credentials:
        """Return the deployer's credentials, for requests that boto3 does not sign."""

    def stack_config(self) -> Mapping[str, str]:
        """Return the settings that this cloud dictates to every stack on it."""


def architecture() -> str:
    """Return this machine's processor as Lambda names it."""
    return "arm64" if platform.machine().lower() in ("arm64", "aarch64") else "x86_64"


def emulator_session(access_key: str, secret_key: str, region: str) -> boto3.Session:
    """Make a session that knows these keys and nothing of the person's."""
    return boto3.Session(access_key, secret_key, region_name=region, botocore_session=session_without_files())


def session_without_files() -> botocore.session.Session:
    """Make a session of botocore's defaults, whatever is in the person's profiles, files and AWS variables.

    A variable such as AWS_USE_FIPS_ENDPOINT makes every client of an emulator's address fail.
    """
    known: dict[str, tuple[Any, Any, Any, Any]] = botocore.configprovider.BOTOCORE_DEFAUT_SESSION_VARIABLES
    defaults = {name: (None, None, default, cast) for name, (_, _, default, cast) in known.items()}
    files = dict.fromkeys(("config_file", "credentials_file"), (None, None, os.devnull, None))
    return botocore.session.Session(session_vars=defaults | files)


class Clients:
    """A cloud's boto3 clients; each service's client is built once and shared (they are thread-safe)."""

    def __init__(self, session: boto3.Session, endpoint_url: str | None, max_attempts: int = 3) -> None:
        self._session: Any = session  # the stubs know services as literals only
        self._endpoint_url = endpoint_url
        self._max_attempts = max_attempts
        self._clients: dict[str, Any] = {}
        self._building = threading.Lock()  # clients may be shared by threads, the session that builds them may not

    def client(self, service: str) -> Any:
        """Return the boto3 client of a service."""
        with self._building:
            if service not in self._clients:
                self._clients[service] = self._build(service)
            return self._clients[service]

    def _build(self, service: str) -> Any:
        local = self._endpoint_url is not None
        return self._session.client(
            service,
            endpoint_url=self._endpoint_url,
            config=Config(
                connect_timeout=CONNECT_TIMEOUT_S,
                read_timeout=READ_TIMEOUT_S,
                max_pool_connections=MAX_CONNECTIONS,
                retries={"mode": "standard", "max_attempts": self._max_attempts},
                s3={"addressing_style": "path"} if local else None,
                proxies={} if local else None,  # a proxy of the machine cannot reach its loopback
            ),
        )

    def credentials(self) -> Credentials:
        """Return the session's credentials, which refresh themselves where they expire."""
        with self._building:
            resolved: Credentials = self._session.get_credentials()
        return resolved

    def close(self) -> None:
        """Close every connection."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()


def open_local(url: str, timeout_s: float, headers: Mapping[str, str] | None = None) -> Any:
    """Return the answer of a server on this machine, without a proxy. Raises what `urlopen` raises."""
    request = urllib.request.Request(url, headers=dict(headers or {}))
    return urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=timeout_s)


def answers(url: str, timeout_s: float = 2.0, headers: Mapping[str, str] | None = None) -> bool:
    """Return whether a server on this machine answers that it is healthy."""
    try:
        with open_local(url, timeout_s, headers):
            return True
    except (OSError, http.client.HTTPException):
        return False
