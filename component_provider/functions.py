"""PythonFunction for other languages."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NotRequired, TypedDict

import pulumi

from component_provider.tokens import present, token
from components import python_function
from components.errors import InvalidArgumentError
from components.policies import AnyResource, Statement


class PolicyStatement(TypedDict):
    """What a function may do."""

    actions: Sequence[str]
    """IAM actions, none of them `*`."""
    resources: NotRequired[Sequence[pulumi.Input[str]]]
    """ARNs that the actions are for; `*` is refused."""
    any_resource_reason: NotRequired[str]
    """In place of resources: why the actions cannot be scoped. The statement is then for `*`."""


class PythonFunctionArgs(TypedDict):
    """Arguments of PythonFunction."""

    source_dir: str
    """The folder that holds the packages, as an absolute path."""
    packages: Sequence[str]
    """Packages in the source folder; each keeps its path from there in the zip."""
    handler: str
    """Lambda's handler string."""
    requirements: NotRequired[str]
    """A lock with hashes, relative to the source folder; without it the function has no dependencies."""
    environment: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Environment variables."""
    statements: NotRequired[Sequence[PolicyStatement]]
    """What the function may do beside writing to its own log group."""
    description: NotRequired[str]
    """What the function does, for people."""
    runtime: NotRequired[str]
    """python3.11 to python3.14; python3.13."""
    architecture: NotRequired[str]
    """arm64 or x86_64; arm64."""
    memory_mb: NotRequired[int]
    """Megabytes of memory; 512."""
    timeout_s: NotRequired[int]
    """Seconds that a call may take; 60."""
    log_retention_days: NotRequired[int]
    """Days for which logs are kept; 14."""


class PythonFunction(pulumi.ComponentResource):
    """A function from a reproducible zip, a role that may do just what it is told, and a log group with retention."""

    name: pulumi.Output[str]
    """The function's name."""
    arn: pulumi.Output[str]
    """The function's ARN."""
    role_name: pulumi.Output[str]
    """The name of the function's role."""
    log_group_name: pulumi.Output[str]
    """The name of the function's log group."""

    def __init__(self, name: str, args: PythonFunctionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(token("PythonFunction"), name, {}, opts)
        given = present(
            args,
            *("packages", "handler", "requirements", "environment", "description", "runtime", "architecture"),
            *("memory_mb", "timeout_s", "log_retention_days"),
        )
        source_dir = Path(args["source_dir"])
        if not source_dir.is_absolute():
            raise InvalidArgumentError(
                f"sourceDir is {args['source_dir']!r}: expected an absolute path, as the plugin runs in its own folder."
            )
        made = python_function.PythonFunction(
            name,
            python_function.PythonFunctionArgs(
                source_dir=source_dir, statements=[_statement(one) for one in args.get("statements") or ()], **given
            ),
            pulumi.ResourceOptions(parent=self),
        )
        self.name, self.arn = made.name, made.arn
        self.role_name, self.log_group_name = made.role.name, made.log_group.name
        self.register_outputs({"name": self.name, "arn": self.arn})


def _statement(given: PolicyStatement) -> Statement:
    reason = given.get("any_resource_reason")
    return Statement(list(given["actions"]), AnyResource(reason) if reason else list(given.get("resources") or ()))
