"""A program that uses a deployed API: plain HTTP, JSON, and upload URLs of S3."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from integration_tests.stack import TERMINAL, wait_for

TIMEOUT_S = 30.0
Parameters = Mapping[str, str | Iterable[str]]


@dataclass(frozen=True)
class Reply:
    """An answer as it arrived; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Return the parsed body."""
        return json.loads(self.body)

    @property
    def problem(self) -> tuple[int, str]:
        """Return status and code of a problem document.

        Any other answer, or one that reveals too much, fails the test.
        """
        assert self.headers.get("content-type", "").startswith("application/problem+json"), self
        document = self.json
        assert document["status"] == self.status, self
        assert isinstance(document["detail"], str), self
        assert b"Traceback" not in self.body, self
        assert b'.py"' not in self.body, self
        return self.status, document["code"]


def canonical(url: str) -> str:
    """Return the address as AWS signs it and urllib3 sends it: `%20` for a space, `%2F` for a slash and for `%2f`."""
    parts = urlsplit(urllib3.util.parse_url(url).url)
    query = urlencode(parse_qsl(parts.query, keep_blank_values=True), quote_via=quote, safe="-_.~")
    return parts._replace(query=query).geturl()


class ApiClient:
    """Asks one API, with an API key or a signature where it is given one.

    Attributes:
        url: The API's.
        pool: For requests to other addresses.
        access_key: The API key that is sent; "" for none.
    """

    def __init__(
        self, url: str, *, api_key: str = "", credentials: Credentials | None = None, region: str = ""
    ) -> None:
        self.url = url
        self.pool = urllib3.PoolManager(retries=False, timeout=TIMEOUT_S, maxsize=4)
        self.access_key = api_key
        self.credentials = credentials
        self.region = region

    def send(
        self,
        method: str,
        path: str,
        *,
        query: str = "",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send one request without changes."""
        url = self.url + path + (f"?{query}" if query else "")
        sent = dict(headers or {})
        if self.access_key:
            sent["x-api-key"] = self.access_key
        if self.credentials is not None:
            request = AWSRequest(method, canonical(url), headers=sent, data=body)
            SigV4Auth(self.credentials, "execute-api", self.region).add_auth(request)
            sent = dict(request.headers)
        return reply_of(self.pool.request(method, url, body=body, headers=sent))

    def get(self, path: str, parameters: Parameters | None = None, **headers: str) -> Reply:
        """Send a GET with parameters; the items of a list are sent one by one."""
        return self.send("GET", path, query=urlencode(parameters or {}, doseq=True), headers=headers)

    def post(self, path: str, content: object) -> Reply:
        """Send a POST of JSON."""
        return self.send("POST", path, body=json.dumps(content).encode(), headers={"Content-Type": "application/json"})

    def delete(self, key: str) -> Reply:
        """Delete a picture."""
        return self.send("DELETE", "/images", query=urlencode({"key": key}))

    def grant(self, size_bytes: int, name: str = "picture.jpg", content_type: str = "image/jpeg") -> dict[str, Any]:
        """Return an upload URL for one picture, with its headers and key."""
        body = {"fileName": name, "contentType": content_type, "sizeBytes": size_bytes}
        reply = self.post("/generate-upload-url", body)
        assert reply.status == 200, reply
        document = reply.json
        assert isinstance(document, dict)
        return document

    def put(self, grant: Mapping[str, Any], body: bytes, headers: Mapping[str, str] | None = None) -> Reply:
        """Send bytes to an upload URL, some of its headers changed."""
        return reply_of(
            self.pool.request("PUT", grant["url"], body=body, headers={**grant["headers"], **(headers or {})})
        )

    def upload(self, body: bytes, name: str = "picture.jpg", content_type: str = "image/jpeg") -> str:
        """Upload a picture as a page does; its key."""
        grant = self.grant(len(body), name, content_type)
        reply = self.put(grant, body)
        assert reply.status == 200, reply
        return str(grant["key"])

    def wait_for_result(self, key: str) -> Any:
        """Return the result of a picture when it has a final state."""
        reply = wait_for(
            f"a result of {key!r}",
            lambda: self.get("/result", {"key": key}),
            lambda answer: answer.status == 200 and answer.json["status"] in TERMINAL,
        )
        return reply.json

    def every_page(self, parameters: Parameters) -> list[dict[str, Any]]:
        """Return the pictures of all pages of `GET /images`."""
        images: list[dict[str, Any]] = []
        more: dict[str, str] = {}
        while True:
            reply = self.get("/images", {**parameters, **more})
            assert reply.status == 200, reply
            images += reply.json["images"]
            if "cursor" not in reply.json:
                return images
            more = {"cursor": reply.json["cursor"]}


def reply_of(answer: urllib3.BaseHTTPResponse) -> Reply:
    """Return urllib3's answer as a reply."""
    return Reply(answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.data)
