"""The in-process engine: deploys a Pulumi program to an emulator on this machine, without the Pulumi CLI."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labelstack.clouds.base import Cloud
from labelstack.engines import configuration, local_endpoints, program
from labelstack.engines.configuration import Project
from labelstack.engines.deployer import Deployer
from labelstack.engines.monitor import DeployMonitor
from labelstack.engines.provisioners.base import Target
from labelstack.engines.removal import OnStep, remove_all
from labelstack.engines.state import Entry, StackState, exclusive
from labelstack.errors import DestroyError, LabelstackError, StateError


@dataclass(frozen=True)
class Deployment:
    """A stack after a deployment.

    Attributes:
        outputs: The stack's outputs.
        created: The number of created resources.
        updated: The number changed in place.
        replaced: The number of replaced ones.
        deleted: The number that left the stack.
        unchanged: The number of unchanged ones.
        seconds: The duration.
    """

    outputs: Mapping[str, Any]
    created: int
    updated: int
    replaced: int
    deleted: int
    unchanged: int
    seconds: float

    @classmethod
    def of(cls, outputs: Mapping[str, Any], counts: Mapping[str, int], seconds: float) -> Deployment:
        """Return a deployment by its counts."""
        actions = ("created", "updated", "replaced", "deleted", "unchanged")
        return cls(outputs, **{action: counts.get(action, 0) for action in actions}, seconds=seconds)


class InProcessEngine:
    """Deploys one project to one cloud.

    Attributes:
        project: The folder with `Pulumi.yaml`.
        cloud: An emulator on this machine.
        state_folder: Where the record of each stack is kept, `<stack>.json`.
    """

    def __init__(self, project: Path, cloud: Cloud, state_folder: Path) -> None:
        """Connect to the cloud. Raises NotLocalError when its endpoint is not on this machine."""
        local_endpoints.check(cloud.endpoint_url)
        self.project = project
        self.cloud = cloud
        self.state_folder = state_folder

    def up(self, stack: str, config: Mapping[str, str] | None = None, *, on_step: OnStep | None = None) -> Deployment:
        """Deploy a stack: create missing resources, change those that differ, remove those that the program dropped.

        When a resource fails, those under way are awaited and what this deployment made is removed again.

        Args:
            stack: Its name; `Pulumi.<stack>.yaml` has its configuration.
            config: Overrides by key; a key without a namespace is the project's own.
            on_step: Told of each resource that is done.

        Raises:
            ProgramError: The program raised, or its settings are wrong.
            DeployError: The cloud refused a resource.
            UnsupportedError: A type, property or option that would not be applied.
            StateError: Another process is at this stack.
        """
        started = time.monotonic()
        project = Project.read(self.project)
        settings = configuration.read(project, stack, self.cloud.stack_config(), config or {})
        with exclusive(self._file(stack)):
            state = StackState.load(self._file(stack), self.cloud.instance)
            target = Target(self.cloud, configuration.default_tags(settings))
            deployer = Deployer(state, target, on_step)
            monitor = DeployMonitor(deployer, target, project.name, stack)
            try:
                program.run(project, stack, settings, monitor)
                if monitor.failure is not None:
                    raise monitor.failure
            except LabelstackError as error:
                # A program ends for want of the outputs of what has failed: the failure is the cause, not its end.
                cause = monitor.failure or error
                self._roll_back(deployer, state, target, cause)
                raise cause from (None if cause is error else error)
            except BaseException as error:
                self._roll_back(deployer, state, target, error)
                raise
            try:
                deployer.counts["deleted"] = self._remove_left(monitor.registered_urns, state, target, on_step)
            except DestroyError as error:
                error.add_note("All else is deployed as the program says.")
                raise
            state.set_outputs(monitor.outputs)
        return Deployment.of(monitor.outputs, deployer.counts, time.monotonic() - started)

    def destroy(self, stack: str, *, on_step: OnStep | None = None) -> int:
        """Remove all of a stack's resources; a stack that is not there is fine.

        Returns:
            How many were removed.

        Raises:
            DestroyError: Some are protected, and nothing was removed; or some could not be removed, and all else was.
        """
        with exclusive(self._file(stack)):
            state = StackState.load(self._file(stack), self.cloud.instance)
            doomed = [*state.entries.values(), *state.replaced]
            _refuse_protected(doomed, f"destroy stack {stack}")
            failures = remove_all(doomed, state, Target(self.cloud), on_step)
            if failures:
                raise _not_removed(failures)
            state.delete()
        return len(doomed)

    def outputs(self, stack: str) -> dict[str, Any]:
        """Return the outputs of a deployed stack.

        Raises:
            StateError: It is not deployed.
        """
        state = StackState.load(self._file(stack), self.cloud.instance)
        if not state.entries:
            raise StateError(f"stack {stack} is not deployed on {self.cloud.name}: deploy it (labelstack up)")
        return state.outputs

    def resources(self, stack: str) -> list[Entry]:
        """Return the records of a stack's resources, in the order of their creation."""
        return list(StackState.load(self._file(stack), self.cloud.instance).entries.values())

    def _file(self, stack: str) -> Path:
        return self.state_folder / f"{stack}.json"

    @staticmethod
    def _roll_back(deployer: Deployer, state: StackState, target: Target, cause: BaseException) -> None:
        """Remove the deployment's new resources, restore those that it replaced, and note that on its cause."""
        created = [entry for entry, _ in deployer.created]
        state.unprotect(created)
        failures = remove_all(created, state, target)
        for entry, old in deployer.created:
            if old is not None and state.entries.get(entry.urn) is not entry:
                state.restore(old)
        if not state.entries and not state.replaced:
            state.delete()
        left = "".join(f"\n  {failure}" for failure in failures)
        cause.add_note(f"The resources of this deployment are removed again{f', but for:{left}' if left else '.'}")

    @staticmethod
    def _remove_left(registered: Set[str], state: StackState, target: Target, on_step: OnStep | None) -> int:
        """Remove resources that the program dropped or replaced; return how many the program dropped."""
        left = [entry for urn, entry in state.entries.items() if urn not in registered]
        doomed = [*left, *state.replaced]
        _refuse_protected(doomed, "remove what the program no longer has")
        if failures := remove_all(doomed, state, target, on_step):
            raise _not_removed(failures)
        return len(left)


def _refuse_protected(doomed: Iterable[Entry], what: str) -> None:
    protected = [f"{entry.name} ({entry.type})" for entry in doomed if entry.protect]
    if protected:
        raise DestroyError.protected(what, protected)


def _not_removed(failures: list[str]) -> DestroyError:
    listed = "\n".join(f"  {failure}" for failure in failures)
    return DestroyError(f"{len(failures)} resources could not be removed; try again:\n{listed}", failures)
