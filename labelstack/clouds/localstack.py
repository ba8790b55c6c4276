"""A LocalStack that runs already, found by the standard variable AWS_ENDPOINT_URL."""

from __future__ import annotations

import http.client
import json
import os
import platform
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.credentials import Credentials

from labelstack.clouds.base import Capabilities, Clients, LogEvent, answers, function_logs, open_local
from labelstack.errors import CloudNotRunningError

DEFAULT_ENDPOINT_URL = "http://localhost:4566"
DEFAULT_REGION = "us-east-1"
INFO_TIMEOUT_S = 5.0
CONTROL_VARIABLE = "LABELSTACK_REKOGNITION_CONTROL_URL"
# The free edition, image 4.14.0.
CAPABILITIES = Capabilities(
    http_api=False,
    cognito=False,
    cloudfront=False,
    iam_enforced=False,
    alarms_evaluated=True,
    email_delivered=False,
    website_endpoint=True,
    website_headers=False,
    rekognition_rules=True,
    gateway_responses=False,
    throttling=False,
    bulk=False,
    parallel_batches=False,  # one thread polls an event source mapping and waits for the function
    s3_on_eventbridge=False,  # the keys are URL-encoded, and every sequencer is the same (4.14)
    express_workflows=True,
    form_signatures=False,
)


class LocalStackCloud:
    """One LocalStack.

    Attributes:
        name: `localstack`.
        capabilities: What its free edition can do.
        region: From the standard variables, else us-east-1.
        endpoint_url: Where it answers.
        rekognition_url: Where a local Rekognition answers to functions, by AWS_ENDPOINT_URL_REKOGNITION; empty when not
            set.
        rekognition_control_url: Where it answers on this machine, for rules and counts, by
            LABELSTACK_REKOGNITION_CONTROL_URL; empty when not set.
    """

    name = "localstack"
    capabilities = CAPABILITIES

    def __init__(
        self,
        endpoint_url: str | None = None,
        rekognition_url: str | None = None,
        rekognition_control_url: str | None = None,
    ) -> None:
        self.endpoint_url: str = endpoint_url or os.environ.get("AWS_ENDPOINT_URL", DEFAULT_ENDPOINT_URL)
        self.rekognition_url = rekognition_url or os.environ.get("AWS_ENDPOINT_URL_REKOGNITION", "")
        self.rekognition_control_url = rekognition_control_url or os.environ.get(CONTROL_VARIABLE, "")
        self.capabilities = replace(CAPABILITIES, rekognition_rules=bool(self.rekognition_control_url))
        self.region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or DEFAULT_REGION
        # LocalStack takes any credentials; a person's own must not be sent to it.
        session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=self.region)
        self._clients = Clients(session, self.endpoint_url)

    @property
    def instance(self) -> str:
        """The endpoint and LocalStack's session, which every start makes anew: what was deployed ends with it.

        Raises:
            CloudNotRunningError: Nothing answers there.
        """
        return f"localstack:{self.endpoint_url}:{self.info().get('session_id', '')}"

    def info(self) -> Mapping[str, Any]:
        """What LocalStack tells about itself: `version`, `session_id`.

        Raises:
            CloudNotRunningError: Nothing answers there, or something else than a LocalStack does.
        """
        told: Any = None
        try:
            with open_local(f"{self.endpoint_url}/_localstack/info", INFO_TIMEOUT_S) as answer:
                told = json.load(answer)
        except urllib.error.HTTPError as error:
            error.close()
        except OSError as error:
            raise CloudNotRunningError(
                f"no LocalStack answers at {self.endpoint_url} ({getattr(error, 'reason', error)}): start it "
                "(docker compose up --wait), or set AWS_ENDPOINT_URL to where it is."
            ) from error
        except (http.client.HTTPException, ValueError):
            pass  # it does not speak HTTP, or not JSON
        if not isinstance(told, dict) or "version" not in told:
            raise CloudNotRunningError(
                f"what answers at {self.endpoint_url} is no LocalStack: end it, or start LocalStack on another port "
                "(LOCALSTACK_PORT=4567 docker compose up --wait) and set AWS_ENDPOINT_URL to it; `labelstack doctor "
                "--cloud localstack` says what has the port."
            )
        return told

    def is_running(self) -> bool:
        """Whether it answers."""
        return answers(f"{self.endpoint_url}/_localstack/health", INFO_TIMEOUT_S)

    def client(self, service: str) -> Any:
        """A boto3 client of a service."""
        return self._clients.get(service)

    def credentials(self) -> Credentials:
        """What the clients use."""
        return self._clients.credentials()

    def stack_config(self) -> Mapping[str, str]:
        """Functions run in containers for this machine's processor."""
        machine = "arm64" if platform.machine().lower() in ("arm64", "aarch64") else "x86_64"
        port = urlsplit(self.endpoint_url).port or 80
        config = {
            "aws:region": self.region,
            "labelstack:architecture": machine,
            "labelstack:publicEndpoint": self.endpoint_url,
            "labelstack:websiteEndpoint": f"http://{{bucket}}.s3-website.localhost.localstack.cloud:{port}",
        }
        return config | ({"labelstack:rekognitionEndpoint": self.rekognition_url} if self.rekognition_url else {})

    def function_logs(self, name: str) -> Iterator[LogEvent]:
        """What a function has logged, oldest first."""
        return function_logs(self.client("logs"), name)

    def close(self) -> None:
        """Close every connection."""
        self._clients.close()
