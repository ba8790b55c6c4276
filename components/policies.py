"""IAM statements and policy documents, in one place: no `*` action, and `*` as resource only with its reason."""

import functools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pulumi

from .errors import InvalidArgumentError

VERSION = "2012-10-17"
_LATE = re.compile(r'"\\u0000(\d+)\\u0000"')
_dump = functools.partial(json.dumps, separators=(",", ":"))


@dataclass(frozen=True)
class AnyResource:
    """The resource `*`, for actions that AWS cannot scope; `reason` says why."""

    reason: str


@dataclass(frozen=True)
class Statement:
    """One statement of a policy.

    `resources` may be empty only in a trust policy. `principal` is for resource and trust policies.
    Raises InvalidArgumentError for an Allow of `*` or `service:*`, and for a bare `*` resource.
    """

    actions: Sequence[str]
    resources: Sequence[pulumi.Input[str]] | AnyResource = ()
    effect: Literal["Allow", "Deny"] = "Allow"
    principal: pulumi.Input[str] | Mapping[str, pulumi.Input[str]] | None = None
    condition: pulumi.Input[Mapping[str, Mapping[str, pulumi.Input[str]]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        wide = [
            action for action in self.actions if self.effect == "Allow" and (action + ":").split(":")[1] in ("", "*")
        ]
        if wide or not self.actions:
            raise InvalidArgumentError(f"A statement allows {wide or 'nothing'}: name each action it needs.")
        if not isinstance(self.resources, AnyResource) and "*" in [r for r in self.resources if isinstance(r, str)]:
            raise InvalidArgumentError(
                f"The statement of {self.actions} is for '*': name resources, or use AnyResource."
            )

    def render(self) -> dict[str, Any]:
        """Return the statement as IAM's JSON, outputs still in it."""
        resources = ["*"] if isinstance(self.resources, AnyResource) else list(self.resources)
        parts = {
            "Effect": self.effect,
            "Principal": self.principal,
            "Action": list(self.actions),
            "Resource": resources[0] if len(resources) == 1 else resources,
            "Condition": self.condition,
        }
        return {key: value for key, value in parts.items() if isinstance(value, pulumi.Output) or value}


def compact_json(value: Any) -> pulumi.Output[str]:
    """Return a value as JSON without spaces: some emulators give them back, which the provider takes for a change.

    `Output.json_dumps` would make outputs of every leaf, which are two fifths of a program's outputs.
    """
    late: list[Any] = []

    def mark(leaf: Any) -> str:
        late.append(leaf)
        return f"\0{len(late) - 1}\0"

    text = _dump(value, default=mark)
    return pulumi.Output.all(*late).apply(lambda known: _LATE.sub(lambda place: _dump(known[int(place[1])]), text))


def document(statements: Sequence[Statement]) -> pulumi.Output[str]:
    """Return a policy document as JSON."""
    body = {"Version": VERSION, "Statement": [statement.render() for statement in statements]}
    return compact_json(body)


def trust(service: str) -> str:
    """Return the trust policy that lets an AWS service (`lambda.amazonaws.com`) take a role."""
    statement = Statement(actions=["sts:AssumeRole"], principal={"Service": service})
    return _dump({"Version": VERSION, "Statement": [statement.render()]})


def deny_insecure_transport(action: str, resources: Sequence[pulumi.Input[str]]) -> Statement:
    """Return the statement of a resource policy that refuses an action (`s3:*`, `sqs:*`, `sns:Publish`) without TLS.

    A topic's policy takes no `sns:*` (sns-security-best-practices.html).
    """
    condition = {"Bool": {"aws:SecureTransport": "false"}}
    return Statement(effect="Deny", principal="*", actions=[action], resources=resources, condition=condition)


def let_service(
    service: str,
    action: str,
    resource: pulumi.Input[str],
    source_arn: pulumi.Input[str] | None = None,
    account: pulumi.Input[str] | None = None,
) -> Statement:
    """Allow an AWS service (`sns`) to act on a resource, on behalf of one source, of one account, or of both."""
    sources = {"ArnEquals": ("aws:SourceArn", source_arn), "StringEquals": ("aws:SourceAccount", account)}
    condition = {operator: {key: value} for operator, (key, value) in sources.items() if value is not None}
    return Statement([action], [resource], principal={"Service": f"{service}.amazonaws.com"}, condition=condition)
