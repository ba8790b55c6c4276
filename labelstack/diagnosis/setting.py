"""Reads the subject of a diagnosis: the stack's configuration and settings, and its account."""

from __future__ import annotations

from pathlib import Path

from labelstack.clouds.localstack import DEFAULT_ENDPOINT_URL
from labelstack.diagnosis.finding import Setting
from labelstack.diagnosis.system import Account, System
from labelstack.engines import configuration
from labelstack.engines.configuration import Project
from labelstack.errors import ProgramError
from settings import NAMESPACE, Settings, SettingsError, parse


def read(
    cloud: str,
    stack: str,
    project: Path,
    system: System,
    embedded_folder: Path,
    *,
    region: str | None = None,
    profile: str | None = None,
) -> Setting:
    """Return the setting for a cloud and a stack of a project. Its mistakes become findings.

    Args:
        cloud: `embedded`, `localstack` or `aws`.
        stack: The stack's name.
        project: The folder with `Pulumi.yaml`.
        system: The world.
        embedded_folder: Where the embedded cloud is looked for.
        region: An AWS region instead of the stack's.
        profile: An AWS profile instead of the stack's and the configured one.
    """
    config: dict[str, str] | None = None
    settings: Settings | None = None
    mistake = ""
    try:
        config = configuration.read(Project.read(project), stack, {}, {})
        prefix = f"{NAMESPACE}:"
        settings = parse({key.removeprefix(prefix): value for key, value in config.items() if key.startswith(prefix)})
    except (ProgramError, SettingsError) as error:
        mistake = str(error)
    account, account_mistake = None, ""
    if cloud == "aws":
        stack_config = config or {}
        variables = system.variables()
        where = (
            region
            or stack_config.get("aws:region")
            or variables.get("AWS_REGION")
            or variables.get("AWS_DEFAULT_REGION")
        )
        if where is None:
            account_mistake = "no region is set: set aws:region in the stack's file, or AWS_REGION"
        else:
            try:
                account = Account(where, profile or stack_config.get("aws:profile"))
            except OSError as error:
                account_mistake = str(error)
    return Setting(
        cloud=cloud,
        stack=stack,
        system=system,
        config=config,
        settings=settings,
        mistake=mistake,
        endpoint_url=system.variables().get("AWS_ENDPOINT_URL") or DEFAULT_ENDPOINT_URL,
        embedded_folder=embedded_folder,
        account=account,
        account_mistake=account_mistake,
    )
