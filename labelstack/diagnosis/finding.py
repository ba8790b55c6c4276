"""The input and the result of a check."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # Pulumi, which the settings import, takes half a second
    from labelstack.diagnosis.system import Account, System
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
        fix: The action after a warning or a problem; empty otherwise.
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
    account: Account | None = None
    account_mistake: str = ""

    @property
    def variables(self) -> Mapping[str, str]:
        """Return the environment's variables, with those that Compose would read from `.env`."""
        return self.system.variables()


Check = Callable[[Setting], Finding]


def check(name: str, *clouds: str) -> Callable[[Check], Check]:
    """Return a decorator that names a check's findings, and skips the check on other clouds than these."""

    def checked(function: Check) -> Check:
        @wraps(function)
        def named(setting: Setting) -> Finding:
            if clouds and setting.cloud not in clouds:
                return Finding(name, Status.NOT_APPLICABLE, f"not used on {setting.cloud}")
            return replace(function(setting), name=name)

        return named

    return checked


def ok(detail: str) -> Finding:
    """Return a finding that nothing is wrong."""
    return Finding("", Status.OK, detail)


def warning(detail: str, fix: str) -> Finding:
    """Return a finding that something does less than it could."""
    return Finding("", Status.WARNING, detail, fix)


def problem(detail: str, fix: str) -> Finding:
    """Return a finding that something does not work."""
    return Finding("", Status.PROBLEM, detail, fix)


def not_applicable(detail: str) -> Finding:
    """Return a finding that nobody needs it here."""
    return Finding("", Status.NOT_APPLICABLE, detail)
