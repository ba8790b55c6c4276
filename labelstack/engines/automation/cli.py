"""Find the Pulumi CLI and its AWS provider where they are installed, else download them once."""

from __future__ import annotations

import subprocess
import urllib.error
import urllib.request
from importlib.metadata import version
from pathlib import Path

from pulumi.automation import CommandError, InvalidVersionError, PulumiCommand
from semver import VersionInfo

from labelstack.errors import PulumiMissingError

# The version that is downloaded, and the oldest that is used: that of the Pulumi SDK in requirements.txt.
CLI_VERSION = VersionInfo.parse("3.272.0")
INSTALLER_URL = "https://get.pulumi.com/install.sh"
HOW_TO_INSTALL = "https://www.pulumi.com/docs/iac/download-install/"
# Pulumi's own installer waits for ever where a firewall drops its packets.
PROBE_TIMEOUT_S = 10


def ready(folder: Path) -> PulumiCommand:
    """Find the CLI as `find` does, and get the provider plugin of exactly the SDK's version.

    Raises:
        PulumiMissingError: One of them is not here and cannot be downloaded.
    """
    command = find(folder)
    plugin = ["resource", "aws", f"v{provider_version()}"]
    try:
        command.run(["plugin", "install", *plugin], str(Path.home()), {"PULUMI_SKIP_UPDATE_CHECK": "true"})
    except CommandError as error:
        raise PulumiMissingError(
            f"the Pulumi engine needs Pulumi's AWS provider {provider_version()}, which is not installed and could not "
            f"be downloaded ({last_words(error)}): install it (pulumi plugin install {' '.join(plugin)}), or use "
            "--engine in-process."
        ) from error
    return command


def provider_version() -> str:
    """Name the version of the provider plugin that belongs to the installed SDK."""
    return version("pulumi-aws")


def last_words(error: CommandError) -> str:
    """Return the CLI's own error in one line."""
    lines = [line.strip() for line in stderr_of(error).splitlines() if line.strip()]
    errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    return (errors or lines or ["it gave no reason"])[-1].rstrip(".")


def stderr_of(error: CommandError) -> str:
    """Return the CLI's standard error; the SDK's exception has it as text only."""
    return str(error).rpartition("\n stderr: ")[2]


def find(folder: Path, installer_url: str = INSTALLER_URL) -> PulumiCommand:
    """Return the CLI on PATH, else the one in `folder`, which is downloaded when it is not there.

    Raises:
        PulumiMissingError: There is none, or only an older one, and it cannot be downloaded.
    """
    try:
        return PulumiCommand(version=CLI_VERSION)
    except (OSError, subprocess.CalledProcessError):
        trouble = "is not installed"
    except InvalidVersionError:
        trouble = "is older here"
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
            f"the Pulumi engine needs the Pulumi CLI {CLI_VERSION} or newer, which {trouble} and could not be "
            f"downloaded ({_reason(error)}): install it ({HOW_TO_INSTALL}), or use --engine in-process."
        ) from error


def _reason(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        lines = (error.output or b"").decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"its installer ended with status {error.returncode}"
    return str(getattr(error, "reason", error))
