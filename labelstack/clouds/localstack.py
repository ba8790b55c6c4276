"""A LocalStack that runs already, found by the standard variable AWS_ENDPOINT_URL."""

from __future__ import annotations

import http.client
import json
import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from labelstack.clouds.base import Capabilities, Clients, answers, architecture, emulator_session, open_local
from labelstack.errors import CloudNotRunningError, CloudSettingsError

DEFAULT_ENDPOINT_URL = "http://localhost:4566"
DEFAULT_REGION = "us-east-1"
INFO_TIMEOUT_S = 20.0  # of a busy one; where none is, the connection is refused at once
CONTROL_VARIABLE = "LABELSTACK_REKOGNITION_CONTROL_URL"
TOKEN_VARIABLE = "REKOGNITION_LOCAL_TOKEN"
# The free edition, image 4.14.0.
CAPABILITIES = Capabilities(
    http_api=False,
    cognito=False,
    cloudfront=False,
    iam_enforced=False,
    tagged_alarms=False,
    described_tracing=False,  # DescribeStateMachine has no tracingConfiguration (4.14)
    email_delivered=False,
    website_headers=False,
    gateway_responses=False,
    throttling=False,
    parallel_batches=False,  # one thread polls an event source mapping and waits for the function
    fair_queues=False,
    s3_on_eventbridge=False,  # the keys are URL-encoded, and every sequencer is the same (4.14)
    presigned_signatures=False,
)


class LocalStackCloud(Clients):
    """One LocalStack.

    Attributes:
        name: `localstack`.
        capabilities: The capabilities of its free edition.
        region: From the standard variables, else us-east-1.
        endpoint_url: Where it answers.
        rekognition_url: Where a local Rekognition answers to functions, by AWS_ENDPOINT_URL_REKOGNITION; empty when not
            set.
        rekognition_control_url: Where it answers on this machine, for rules and counts, by
            LABELSTACK_REKOGNITION_CONTROL_URL; empty when not set.
        rekognition_control_token: The token that opens it, from REKOGNITION_LOCAL_TOKEN; empty when not set.
    """

    name = "localstack"
    capabilities = CAPABILITIES

    def __init__(
        self,
        endpoint_url: str | None = None,
        rekognition_url: str | None = None,
        rekognition_control_url: str | None = None,
        rekognition_control_token: str | None = None,
    ) -> None:
        """Find the LocalStack of the standard variables.

        Raises:
            CloudSettingsError: One of the variables is no address.
        """
        self.endpoint_url = endpoint_url or _address("AWS_ENDPOINT_URL") or DEFAULT_ENDPOINT_URL
        self.rekognition_url = rekognition_url or _address("AWS_ENDPOINT_URL_REKOGNITION")
        self.rekognition_control_url = rekognition_control_url or _address(CONTROL_VARIABLE)
        self.rekognition_control_token = rekognition_control_token or os.environ.get(TOKEN_VARIABLE, "")
        settable = bool(self.rekognition_control_url and self.rekognition_control_token)
        self.capabilities = replace(CAPABILITIES, rekognition_rules=settable)
        self.region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or DEFAULT_REGION
        # LocalStack takes any credentials; a person's own must not be sent to it.
        super().__init__(emulator_session("test", "test", self.region), self.endpoint_url)

    @property
    def instance(self) -> str:
        """Return the endpoint and LocalStack's session, which changes at every start: the deployment ends with it.

        Raises:
            CloudNotRunningError: Nothing answers there.
        """
        return f"localstack:{self.endpoint_url}:{self.info().get('session_id', '')}"

    def info(self) -> Mapping[str, Any]:
        """Return LocalStack's facts: `version`, `session_id`.

        Raises:
            CloudNotRunningError: Nothing answers there, or something else than a LocalStack does.
        """
        document: Any = None
        try:
            with open_local(f"{self.endpoint_url}/_localstack/info", INFO_TIMEOUT_S) as answer:
                document = json.load(answer)
        except urllib.error.HTTPError as error:
            error.close()
        except OSError as error:
            raise CloudNotRunningError(
                f"no LocalStack answers at {self.endpoint_url} ({getattr(error, 'reason', error)}): start it "
                "(docker compose up --wait), or set AWS_ENDPOINT_URL to where it is."
            ) from error
        except (http.client.HTTPException, ValueError):
            pass  # it does not speak HTTP, or not JSON
        if not isinstance(document, dict) or "version" not in document:
            raise CloudNotRunningError(
                f"the server at {self.endpoint_url} is not LocalStack: stop it, or start LocalStack on another port "
                "(LOCALSTACK_PORT=4567 docker compose up --wait) and set AWS_ENDPOINT_URL to it; `labelstack doctor "
                "--cloud localstack` says what has the port."
            )
        return document

    def is_running(self) -> bool:
        """Return whether LocalStack answers."""
        return answers(f"{self.endpoint_url}/_localstack/health", INFO_TIMEOUT_S)

    def stack_config(self) -> Mapping[str, str]:
        """Return the settings of functions in containers for this machine's processor."""
        port = urlsplit(self.endpoint_url).port or 80
        config = {
            "aws:region": self.region,
            "labelstack:architecture": architecture(),
            "labelstack:publicEndpoint": self.endpoint_url,
            "labelstack:websiteEndpoint": f"http://{{bucket}}.s3-website.localhost.localstack.cloud:{port}",
        }
        return config | ({"labelstack:rekognitionEndpoint": self.rekognition_url} if self.rekognition_url else {})


def _address(variable: str) -> str:
    """Return a variable's URL, or "" when it is not set. Raises CloudSettingsError for a URL without a host."""
    url = os.environ.get(variable, "")
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, or brackets that do not close
        is_address = False
    if url and not is_address:
        raise CloudSettingsError(
            f"{variable} is {url!r}, which names no host: set it to a URL such as http://localhost:4566, or unset it"
        )
    return url
