"""Endpoints on this machine. The in-process engine talks to no others."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from labelstack.errors import NotLocalError

# These names resolve to loopback by definition (RFC 6761) or by LocalStack's public DNS records.
LOCAL_NAMES = ("localhost", "localhost.localstack.cloud")


def check(url: str | None) -> None:
    """Raise NotLocalError unless an endpoint is a loopback address, or a name that always means one."""
    try:
        host = (urlsplit(url or "").hostname or "").rstrip(".")
    except ValueError:
        host = ""
    try:
        is_local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_local = any(host == name or host.endswith(f".{name}") for name in LOCAL_NAMES)
    if not is_local:
        raise NotLocalError(
            f"the in-process engine deploys to emulators on this machine only; got {url or 'AWS'}: "
            "use Pulumi (pulumi up) for AWS"
        )
