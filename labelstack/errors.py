"""The errors that `labelstack` raises on purpose.

LabelstackError
├── CloudError
│   ├── CloudStartError         a cloud did not come up
│   ├── CloudRunningError       one runs in that folder already
│   ├── CloudNotRunningError    none runs in that folder
│   └── CloudSettingsError      credentials, region or endpoint of a cloud are missing
├── PulumiMissingError          the Pulumi CLI or its provider is not here and cannot be downloaded
├── NotLocalError               an engine for emulators was pointed at something else
├── ProgramError                the Pulumi program itself failed, or its settings are wrong
├── ResourceError
│   ├── DeployError             the cloud refused a resource
│   └── UnsupportedError        a resource type, property or option the engine would have to ignore
├── DestroyError                resources that could not be removed
├── StateError                  the record of a stack cannot be read, or there is none
├── InputError                  what the user gave cannot be used
├── NoOutputsError              the outputs of a deployed stack could not be found
├── RepairError                 a repair cannot be requested, or the answer was no
├── ApiError                    a stack's API refused, or does not answer
└── NotFoundError               no picture or result with that key

Each has a stable `code` for programs and a message for people that says what to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


class LabelstackError(Exception):
    """An error that the command reports as `error: …` with exit status 1."""

    code = "LABELSTACK_ERROR"


class CloudError(LabelstackError):
    """A problem of a cloud, not of a stack on it."""

    code = "CLOUD_ERROR"


class CloudStartError(CloudError):
    """A process of the embedded cloud did not come up.

    Attributes:
        log: The log file of the process, None when it never ran.
    """

    code = "CLOUD_START_FAILED"

    def __init__(self, message: str, log: Path | None = None) -> None:
        super().__init__(message)
        self.log = log


class CloudRunningError(CloudError):
    """A cloud runs in the folder already."""

    code = "CLOUD_RUNNING"


class CloudNotRunningError(CloudError):
    """No cloud runs in the folder."""

    code = "CLOUD_NOT_RUNNING"


class CloudSettingsError(CloudError):
    """A cloud's endpoint, region or credentials are missing or wrong."""

    code = "CLOUD_SETTINGS"


class PulumiMissingError(LabelstackError):
    """The Pulumi CLI or its AWS provider is not installed and cannot be downloaded."""

    code = "PULUMI_MISSING"


class NotLocalError(LabelstackError):
    """The in-process engine serves emulators on this machine only."""

    code = "ENDPOINT_NOT_LOCAL"


class ProgramError(LabelstackError):
    """The Pulumi program raised; its own message."""

    code = "PROGRAM_FAILED"


class ResourceError(LabelstackError):
    """An error about a resource.

    Attributes:
        resource: Logical name.
        resource_type: Type token, e.g. `aws:sqs/queue:Queue`.
        property: Dotted path of the property at fault, if it is known.
        answer: The cloud's answer, if there was one.
    """

    def __init__(
        self,
        message: str,
        *,
        resource: str = "",
        resource_type: str = "",
        property: str | None = None,
        answer: str = "",
    ) -> None:
        super().__init__(message)
        self.resource = resource
        self.resource_type = resource_type
        self.property = property
        self.answer = answer


class UnsupportedError(ResourceError):
    """A resource type, property or option that the in-process engine does not apply."""

    code = "NOT_SUPPORTED"


class DeployError(ResourceError):
    """A resource could not be created or updated."""

    code = "DEPLOY_FAILED"


class DestroyError(LabelstackError):
    """Resources that could not be removed; they stay in the stack's record, so that destroying can be repeated.

    Attributes:
        failures: One sentence for each.
    """

    code = "DESTROY_FAILED"

    def __init__(self, message: str, failures: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.failures = tuple(failures)

    @classmethod
    def protected(cls, what: str, names: Sequence[str]) -> DestroyError:
        """Return the error of protected resources, for which nothing was removed."""
        advice = "set protectData to false, deploy, and try again"
        return cls(f"cannot {what}: {', '.join(names)} is protected; nothing was removed: {advice}", names)


class StateError(LabelstackError):
    """The record of a stack cannot be read, or there is none."""

    code = "STACK_STATE"


class InputError(LabelstackError):
    """A file, folder, key or option that the user gave cannot be used."""

    code = "INPUT"


class NoOutputsError(LabelstackError):
    """No deployed stack, or its outputs could not be found."""

    code = "NO_OUTPUTS"


class RepairError(LabelstackError):
    """A repair cannot be requested, or the answer was no."""

    code = "REPAIR"


class ApiError(LabelstackError):
    """A stack's API refused, or does not answer.

    Attributes:
        status: Of its answer; 0 when there was none.
        problem: The code of its problem document; empty when there was none.
    """

    code = "API"

    def __init__(self, message: str, *, status: int = 0, problem: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.problem = problem


class NotFoundError(LabelstackError):
    """There is no picture or result with that key."""

    code = "NOT_FOUND"
