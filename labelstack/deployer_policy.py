"""The least policy of a stack's deployer, derived from the resources that the program registers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Protocol

from labelstack.clouds.base import session_without_files
from labelstack.deployer_actions import GRANTS, Grant
from labelstack.errors import UnsupportedError

MANAGED_POLICY_CHARACTERS = 6144  # AWS: of a managed policy, white space not counted
INLINE_POLICIES_CHARACTERS = 10240  # AWS: of all inline policies of a role together


class Resource(Protocol):
    """A resource as a program registers it."""

    @property
    def type(self) -> str:
        """Return Pulumi's type token."""

    @property
    def name(self) -> str:
        """Return its logical name."""

    @property
    def inputs(self) -> Mapping[str, Any]:
        """Return its known properties."""


def document(resources: Iterable[Resource], name: str, *, region: str = "*", account: str = "*") -> dict[str, Any]:
    """Return the policy document: one statement for each scope, in a stable order.

    Args:
        resources: The program's registered resources, without components.
        name: The stack's `labelstack:name`, which all names begin with.
        region: The stack's region, which decides the partition.
        account: The account's id; `*` is the policy's own account.

    Raises:
        UnsupportedError: The table lacks the actions of some types.
    """
    listed = list(resources)
    if unknown := sorted({resource.type for resource in listed} - set(GRANTS)):
        raise UnsupportedError(
            f"no IAM actions are known for {', '.join(unknown)}: add them to GRANTS in labelstack/deployer_actions.py."
        )
    scopes: dict[tuple[tuple[str, ...], str], set[str]] = {}
    for resource in listed:
        values = _values(resource, name, region, account)
        for grant in GRANTS[resource.type]:
            if not grant.when or resource.inputs.get(grant.when):
                scopes.setdefault(_scope(grant, values), set()).update(grant.actions)
    merged: dict[tuple[tuple[str, ...], str], set[str]] = {}
    for (where, condition), actions in scopes.items():  # several buckets' objects, several policies: one statement
        same = next((key for key, other in merged.items() if other == actions and key[1] == condition), None)
        if same is None:
            merged[where, condition] = actions
        else:
            del merged[same]
            merged[tuple(sorted({*same[0], *where})), condition] = actions
    statements = _joined([_statement(where, condition, actions) for (where, condition), actions in merged.items()])
    return {
        "Version": "2012-10-17",
        "Statement": sorted(statements, key=lambda statement: json.dumps(statement["Action"])),
    }


def size_characters(policy: Mapping[str, Any]) -> int:
    """Return a policy's size as IAM counts it."""
    return len("".join(json.dumps(policy, separators=(",", ":")).split()))


def _values(resource: Resource, name: str, region: str, account: str) -> dict[str, str]:
    texts = {key: value for key, value in resource.inputs.items() if isinstance(value, str)}
    own = texts.get("bucket") or f"{resource.name}-*"
    return texts | {
        "name": name,
        "partition": partition_of(region),
        "region": region,
        "account": account,
        "own": own,
    }


@cache
def partition_of(region: str) -> str:
    """Return the partition of a region, `aws-us-gov`; `aws` for any region."""
    return "aws" if region == "*" else str(session_without_files().get_partition_for_region(region))


def _scope(grant: Grant, values: Mapping[str, str]) -> tuple[tuple[str, ...], str]:
    condition = {
        operator: {key: text.format_map(values) for key, text in keys.items()}
        for operator, keys in grant.condition.items()
    }
    return tuple(sorted(where.format_map(values) for where in grant.resources)), json.dumps(condition)


def _joined(statements: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Join the statements for roles that are passed to several services."""
    passing = [statement for statement in statements if statement["Action"] == ["iam:PassRole"]]
    others = [statement for statement in statements if statement not in passing]
    if not passing:
        return others
    services = sorted(statement["Condition"]["StringEquals"]["iam:PassedToService"] for statement in passing)
    return [*others, {**passing[0], "Condition": {"StringEquals": {"iam:PassedToService": services}}}]


def _statement(where: tuple[str, ...], condition: str, actions: set[str]) -> dict[str, Any]:
    statement = {
        "Effect": "Allow",
        "Action": sorted(actions),
        "Resource": where[0] if len(where) == 1 else list(where),
        "Condition": json.loads(condition),
    }
    return {key: value for key, value in statement.items() if value}
