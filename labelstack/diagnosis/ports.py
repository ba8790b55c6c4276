"""The process that listens on a port of this machine, by /proc where there is one."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

LISTEN = "0A"  # the state in /proc/net/tcp
CONNECT_TIMEOUT_S = 1.0


def listener(port: int) -> str | None:
    """Return the command and process id of a port's listener; `another process` if unknown; None if nobody listens."""
    sockets = set(_listening_sockets(port))
    if not sockets and not _answers(port):
        return None
    for folder in Path("/proc").glob("[0-9]*"):
        if sockets & set(_sockets_of(folder)):
            return f"{_command(folder)} (process {folder.name})"
    return "another process"


def _listening_sockets(port: int) -> Iterator[str]:
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for fields in (line.split() for line in lines):
            if fields[3] == LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                yield f"socket:[{fields[9]}]"


def _sockets_of(process: Path) -> Iterator[str]:
    try:
        for descriptor in (process / "fd").iterdir():
            yield str(descriptor.readlink())
    except OSError:  # it has ended, or is somebody else's
        return


def _command(process: Path) -> str:
    try:
        return (process / "comm").read_text().strip()
    except OSError:
        return "a process"


def _answers(port: int) -> bool:
    """Return whether the port accepts a connection; for systems without /proc."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=CONNECT_TIMEOUT_S):
            return True
    except OSError:
        return False
