"""Admit no web page and no foreign host name, and only the owner to the control plane."""

from __future__ import annotations

import hmac
import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

CONTROL = "/_rekognition_local"
TOKEN_HEADER = "X-Rekognition-Local-Token"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
ANY_ADDRESS = "*"


@dataclass(frozen=True)
class Access:
    """The rules of admission.

    Attributes:
        token: Opens the control plane; empty closes it for all.
        hosts: Names, besides this machine's own, by which the server is reached, such as `rekognition`; `*` is every IP
            address. A page that rebinds its DNS name to this machine comes by another name.
    """

    token: str = ""
    hosts: frozenset[str] = frozenset()

    def refusal(self, request: HTTPConnection) -> str | None:
        """Return why a request is refused, and what its sender can do, or None if it may pass."""
        headers, path = request.headers, str(request.scope["path"])
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._is_known(_name(hosts[0])):
            name = ", ".join(hosts) or "missing"
            return f"Host is {name}: start the server with --allow-host {name.partition(':')[0]} to be reached so."
        if "origin" in headers or headers.get("sec-fetch-site", "none") != "none":
            return "No web page may call this server."
        if path.startswith(CONTROL) and path != f"{CONTROL}/health":
            token = headers.get(TOKEN_HEADER, "")
            if not self.token or not hmac.compare_digest(token.encode(), self.token.encode()):
                return f"{path} needs the owner's token in the header {TOKEN_HEADER}."
        return None

    def _is_known(self, name: str) -> bool:
        return name in LOOPBACK or name in self.hosts or (ANY_ADDRESS in self.hosts and _is_address(name))


class Door:
    """ASGI middleware that admits allowed callers."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the request, or pass it on."""
        reason = self._access.refusal(HTTPConnection(scope)) if scope["type"] in ("http", "websocket") else None
        refused = JSONResponse({"__type": "AccessDeniedException", "message": reason}, status_code=403)
        await (self._app if reason is None else refused)(scope, receive, send)


def _name(host: str) -> str:
    """Return the name in a Host header, without its port, or "" if there is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
