"""What went wrong with the Pulumi CLI, as one of our errors: what failed and what to do, not the whole log."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from pulumi.automation import CommandError, ConcurrentUpdateError, StackNotFoundError

from labelstack.engines.automation.events import Events
from labelstack.engines.automation.workspace import PASSPHRASE_VARIABLES, Workspace
from labelstack.errors import DeployError, DestroyError, LabelstackError, ProgramError, StateError

# The CLI's words: pkg/secrets/passphrase/manager.go and pkg/backend in Pulumi's sources.
_PASSPHRASE = re.compile(r"incorrect passphrase|passphrase must be set")
_OTHER_VERSION = re.compile(
    r"(newer than what|too old to be used by) this version of the Pulumi CLI|deployment version is too (new|old)"
)


@contextmanager
def translated(workspace: Workspace, events: Events, *, destroying: bool = False) -> Iterator[None]:
    """Raise what the CLI fails with as a LabelstackError. That a stack does not exist is left to the caller."""
    try:
        yield
    except StackNotFoundError:
        raise
    except CommandError as error:
        raise _translation(error, workspace, events, destroying) from error


def last_words(error: CommandError) -> str:
    """The CLI's own error in one line."""
    lines = [line.strip() for line in _said(error).splitlines() if line.strip()]
    told = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    return (told or lines or ["it gave no reason"])[-1].rstrip(".")


def _translation(error: CommandError, workspace: Workspace, events: Events, destroying: bool) -> LabelstackError:
    stack, said = workspace.stack, _said(error)
    if isinstance(error, ConcurrentUpdateError):
        return StateError(
            f"another Pulumi process works on stack {stack}, or was killed while it did: wait for it, or take its lock "
            f"away with PULUMI_BACKEND_URL={workspace.backend_url} pulumi cancel --stack {stack}"
        )
    if _PASSPHRASE.search(said):
        names = " or ".join(PASSPHRASE_VARIABLES)
        return StateError(
            f"the passphrase is not the one that stack {stack} was made with: set {names} as it was then, or leave "
            f"both unset to use the one in {workspace.passphrase}"
        )
    if _OTHER_VERSION.search(said):
        return StateError(
            f"stack {stack} was written by another version of Pulumi ({last_words(error)}): use that version of the "
            f"Pulumi CLI, or delete {workspace.folder} if its cloud is gone"
        )
    problems = events.problems()
    told = "\n".join(str(problem) for problem in problems) or last_words(error)
    if destroying:
        return DestroyError(
            f"stack {stack} could not be destroyed: {told}", [str(problem) for problem in problems] or [told]
        )
    resources = [problem for problem in problems if problem.name]
    if not resources:
        return ProgramError(told)
    return DeployError(
        f"{told}\nWhat was made before stays: deploy again to go on, or destroy the stack.",
        resource=resources[0].name,
        resource_type=resources[0].type,
        answer=resources[0].text,
    )


def _said(error: CommandError) -> str:
    """What the CLI wrote to standard error; the SDK's exception has it as text only."""
    return str(error).rpartition("\n stderr: ")[2]
