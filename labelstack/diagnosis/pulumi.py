"""Checks of Pulumi, which deploys to AWS and can deploy to emulators."""

from __future__ import annotations

import re

from labelstack.diagnosis.finding import Finding, Setting, check, ok, problem, warning

INSTALL = "https://www.pulumi.com/docs/iac/download-install/"
PASSPHRASE, PASSPHRASE_FILE = "PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"
# Back ends without a service that keeps secrets: the stack's own passphrase does.
OWN_BACKENDS = ("file://", "s3://", "gs://", "azblob://", "postgres://")


@check("Pulumi CLI", "localstack", "aws")
def cli(setting: Setting) -> Finding:
    """Check that there is a Pulumi CLI that is not older than the SDK."""
    if setting.system.which("pulumi") is None:
        return _lacking(setting, "not installed", f"Install it: {INSTALL}")
    ran = setting.system.run("pulumi", "version")
    installed, sdk = _version(ran.output), _version(setting.system.package_version("pulumi") or "")
    if ran.status != 0 or not installed:
        return _lacking(setting, "`pulumi version` prints no version", f"Reinstall it: {INSTALL}")
    if installed < sdk:
        found_text, sdk_text = ".".join(map(str, installed)), ".".join(map(str, sdk))
        return _lacking(
            setting, f"{found_text} is older than the SDK, {sdk_text}", f"Install {sdk_text} or newer: {INSTALL}"
        )
    return ok(ran.output)


@check("Pulumi back end", "localstack", "aws")
def backend(setting: Setting) -> Finding:
    """Check that Pulumi knows where to keep state, and has the passphrase for it."""
    url = setting.system.pulumi_backend()
    if not url:
        fix = "pulumi login, or export PULUMI_BACKEND_URL=file://$HOME/.pulumi-state (make the folder first)"
        return _lacking(setting, "Pulumi is not logged in", fix)
    if not url.startswith(OWN_BACKENDS):
        return ok(url)
    variables = setting.variables
    file = variables.get(PASSPHRASE_FILE)
    if PASSPHRASE not in variables and not file:
        return _lacking(setting, f"{url} needs a passphrase, and none is set", f"Set {PASSPHRASE} or {PASSPHRASE_FILE}")
    if PASSPHRASE not in variables and file and not setting.system.exists(file):
        return _lacking(setting, f"{PASSPHRASE_FILE} names {file}, which is not there", f"Correct {PASSPHRASE_FILE}")
    return ok(f"{url}, with a passphrase")


def _lacking(setting: Setting, detail: str, fix: str) -> Finding:
    """Return a problem on AWS, where nothing else deploys; on an emulator the in-process engine does."""
    if setting.cloud == "aws":
        return problem(detail, fix)
    return warning(f"{detail} (only `pulumi up` and --engine pulumi need it here)", fix)


def _version(text: str) -> tuple[int, ...]:
    match = re.search(r"(\d+)\.(\d+)\.(\d+)", text)
    return tuple(map(int, match.groups())) if match else ()
