"""IAM policies of the embedded cloud as AWS evaluates them, where ministack does not; imported in its process only.

ministack takes policy variables (`${…}`) literally and knows no `dynamodb:LeadingKeys`. With both, a policy can limit a
Cognito guest to the guest's own items; without them, it allows nothing or everything. ministack's `*` and `?` match no
line break, so that no policy fits a key that has one. It removes empty parts of keys (`a//b`), and requires a separate
right for SQS batches.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.services import dynamodb, sts

LEADING_KEYS = "dynamodb:LeadingKeys"
SQS_BATCHES = {
    f"AmazonSQS.{action}Batch": action for action in ("SendMessage", "DeleteMessage", "ChangeMessageVisibility")
}
_VARIABLE = re.compile(r"\$\{([^}]+)\}")
# The only condition on a partition key: that it equals a value.
_EQUALS = re.compile(r"([#\w.-]+)\s*=\s*(:\w+)")


def install() -> None:
    """Replace ministack's evaluation by one with policy variables, guests' identities, leading keys and line breaks."""
    iam_evaluator._fnmatch_compile = wildcards
    iam_actions._s3_action = with_whole_key(iam_actions._s3_action)
    iam_actions._action_from_target = of_batches(iam_actions._action_from_target)
    iam_actions.extract_resource_arn = of_whole_key(iam_actions.extract_resource_arn)
    evaluate, principal_keys = iam_evaluator.evaluate, iam_evaluator._principal_keys
    service_context: Callable[[bytes], dict[str, Any]] = iam_actions.dynamodb_service_context

    def with_guest(credential: Any) -> dict[str, Any]:
        session = sts._sessions.get(credential.access_key_id) or {}
        guest = {
            "cognito-identity.amazonaws.com:sub": session.get("_identity_id"),
            "cognito-identity.amazonaws.com:aud": session.get("_identity_pool_id"),
        }
        return {**principal_keys(credential), **{key: value for key, value in guest.items() if value}}

    def with_leading_keys(body: bytes) -> dict[str, Any]:
        keys = list(leading_keys(body, _partition_key))
        return service_context(body) | ({LEADING_KEYS: keys} if keys else {})

    def with_variables(context: Any, *layers: Any) -> Any:
        return evaluate(context, *[_substituted(layer, context) for layer in layers])

    iam_evaluator._principal_keys = with_guest
    iam_actions.dynamodb_service_context = with_leading_keys
    iam_evaluator.evaluate = with_variables


def of_batches(original: Callable[[Mapping[str, str]], str | None]) -> Callable[[Mapping[str, str]], str | None]:
    """Return the action that a batch of SQS needs: the one on a single message.

    docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html
    """

    def action(headers: Mapping[str, str]) -> str | None:
        return SQS_BATCHES.get(headers.get("x-amz-target", "")) or original(headers)

    return action


def with_whole_key(original: Callable[..., str | None]) -> Callable[..., str | None]:
    """Distinguish an action on an object whose key is only slashes from an action on its bucket."""

    def action(method: str, path: str, *others: Any) -> str | None:
        bucket, _, key = path.lstrip("/").partition("/")
        return original(method, f"/{bucket}/key" if key else path, *others)

    return action


def of_whole_key(original: Callable[..., str]) -> Callable[..., str]:
    """Return an object's name in a policy: its unchanged key."""

    def arn(service: str, method: str, path: str, *others: Any) -> str:
        bucket, _, key = path.lstrip("/").partition("/")
        return f"arn:aws:s3:::{bucket}/{key}" if service == "s3" and key else original(service, method, path, *others)

    return arn


@functools.lru_cache(4096)
def wildcards(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    """Compile a pattern in which `*` stands for any characters and `?` for any one."""
    parts = {"*": ".*", "?": "."}
    expression = "".join(parts.get(sign) or re.escape(sign) for sign in pattern)
    return re.compile(rf"{expression}\Z", re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def leading_keys(body: bytes, partition_key: Callable[[str], str | None]) -> Iterator[str]:
    """Yield the partition keys that a DynamoDB request names; none for one that could touch any, such as a scan.

    Batches and transactions count as naming none, so that a policy which asks for keys refuses them.

    Args:
        body: The request.
        partition_key: Gives the name of a table's partition key.
    """
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        return
    if not isinstance(request, dict):
        return
    name = partition_key(str(request.get("TableName")))
    for key in (request.get("Key"), request.get("Item")):
        if isinstance(key, dict) and isinstance(key.get(name), dict):
            yield _text(key[name])
    if isinstance(condition := request.get("KeyConditionExpression"), str) and "IndexName" not in request:
        names = request.get("ExpressionAttributeNames") or {}
        values = request.get("ExpressionAttributeValues") or {}
        for attribute, value in _EQUALS.findall(condition):
            if names.get(attribute, attribute) == name and value in values:
                yield _text(values[value])


def _text(value: Mapping[str, Any]) -> str:
    return str(next(iter(value.values()), ""))


def _partition_key(table: str) -> str | None:
    definition = dynamodb._tables.get(table.rpartition("/")[2])
    return str(definition["pk_name"]) if definition else None


def _substituted(layer: Any, context: Any) -> Any:
    """Return a layer of policies with variables' values. A variable without a value stays, and so matches nothing."""

    def fill(text: str) -> str:
        return _VARIABLE.sub(
            lambda variable: str(iam_evaluator._resolve_condition_key(variable[1], context) or variable[0]), text
        )

    def fill_all(value: Any) -> Any:
        if isinstance(value, str):
            return fill(value)
        if isinstance(value, list):
            return [fill_all(item) for item in value]
        return {key: fill_all(item) for key, item in value.items()} if isinstance(value, dict) else value

    return [
        [
            replace(
                statement,
                resources=fill_all(statement.resources),
                not_resources=fill_all(statement.not_resources),
                conditions=fill_all(statement.conditions),
            )
            for statement in policy
        ]
        for policy in layer
    ]
