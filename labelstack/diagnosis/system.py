"""The world as the checks see it: commands, ports, HTTP, files and an AWS account. Tests put another in its place."""

from __future__ import annotations

import datetime
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import urllib.error
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from labelstack.clouds import EmbeddedCloud
from labelstack.clouds.base import open_local
from labelstack.errors import CloudNotRunningError

COMMAND_TIMEOUT_S = 15
HTTP_TIMEOUT_S = 5
CONNECT_TIMEOUT_S = 1.0
LISTEN = "0A"  # the state in /proc/net/tcp


@dataclass(frozen=True)
class Ran:
    """A command that has ended.

    Attributes:
        status: Its exit status; None when it did not end in time.
        output: Standard output.
        error: Standard error.
    """

    status: int | None
    output: str
    error: str


class System:
    """This machine: the ports of the checks."""

    def __init__(self, project: Path) -> None:
        self._project = project

    def variables(self) -> Mapping[str, str]:
        """Return the environment, and beneath it the project's `.env`, which Compose reads."""
        return _env_file(self._project / ".env") | dict(os.environ)

    def python_version(self) -> tuple[int, int, int]:
        """Return this interpreter's version."""
        return sys.version_info[:3]

    def today(self) -> datetime.date:
        """Return the day by this machine's clock, in UTC."""
        return datetime.datetime.now(datetime.UTC).date()

    def package_version(self, name: str) -> str | None:
        """Return an installed Python package's version; None when it is not installed."""
        try:
            return version(name)
        except PackageNotFoundError:
            return None

    def which(self, command: str) -> str | None:
        """Return where a command is; None when it is not on PATH."""
        return shutil.which(command)

    def run(self, *command: str) -> Ran:
        """Run a command that is there."""
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S, stdin=subprocess.DEVNULL
            )
        except subprocess.TimeoutExpired:
            return Ran(None, "", f"no answer within {COMMAND_TIMEOUT_S} s")
        except OSError as error:
            return Ran(None, "", str(error))
        return Ran(done.returncode, done.stdout.strip(), done.stderr.strip())

    def exists(self, path: str) -> bool:
        """Return whether there is such a file, folder or socket."""
        return Path(path).exists()

    def get_json(self, url: str) -> Any:
        """Return the JSON at a URL; None for an answer without JSON. Raises OSError if nothing answers."""
        try:
            with open_local(url, HTTP_TIMEOUT_S) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            error.close()
            return None
        except (http.client.HTTPException, ValueError):
            return None

    def listener(self, port: int) -> str | None:
        """Name the process that listens on a port, by /proc; `another process` if unknown; None if nobody listens."""
        sockets = set(_listening_sockets(port))
        if not sockets and not _accepts_connections(port):
            return None
        for folder in Path("/proc").glob("[0-9]*"):
            if sockets & set(_sockets_of(folder)):
                return f"{_command(folder)} (process {folder.name})"
        return "another process"

    def embedded_endpoint(self, folder: Path) -> str:
        """Return where the embedded cloud in a folder answers. Raises CloudNotRunningError."""
        if not (folder / "cloud.json").exists():
            raise CloudNotRunningError("not running")
        return EmbeddedCloud.attach(folder).endpoint_url

    def pulumi_backend(self) -> str:
        """Return the URL of the back end that Pulumi is logged in to; empty when it is not.

        Pulumi's own rules: its variable, the project's file, the last login.
        """
        if url := os.environ.get("PULUMI_BACKEND_URL"):
            return url
        home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
        try:
            current = json.loads((home / "credentials.json").read_text()).get("current")
        except (OSError, ValueError, AttributeError):
            return ""
        return str(current or "")

    def regions_of(self, service: str) -> list[str]:
        """Return where AWS offers a service, as botocore's own data say."""
        session: Any = boto3.Session()  # the stubs know services as literals only
        return list(session.get_available_regions(service))


class Account:
    """The account that the standard variables and profiles name.

    Every method raises OSError with AWS's reason when it gets no answer.
    """

    def __init__(self, region: str, profile: str | None) -> None:
        """Open a session. Raises OSError with the reason when there is no such profile."""
        self.region = region
        try:
            self._session: Any = boto3.Session(region_name=region, profile_name=profile)
        except BotoCoreError as error:
            raise OSError(str(error)) from error

    def identity(self) -> str:
        """Return the ARN of the credentials' owner."""
        return str(self._ask("sts", "get_caller_identity")["Arn"])

    def unreserved_concurrency(self) -> int:
        """Return the quota of concurrent executions."""
        return int(self._ask("lambda", "get_account_settings")["AccountLimit"]["UnreservedConcurrentExecutions"])

    def _ask(self, service: str, operation: str) -> Any:
        try:
            return getattr(self._session.client(service), operation)()
        except (BotoCoreError, ClientError) as error:
            raise OSError(str(error)) from error


def _env_file(file: Path) -> dict[str, str]:
    try:
        lines = file.read_text().splitlines()
    except OSError:
        return {}
    pairs = (line.removeprefix("export ").partition("=") for line in lines if "=" in line and line[:1] != "#")
    return {name.strip(): value.strip().strip("\"'") for name, _, value in pairs}


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


def _accepts_connections(port: int) -> bool:
    """Return whether the port accepts a connection; for systems without /proc."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=CONNECT_TIMEOUT_S):
            return True
    except OSError:
        return False
