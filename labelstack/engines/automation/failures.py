"""Turn a failure of the Pulumi CLI into one of our errors: what failed and what to do, not the whole log."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from pulumi.automation import CommandError, ConcurrentUpdateError, StackNotFoundError

from labelstack.engines.automation.cli import last_words, stderr_of
from labelstack.engines.automation.events import Events
from labelstack.engines.automation.workspace import PASSPHRASE_VARIABLES, Workspace
from labelstack.errors import DeployError, DestroyError, LabelstackError, ProgramError, StateError

# The CLI's words: pkg/secrets/passphrase/manager.go and pkg/backend in Pulumi's sources.
_PASSPHRASE = re.compile(r"incorrect passphrase|passphrase must be set")
_OTHER_VERSION = re.compile(
    r"(newer than what|too old to be used by) this version of the Pulumi CLI|deployment version is too (new|old)"
)
# Pulumi keeps the resources that it has created, and their record.
AFTER_FAILED_UP = (
    "The stack keeps what is deployed: `labelstack up` continues from there, `labelstack down` removes it."
)


@contextmanager
def translated(workspace: Workspace, events: Events, *, destroying: bool = False) -> Iterator[None]:
    """Raise the CLI's failures as LabelstackErrors. The caller handles a missing stack."""
    try:
        yield
    except StackNotFoundError:
        raise
    except CommandError as error:
        raise _translation(error, workspace, events, destroying) from error


def _translation(error: CommandError, workspace: Workspace, events: Events, destroying: bool) -> LabelstackError:
    stack, stderr = workspace.stack, stderr_of(error)
    if isinstance(error, ConcurrentUpdateError):
        return StateError(
            f"another Pulumi process works on stack {stack}, or was killed while it did: wait for it, or remove its "
            f"lock with PULUMI_BACKEND_URL={workspace.backend_url} pulumi cancel --stack {stack}"
        )
    if _PASSPHRASE.search(stderr):
        names = " or ".join(PASSPHRASE_VARIABLES)
        return StateError(
            f"the passphrase is not that of stack {stack}: set {names} as it was at its creation, or leave "
            f"both unset to use the one in {workspace.passphrase}"
        )
    if _OTHER_VERSION.search(stderr):
        return StateError(
            f"stack {stack} was written by another version of Pulumi ({last_words(error)}): use that version of the "
            f"Pulumi CLI, or delete {workspace.folder} if its cloud is gone"
        )
    problems = events.problems()
    text = "\n".join(str(problem) for problem in problems) or last_words(error)
    if destroying:
        return DestroyError(
            f"stack {stack} could not be destroyed: {text}", [str(problem) for problem in problems] or [text]
        )
    resources = [problem for problem in problems if problem.name]
    failure = (
        DeployError(text, resource=resources[0].name, resource_type=resources[0].type, answer=resources[0].text)
        if resources
        else ProgramError(text)
    )
    failure.add_note(AFTER_FAILED_UP)
    return failure
