"""Runs a Pulumi program in this process, as Pulumi's language host would, against a monitor of ours."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import logging
import runpy
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime import mocks
from pulumi.runtime import settings as pulumi_settings
from pulumi.runtime.proto import resource_pb2

from labelstack.engines.configuration import Project
from labelstack.errors import LabelstackError, ProgramError

LOGGER = logging.getLogger("labelstack.program")
# How many resources are made at once. An emulator is one process and gains nothing by more.
PARALLEL = 16
# A deployment to an emulator takes seconds. This is for a program that never ends.
DEADLINE_S = 900.0
# Working directory, module search path and modules belong to the process: one program at a time.
_ONE_AT_A_TIME = threading.Lock()
STACK_TYPE = "pulumi:pulumi:Stack"
# The features that the engine supports. Pulumi itself raises when a program asks for others.
FEATURES = (
    resource_pb2.RESOURCE_MONITOR_FEATURE_SECRETS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_DELETED_WITH,
)
_OWN_PACKAGE = __name__.partition(".")[0]


class NoMocks(mocks.Mocks):
    """Pulumi's mock monitor wants mocks; ours never asks them."""

    def call(self, args: mocks.MockCallArgs) -> Any:
        raise NotImplementedError

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        raise NotImplementedError


class Monitor(mocks.MockMonitor):
    """A monitor of ours. Several threads call its methods at once.

    Attributes:
        failure: The first error, after which the monitor creates nothing more.
    """

    def __init__(self, project: str, stack: str) -> None:
        super().__init__(NoMocks())
        self.failure: LabelstackError | None = None
        self._prefix = f"urn:pulumi:{stack}::{project}::"
        self._lock = threading.Lock()

    def stop(self, reason: LabelstackError) -> None:
        """Create no further resources. Those under way go on."""
        with self._lock:
            self.failure = self.failure or reason

    def GetDeploymentInfo(self, request: Any) -> Any:
        """Return the supported features."""
        return resource_pb2.DeploymentInfo(supportedFeatures=list(FEATURES))


def run(project: Project, stack: str, config: Mapping[str, str], monitor: Monitor, *, preview: bool = False) -> None:
    """Run the program to its end; its resources and outputs go to the monitor.

    In a preview, outputs that the monitor does not return are unknown, and functions applied to them do not run.

    Raises:
        ProgramError: The program raised; its own message.
    """
    with _ONE_AT_A_TIME, ThreadPoolExecutor(1, thread_name_prefix="pulumi-program") as thread:
        # An empty context: Pulumi keeps its settings, configuration and root resource in context variables.
        future = thread.submit(contextvars.Context().run, _run, project, stack, config, monitor, preview)
        try:
            future.result()
        except LabelstackError:
            raise
        except (Exception, SystemExit) as error:
            raise ProgramError(_explained(error, project)) from error
        except BaseException:  # the user's Ctrl-C: the program still runs in its thread, and must end soon
            monitor.stop(ProgramError("the deployment was interrupted"))
            raise


def _run(project: Project, stack: str, config: Mapping[str, str], monitor: Monitor, preview: bool) -> None:
    async def program() -> None:
        loop = asyncio.get_running_loop()
        # Errors that Pulumi passes on by several ways are reported once, by us, and not again by asyncio.
        loop.set_exception_handler(lambda _, context: LOGGER.debug("%s", context))
        loop.set_default_executor(ThreadPoolExecutor(PARALLEL, thread_name_prefix="pulumi-resource"))
        pulumi.runtime.set_all_config(dict(config))
        pulumi_settings.configure(
            pulumi_settings.Settings(
                project=project.name,
                stack=stack,
                monitor=monitor,
                engine=mocks.MockEngine(LOGGER),
                dry_run=preview,
                organization="organization",
                root_directory=str(project.folder),
            )
        )
        entry = project.entry

        async def execute() -> None:
            runpy.run_path(str(entry), run_name="__main__")
            await outputs_known()

        async with asyncio.timeout(DEADLINE_S):
            await pulumi.runtime.run_in_stack(execute)

    with _inside(project.entry.parent), no_collections():
        asyncio.run(program())


async def outputs_known() -> None:
    """Wait for the values of all outputs. Raises the error of the first that failed.

    Pulumi would wait for them itself, but it goes through all of them again for each that becomes known: with a hundred
    resources that takes longer than to make them.
    """
    while pending := {task for task in pulumi_settings.SETTINGS.outputs if not task.done()}:
        done, _ = await asyncio.wait(pending, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()


@contextlib.contextmanager
def no_collections() -> Iterator[None]:
    """Put off collections of garbage: a program leaves little, and a full collection walks through Pulumi's AWS SDK."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@contextlib.contextmanager
def _inside(folder: Path) -> Iterator[None]:
    """Work in the program's folder, with it first on the search path and its modules imported again."""
    tops = {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/__init__.py")}
    tops -= {"__main__", _OWN_PACKAGE}

    def local() -> list[str]:
        return [name for name in sys.modules if name.partition(".")[0] in tops]

    before = {name: sys.modules.pop(name) for name in local()}
    sys.path.insert(0, str(folder))
    try:
        with contextlib.chdir(folder):
            yield
    finally:
        sys.path.remove(str(folder))
        for name in local():
            del sys.modules[name]
        sys.modules.update(before)


def _explained(error: BaseException, project: Project) -> str:
    """Return a program's error in its own words, and for a likely mistake in the program also its place."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, str) else f"the program ended itself with status {error.code}"
    if isinstance(error, TimeoutError) and not error.args:
        return f"the program did not end within {DEADLINE_S:.0f} s"
    text = str(error)
    if text and (isinstance(error, pulumi.RunError) or _is_projects_own(error, project)):
        return text
    where = ""
    frame = error.__traceback__
    while frame is not None:
        file = Path(frame.tb_frame.f_code.co_filename)
        if file.is_relative_to(project.folder) and ".venv" not in file.parts and _OWN_PACKAGE not in file.parts:
            where = f" ({file.relative_to(project.folder)}, line {frame.tb_lineno})"
        frame = frame.tb_next
    return f"{type(error).__name__}: {text}{where}"


def _is_projects_own(error: BaseException, project: Project) -> bool:
    """Return whether the project defines the error's class, and not Python or a library."""
    top = type(error).__module__.partition(".")[0]
    return (project.folder / top).is_dir() or (project.folder / f"{top}.py").is_file()
