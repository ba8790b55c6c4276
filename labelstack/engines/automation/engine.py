"""Deploys the program with Pulumi itself: its CLI and its AWS provider, on a file back end in a folder."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from pulumi import automation
from pulumi.automation import StackNotFoundError

from labelstack.clouds.base import Cloud
from labelstack.engines import configuration
from labelstack.engines.automation import cli, failures, provider, record
from labelstack.engines.automation.events import Events
from labelstack.engines.automation.record import Record
from labelstack.engines.automation.workspace import Workspace
from labelstack.engines.configuration import Project
from labelstack.engines.in_process import Deployment
from labelstack.engines.removal import OnStep
from labelstack.engines.state import exclusive
from labelstack.errors import DestroyError, StateError

# Provider settings that are allowed on an emulator too; profiles, roles and account ids are for AWS.
KEPT_PROVIDER_KEYS = ("aws:region", "aws:defaultTags", "aws:ignoreTags")


class PulumiEngine:
    """Deploys one project to one cloud.

    Attributes:
        project: The folder with `Pulumi.yaml`; it is not written to.
        cloud: Where to.
        folder: A folder in it, by the stack's name, has all that belongs to a stack: state, passphrase, settings.
        cli_folder: Where the Pulumi CLI is downloaded to when none is installed.
    """

    def __init__(self, project: Path, cloud: Cloud, folder: Path, cli_folder: Path) -> None:
        self.project = project
        self.cloud = cloud
        self.folder = folder.resolve()
        self.cli_folder = cli_folder.resolve()

    def up(self, stack: str, config: Mapping[str, str] | None = None, *, on_step: OnStep | None = None) -> Deployment:
        """Deploy a stack: create, change and remove resources that differ from the last deployment.

        What was made before a resource failed stays, and the next deployment goes on from there.

        Args:
            stack: Its name; `Pulumi.<stack>.yaml` has its configuration.
            config: Overrides by key; a key without a namespace is the project's own.
            on_step: Told of each resource that is done, from another thread.

        Raises:
            PulumiMissingError: The CLI or the provider is not here and cannot be downloaded.
            ProgramError: The program raised, or its settings are wrong.
            DeployError: The cloud refused a resource.
            StateError: Another process is at this stack, or it cannot be decrypted or read by this version.
        """
        started = time.monotonic()
        project = Project.read(self.project)
        settings = configuration.merge(project, stack, self._dictated(), config or {})
        if self.cloud.endpoint_url is not None:
            settings = _for_emulator(settings, self.cloud.endpoint_url)
        workspace = Workspace(self.folder / stack, stack)
        with exclusive(self.folder / f"{stack}.json"):
            command = cli.ready(self.cli_folder)
            self._known(stack)
            workspace.write(project, settings)
            opts = self._options(workspace, command)
            Record(self.cloud.instance, None).write(record.file_of(self.folder, stack))
            events = Events(on_step)
            with failures.translated(workspace, events):
                handle = automation.create_or_select_stack(stack, work_dir=str(workspace.program), opts=opts)
                result = handle.up(on_event=events, color="never")
            outputs = {name: output.value for name, output in sorted(result.outputs.items())}
            Record(self.cloud.instance, outputs).write(record.file_of(self.folder, stack))
        return Deployment.of(outputs, events.counts, time.monotonic() - started)

    def destroy(self, stack: str, *, on_step: OnStep | None = None) -> int:
        """Remove all of a stack's resources and its folder; a stack that is not there is fine.

        Returns:
            How many were removed.

        Raises:
            PulumiMissingError: The CLI is not here and cannot be downloaded.
            DestroyError: Some are protected, and nothing was removed; or some could not be removed.
            StateError: Another process is at this stack, or it cannot be decrypted or read by this version.
        """
        workspace = Workspace(self.folder / stack, stack)
        with exclusive(self.folder / f"{stack}.json"):
            if self._known(stack) is None:
                return 0
            command = cli.find(self.cli_folder)
            events = Events(on_step)
            # A deployment that fails early leaves a folder without a stack.
            with failures.translated(workspace, events, destroying=True), suppress(StackNotFoundError):
                handle = self.select(stack, command)
                _refuse_protected(handle)
                handle.destroy(on_event=events, color="never", remove=True)
            shutil.rmtree(workspace.folder)
        return events.counts["deleted"]

    def select(self, stack: str, command: automation.PulumiCommand | None = None) -> automation.Stack:
        """Return the handle of a deployed stack in Pulumi's Automation API, for operations that this engine lacks.

        Raises:
            StackNotFoundError: There is no such stack.
        """
        workspace = Workspace(self.folder / stack, stack)
        opts = self._options(workspace, command or cli.find(self.cli_folder))
        return automation.select_stack(stack, work_dir=str(workspace.program), opts=opts)

    def outputs(self, stack: str) -> dict[str, Any]:
        """Return the outputs of a deployed stack.

        Raises:
            StateError: It is not deployed, or another version has deployed it.
        """
        known = record.read(self.folder, stack, self.cloud.instance)
        if known is None or known.outputs is None:
            raise StateError(
                f"stack {stack} is not deployed on {self.cloud.name} by Pulumi: deploy it "
                "(labelstack up --engine pulumi)"
            )
        return dict(known.outputs)

    def _known(self, stack: str) -> Record | None:
        """Return the stack's record. Remove the rest of a stack whose emulator has lost everything."""
        known = record.load(self.folder, stack)
        if known is not None and known.instance == self.cloud.instance:
            return known
        if known is not None and self.cloud.endpoint_url is None:  # AWS loses nothing: without its state it would stay
            raise StateError(
                f"stack {stack} was deployed on {known.instance}, and this is {self.cloud.instance}: destroy it there"
            )
        shutil.rmtree(self.folder / stack, ignore_errors=True)
        return None

    def _dictated(self) -> dict[str, Any]:
        url = self.cloud.endpoint_url
        return {**({} if url is None else provider.emulator_settings(url)), **self.cloud.stack_config()}

    def _options(self, workspace: Workspace, command: automation.PulumiCommand) -> automation.LocalWorkspaceOptions:
        url, variables = self.cloud.endpoint_url, workspace.environment()
        if url is not None:
            variables |= provider.emulator_environment(url, self.cloud.credentials())
        return automation.LocalWorkspaceOptions(
            env_vars=variables,
            secrets_provider="passphrase",
            pulumi_command=command,
        )


def _for_emulator(settings: Mapping[str, Any], endpoint_url: str) -> dict[str, Any]:
    """Return the settings without those of a stack's file that concern AWS accounts."""
    ours = {*KEPT_PROVIDER_KEYS, *provider.emulator_settings(endpoint_url)}
    return {key: value for key, value in settings.items() if not key.startswith("aws:") or key in ours}


def _refuse_protected(handle: automation.Stack) -> None:
    """Raise DestroyError where a resource is protected: Pulumi would remove all the others first."""
    resources = (handle.export_stack().deployment or {}).get("resources", [])
    protected = [
        f"{resource['urn'].rpartition('::')[2]} ({resource['type']})"
        for resource in resources
        if resource.get("protect")
    ]
    if protected:
        raise DestroyError.protected(f"destroy stack {handle.name}", protected)
