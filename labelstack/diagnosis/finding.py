"""The input and the result of a check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # Pulumi, which the settings import, takes half a second
    from labelstack.diagnosis.system import AwsAccount, System
    from settings import Settings


class Status(StrEnum):
    """The weight of a finding; only a problem keeps the stack from working on the chosen cloud."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Attributes:
        name: The subject of the check.
        status: Its state.
        detail: The observation, in a few words.
        fix: What to do about a warning or a problem; empty otherwise.
    """

    name: str
    status: Status
    detail: str
    fix: str = ""


@dataclass(frozen=True)
class Setting:
    """The subject of a diagnosis.

    Attributes:
        cloud: `embedded`, `localstack` or `aws`.
        stack: The stack's name.
        system: The world.
        config: The stack's configuration by full key; None when it cannot be read.
        settings: The stack's settings; None when they are wrong.
        mistake: Why `config` or `settings` is None; empty when neither is.
        endpoint_url: LocalStack's expected address.
        embedded_folder: The embedded cloud's folder.
        account: The AWS account; None on another cloud, or without an answer.
        account_mistake: Why the account does not answer.
    """

    cloud: str
    stack: str
    system: System
    config: Mapping[str, str] | None
    settings: Settings | None
    mistake: str
    endpoint_url: str
    embedded_folder: Path
    account: AwsAccount | None = None
    account_mistake: str = ""

    @property
    def variables(self) -> Mapping[str, str]:
        """Return the environment's variables, with those that Compose would read from `.env`."""
        return self.system.variables()


def ok(name: str, detail: str) -> Finding:
    """Return a finding that nothing is wrong."""
    return Finding(name, Status.OK, detail)


def warning(name: str, detail: str, fix: str) -> Finding:
    """Return a finding that something does less than it could."""
    return Finding(name, Status.WARNING, detail, fix)


def problem(name: str, detail: str, fix: str) -> Finding:
    """Return a finding that something does not work."""
    return Finding(name, Status.PROBLEM, detail, fix)


def not_applicable(name: str, detail: str) -> Finding:
    """Return a finding that nobody needs it here."""
    return Finding(name, Status.NOT_APPLICABLE, detail)
