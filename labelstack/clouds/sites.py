"""Serves the web sites of the embedded cloud's buckets; runs in ministack's own process, in a thread.

ministack has no website endpoint, and serves CloudFront by the Host header, which a browser cannot set. Here every site
has an address, `http://127.0.0.1:<port>/<bucket>/`, on another port than the cloud, so that a browser takes them for
two origins, as on AWS. A bucket with website hosting is read anonymously, under its own policy; any other by the
distribution that has it as its origin, with that one's headers. A bucket with neither has no site.
"""

from __future__ import annotations

import http.client
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from botocore.exceptions import ClientError

from labelstack.clouds.door import LOOPBACK_DOMAIN, is_loopback

HOST = "127.0.0.1"
TIMEOUT_S = 30
# A page asks for a dozen files at once: the first one's lookup serves the others.
REMEMBERED_S = 2.0
ASKED = ("If-None-Match", "If-Modified-Since", "Range", "Accept", "Accept-Encoding", "User-Agent")
# Headers of S3's website endpoint; ministack adds more, such as CORS headers for everybody.
S3_ANSWERS = frozenset(
    {
        *("accept-ranges", "cache-control", "content-disposition", "content-encoding", "content-language"),
        *("content-range", "content-type", "etag", "expires", "last-modified"),
    }
)
NOT_HANDED_ON = frozenset({"connection", "content-length", "date", "server", "transfer-encoding"})


@dataclass(frozen=True)
class Site:
    """The serving of a bucket's site.

    Attributes:
        domain: Of its distribution; empty for website hosting.
        index: The file of a path that ends in a slash; empty where the distribution knows it.
        error: The file that is shown for a missing one; empty when there is none.
    """

    domain: str
    index: str = ""
    error: str = ""


@dataclass(frozen=True)
class Answer:
    """The answer to the browser."""

    status: int
    headers: Iterable[tuple[str, str]]
    body: bytes


class Sites:
    """The sites of one cloud.

    Attributes:
        port: Of the cloud, on the loopback interface.
    """

    def __init__(self, port: int, client: Callable[[str], Any]) -> None:
        """Take a function that returns a service's client, with the rights of the cloud's root."""
        self.port = port
        self._client = client
        self._known: dict[str, tuple[float, Site | None]] = {}

    def answer(self, method: str, target: str, headers: Mapping[str, str]) -> Answer:
        """Return the answer to a request for `/<bucket>/<path>`."""
        path, _, query = target.partition("?")
        bucket, slash, key = path.lstrip("/").partition("/")
        site = self._site(urllib.parse.unquote(bucket))
        if site is None:
            return _page(HTTPStatus.NOT_FOUND, f"There is no web site of a bucket {bucket!r}.")
        if not slash:
            return Answer(HTTPStatus.FOUND, [("Location", f"/{bucket}/")], b"")
        if site.domain:
            where = f"/{key}" + (f"?{query}" if query else "")
            # ministack knows a distribution by this name too, and the cloud's door lets no other in.
            host = f"{site.domain.removesuffix('.net')}{LOOPBACK_DOMAIN}"
            answer = self._ask(method, where, {**headers, "Host": host, "X-Forwarded-Proto": "https"})
            return Answer(answer.status, [pair for pair in answer.headers if _handed_on(pair[0])], answer.body)
        file = f"{key}{site.index}" if not key or key.endswith("/") else key
        answer = self._ask(method, f"/{bucket}/{file}", headers)
        if answer.status >= HTTPStatus.BAD_REQUEST:
            return self._failed(answer.status, method, bucket, site)
        return Answer(answer.status, [pair for pair in answer.headers if pair[0].lower() in S3_ANSWERS], answer.body)

    def _failed(self, status: int, method: str, bucket: str, site: Site) -> Answer:
        """Answer with S3's own words, or with the site's page for errors."""
        if site.error:
            page = self._ask(method, f"/{bucket}/{site.error}", {})
            if page.status == HTTPStatus.OK:
                kept = [pair for pair in page.headers if pair[0].lower() in S3_ANSWERS]
                return Answer(status, kept, page.body)
        return _page(HTTPStatus(status), "S3 has no such file, or does not show it to everybody.")

    def _site(self, bucket: str) -> Site | None:
        now = time.monotonic()
        looked_up_at, site = self._known.get(bucket, (0.0, None))
        if site is None or now > looked_up_at + REMEMBERED_S:
            site = self._look_up(bucket)
            self._known[bucket] = now, site
        return site

    def _look_up(self, bucket: str) -> Site | None:
        try:
            hosting = self._client("s3").get_bucket_website(Bucket=bucket)
        except ClientError:
            return self._distribution(bucket)
        return Site(
            domain="",
            index=hosting.get("IndexDocument", {}).get("Suffix", "index.html"),
            error=hosting.get("ErrorDocument", {}).get("Key", ""),
        )

    def _distribution(self, bucket: str) -> Site | None:
        for page in self._client("cloudfront").get_paginator("list_distributions").paginate():
            for distribution in page["DistributionList"].get("Items", []):
                origins = [origin["DomainName"] for origin in distribution["Origins"]["Items"]]
                if any(origin.startswith(f"{bucket}.s3.") for origin in origins):
                    return Site(domain=distribution["DomainName"])
        return None

    def _ask(self, method: str, target: str, headers: Mapping[str, str]) -> Answer:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=TIMEOUT_S)
        try:
            connection.request(method, target, headers=dict(headers))
            answer = connection.getresponse()
            return Answer(answer.status, answer.getheaders(), answer.read())
        finally:
            connection.close()


def serve(sites: Sites, port: int) -> ThreadingHTTPServer:
    """Serve the sites in a thread, as long as the process lives. Raises OSError when the port is taken."""
    started = _server(sites, port)
    threading.Thread(target=started.serve_forever, name="sites", daemon=True).start()
    return started


def _server(sites: Sites, port: int) -> ThreadingHTTPServer:
    """Return a server of the sites on a port of the loopback interface; 0 is any that is free."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = TIMEOUT_S

        def do_GET(self) -> None:
            self._serve()

        def do_HEAD(self) -> None:
            self._serve()

        def log_message(self, format: str, *args: Any) -> None:
            """Log nothing: the cloud's own log has what matters."""

        def _serve(self) -> None:
            if not is_loopback(self.headers.get("Host", ""), server.server_port):  # a stranger's page, by DNS rebinding
                self.send_error(HTTPStatus.FORBIDDEN, "This address serves loopback names alone")
                return
            conditional = {name: self.headers[name] for name in ASKED if self.headers[name] is not None}
            try:
                answer = sites.answer(self.command, self.path, conditional)
            except (OSError, http.client.HTTPException) as error:
                answer = _page(HTTPStatus.BAD_GATEWAY, f"The embedded cloud does not answer: {error}")
            self.send_response(answer.status)
            for name, value in answer.headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)

    server = ThreadingHTTPServer((HOST, port), Handler)
    server.daemon_threads = True
    return server


def _page(status: HTTPStatus, text: str) -> Answer:
    body = f"{status.value} {status.phrase}: {text}\n".encode()
    return Answer(status, [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")], body)


def _handed_on(name: str) -> bool:
    return name.lower() not in NOT_HANDED_ON
