"""The page's own SHA-256 and Signature Version 4 give what hashlib and botocore give."""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import parse_qsl

from botocore.auth import S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from playwright.sync_api import Page

KEYS = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "token/with+signs=")
SCOPE = {"accessKeyId": KEYS.access_key, "secretKey": KEYS.secret_key, "sessionToken": KEYS.token}


def test_sha256_agrees_with_hashlib(page: Page) -> None:
    messages = [bytes((7 * n + 3) % 256 for n in range(size)) for size in (0, 1, 55, 56, 63, 64, 65, 119, 120, 1000)]

    digests = page.evaluate(
        """async (messages) => {
            const { sha256 } = await import("./js/sigv4.js");
            return messages.map((message) => [...sha256(new Uint8Array(message))]);
        }""",
        [list(message) for message in messages],
    )

    assert list(map(bytes, digests)) == [hashlib.sha256(message).digest() for message in messages]


def iso(stamp: str) -> str:
    """Return AWS's time as JavaScript reads it."""
    return f"{stamp[:4]}-{stamp[4:6]}-{stamp[6:11]}:{stamp[11:13]}:{stamp[13:]}"


def test_signed_headers_agree_with_botocore(page: Page) -> None:
    url, body = "https://dynamodb.eu-central-1.amazonaws.com/", '{"TableName":"tä"}'
    headers = {"content-type": "application/x-amz-json-1.0", "x-amz-target": "DynamoDB_20120810.GetItem"}
    request = AWSRequest("POST", url, dict(headers), body.encode())
    SigV4Auth(KEYS, "dynamodb", "eu-central-1").add_auth(request)
    now = iso(request.headers["X-Amz-Date"])

    signed: dict[str, Any] = page.evaluate(
        """async ([url, headers, body, credentials, now]) => (await import('./js/sigv4.js'))
            .signedHeaders('POST', url, headers, body,
                { service: 'dynamodb', region: 'eu-central-1', credentials, now: new Date(now) })""",
        [url, headers, body, SCOPE, now],
    )

    assert signed["authorization"] == request.headers["Authorization"]


def test_links_agree_with_botocore(page: Page) -> None:
    url = "https://pictures.s3.eu-central-1.amazonaws.com/uploads/eu-central-1%3Aid/a%20b%27c.png"
    request = AWSRequest("GET", url)
    S3SigV4QueryAuth(KEYS, "s3", "eu-central-1", expires=300).add_auth(request)
    query = dict(parse_qsl(str(request.url).split("?")[1]))

    link = page.evaluate(
        """async ([url, credentials, now]) => (await import('./js/sigv4.js'))
            .presignedUrl(url, 300, { service: 's3', region: 'eu-central-1', credentials, now: new Date(now) })""",
        [url, SCOPE, iso(query["X-Amz-Date"])],
    )

    assert f"X-Amz-Signature={query['X-Amz-Signature']}" in link
