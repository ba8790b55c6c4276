"""Removes resources in the reverse order of their dependencies, several at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from labelstack.engines import provisioners
from labelstack.engines.answers import explain
from labelstack.engines.provisioners.base import Recorded, Target, ignore_missing
from labelstack.engines.state import Entry, StackState
from labelstack.errors import LabelstackError, UnsupportedError

# Told of each resource that is done, by any thread: `created`, `updated`, `replaced`, `unchanged` or `deleted`; its
# type; its logical name.
OnStep = Callable[[str, str, str], None]
PARALLEL = 8


def remove(entry: Entry, state: StackState, target: Target) -> None:
    """Remove a resource from the cloud, unless it is to be left there, and from the record."""
    provisioner = provisioners.find(entry.type)
    if provisioner is None:
        raise UnsupportedError(
            f"no provisioner for {entry.type}: destroy the stack with the version of labelstack that deployed it",
            resource=entry.name,
            resource_type=entry.type,
        )
    if not entry.retain:
        inputs = provisioner.named(entry.inputs, entry.name_made)
        # A process that was killed while it created the resource could not record its id.
        if identifier := entry.id or provisioner.existing(inputs, target):
            with ignore_missing():
                provisioner.delete(Recorded(identifier, inputs, entry.outputs), target)
    state.remove(entry)


def remove_all(doomed: Iterable[Entry], state: StackState, target: Target, on_step: OnStep | None = None) -> list[str]:
    """Remove resources, each after all that depend on it.

    A resource that cannot be removed stays in the record, with its dependencies.

    Returns:
        One sentence for each resource that could not be removed.
    """
    waiting = {id(entry): entry for entry in doomed}
    failures: list[str] = []
    running: dict[Future[None], Entry] = {}
    stuck: list[Entry] = []
    with ThreadPoolExecutor(PARALLEL, thread_name_prefix="removal") as threads:
        while True:
            left = [*waiting.values(), *running.values(), *stuck]
            needed = {urn for entry in left for urn in entry.dependencies}
            for entry in [candidate for candidate in reversed(list(waiting.values())) if candidate.urn not in needed]:
                del waiting[id(entry)]
                running[threads.submit(remove, entry, state, target)] = entry
            if not running:
                return failures
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                entry = running.pop(future)
                if (error := future.exception()) is None:
                    if on_step is not None:
                        on_step("deleted", entry.type, entry.name)
                    continue
                if not isinstance(error, Exception):
                    raise error
                # Whatever the error is, the other resources are removed.
                answer = str(error) if isinstance(error, LabelstackError) else explain(error)
                failures.append(f"{entry.name} ({entry.type}): {answer}")
                stuck.append(entry)
