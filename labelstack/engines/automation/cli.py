"""The Pulumi CLI: found where it is installed, else downloaded once."""

from __future__ import annotations

import subprocess
import urllib.error
import urllib.request
from pathlib import Path

from pulumi.automation import InvalidVersionError, PulumiCommand
from semver import VersionInfo

from labelstack.errors import PulumiMissingError

# The version that is downloaded, and the oldest that is used: that of the Pulumi SDK in requirements.txt.
CLI_VERSION = VersionInfo.parse("3.272.0")
INSTALLER_URL = "https://get.pulumi.com/install.sh"
HOW_TO_INSTALL = "https://www.pulumi.com/docs/iac/download-install/"
# Pulumi's own installer waits for ever where a firewall drops its packets.
PROBE_TIMEOUT_S = 10


def find(folder: Path, installer_url: str = INSTALLER_URL) -> PulumiCommand:
    """The CLI on PATH, else the one in `folder`, which is downloaded when it is not there.

    Raises:
        PulumiMissingError: There is none, or only an older one, and it cannot be downloaded.
    """
    try:
        return PulumiCommand(version=CLI_VERSION)
    except (OSError, subprocess.CalledProcessError):
        found = "is not installed"
    except InvalidVersionError:
        found = "is older here"
    try:
        return PulumiCommand(root=str(folder), version=CLI_VERSION)
    except (OSError, subprocess.CalledProcessError, InvalidVersionError):
        pass  # not downloaded yet, or not wholly
    try:
        urllib.request.urlopen(installer_url, timeout=PROBE_TIMEOUT_S).close()
        return PulumiCommand.install(root=str(folder), version=CLI_VERSION)
    except (OSError, subprocess.CalledProcessError, InvalidVersionError) as error:
        if isinstance(error, urllib.error.HTTPError):  # which is an open answer too
            error.close()
        raise PulumiMissingError(
            f"the Pulumi engine needs the Pulumi CLI {CLI_VERSION} or newer, which {found} and could not be downloaded "
            f"({_reason(error)}): install it ({HOW_TO_INSTALL}), or use --engine in-process."
        ) from error


def _reason(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        lines = (error.output or b"").decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"its installer ended with status {error.returncode}"
    return str(getattr(error, "reason", error))
