"""The door of the embedded cloud, which keeps requests of foreign web pages from the emulator.

A browser sends any page's requests to the loopback interface, with headers that no page can forge: `Host` is the name
that the page used (an attacker's by DNS rebinding), `Origin` and `Sec-Fetch-Site` say where the page comes from.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Awaitable, Callable, Collection, Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

OWNER_HEADER = "x-labelstack-owner"
# RFC 6761: browsers take every name below it for the loopback interface and ask no DNS server. SDKs put a bucket's name
# before `localhost`, and sites.py the name of a distribution.
LOOPBACK_DOMAIN = ".localhost"
LOOPBACK = re.compile(r"(127\.0\.0\.1|([\w-]+\.)*localhost)(:(?P<port>\d+))?", re.ASCII)
# Paths of the emulator outside AWS's own interfaces: state, mail, code, settings, reset.
CONTROL_PATHS = ("/_ministack", "/_localstack", "/_aws/", "/health")
# Of those, the data planes that AWS gives names of their own.
DATA_PATHS = ("/_aws/execute-api/", "/_aws/lambda-url/")

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass(frozen=True)
class Door:
    """An ASGI application in front of the emulator's.

    Attributes:
        app: The emulator.
        port: The emulator's port.
        owner_token: The value of OWNER_HEADER that opens everything.
        allowed_origins: Gives the origins whose pages may ask, such as `http://127.0.0.1:8080`.
    """

    app: App
    port: int
    owner_token: str
    allowed_origins: Callable[[], Collection[str]]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the request, or pass it on."""
        reason = self.refusal(scope) if scope["type"] in ("http", "websocket") else None
        if reason is None:
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": reason})
        else:
            await _refuse(send, reason)

    def refusal(self, scope: Scope) -> str | None:
        """Return why a request is refused, and what its sender can do, or None if it may pass."""
        headers = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]]
        tokens = _values(headers, OWNER_HEADER)
        if len(tokens) == 1 and hmac.compare_digest(tokens[0].encode("latin-1"), self.owner_token.encode("latin-1")):
            return None
        hosts = _values(headers, "host")
        if len(hosts) != 1 or not is_loopback(hosts[0], self.port):
            return f"Host is {', '.join(hosts) or 'missing'}: use http://127.0.0.1:{self.port}."
        origins, sites = _values(headers, "origin"), _values(headers, "sec-fetch-site")
        if origins:
            allowed = self.allowed_origins()
            if foreign := [origin for origin in origins if origin not in allowed]:
                return (
                    f"pages of {', '.join(foreign)} may not use this cloud: add the origin to the stack's setting "
                    "allowedOrigins."
                )
        elif any(site != "none" for site in sites) and not _reads_signed_object(scope):
            return f"a web page sent this request (Sec-Fetch-Site is {', '.join(sites)}) without an Origin header."
        path = str(scope["path"])
        if path.startswith(CONTROL_PATHS) and not path.startswith(DATA_PATHS):
            return f"{path} needs the owner's header {OWNER_HEADER}."
        return None


def is_loopback(host: str, port: int) -> bool:
    """Return whether a Host header names the loopback interface, which no DNS server can change, and this port."""
    name = LOOPBACK.fullmatch(host.lower())
    return name is not None and name["port"] in (None, str(port))


def _reads_signed_object(scope: Scope) -> bool:
    """Return whether a request reads one object by a presigned URL.

    A page that shows it as a picture does not name itself. S3 checks the signature. The page cannot read the answer.
    """
    if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD") or scope["path"].strip("/").count("/") < 1:
        return False
    query = parse_qs(scope["query_string"].decode("latin-1"))
    signed = {"X-Amz-Credential", "X-Amz-Signature"} <= set(query) or {"AWSAccessKeyId", "Signature"} <= set(query)
    return signed and "Action" not in query


def _values(headers: Iterable[tuple[str, str]], name: str) -> list[str]:
    return [value for header, value in headers if header == name]


async def _refuse(send: Send, reason: str) -> None:
    body = json.dumps({"__type": "AccessDenied", "message": f"The embedded cloud refuses this request: {reason}"})
    headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body.encode()})
