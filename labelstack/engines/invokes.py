"""Provider functions that a program may call while it is deployed: `aws.get_caller_identity` and its like."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from labelstack.engines.provisioners.base import Target
from labelstack.errors import UnsupportedError


def call(token: str, arguments: Mapping[str, Any], target: Target) -> dict[str, Any]:
    """Return the answer of a provider function.

    Raises:
        UnsupportedError: There is no answer for it here.
    """
    region = target.region
    match token.rpartition(":")[2] if token.startswith("aws:") else "":
        case "getCallerIdentity":
            identity = target.client("sts").get_caller_identity()
            account = identity["Account"]
            return {"accountId": account, "arn": identity["Arn"], "userId": identity["UserId"], "id": account}
        case "getRegion":
            names = dict.fromkeys(("name", "region", "id", "description"), region)
            return {**names, "endpoint": f"ec2.{region}.amazonaws.com"}
        case "getPartition":
            partition = {"partition": "aws", "id": "aws"}
            return {**partition, "dnsSuffix": "amazonaws.com", "reverseDnsPrefix": "com.amazonaws"}
        case "getBucket":
            name = arguments["bucket"]
            headers = target.client("s3").head_bucket(Bucket=name)["ResponseMetadata"]["HTTPHeaders"]
            bucket_region = headers.get("x-amz-bucket-region", region)
            return {"id": name, "bucket": name, "arn": f"arn:aws:s3:::{name}", "bucketRegion": bucket_region}
        case "getPolicyDocument":
            return policy_document(arguments)
    raise UnsupportedError(f"the program calls {token}, which the in-process engine cannot answer")


def policy_document(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return a policy document as the provider renders it: single values unwrapped, empty parts left out."""
    statements = [
        statement
        for source in arguments.get("sourcePolicyDocuments") or ()
        for statement in json.loads(source)["Statement"]
    ]
    statements += [_statement(statement_arguments) for statement_arguments in arguments.get("statements") or ()]
    document: dict[str, Any] = {"Version": arguments.get("version") or "2012-10-17"}
    if policy_id := arguments.get("policyId"):
        document["Id"] = policy_id
    document["Statement"] = statements
    return {
        "id": "0",
        "json": json.dumps(document, indent=2),
        "minifiedJson": json.dumps(document, separators=(",", ":")),
    }


def _statement(arguments: Mapping[str, Any]) -> dict[str, Any]:
    statement: dict[str, Any] = {"Sid": arguments.get("sid"), "Effect": arguments.get("effect") or "Allow"}
    for property, member in (
        ("actions", "Action"),
        ("notActions", "NotAction"),
        ("resources", "Resource"),
        ("notResources", "NotResource"),
    ):
        statement[member] = _one_or_all(arguments.get(property) or [])
    for property, member in (("principals", "Principal"), ("notPrincipals", "NotPrincipal")):
        by_type: dict[str, list[str]] = {}
        for principal in arguments.get(property) or ():
            by_type.setdefault(principal["type"], []).extend(principal["identifiers"])
        statement[member] = (
            "*" if by_type == {"*": ["*"]} else {kind: _one_or_all(names) for kind, names in by_type.items()}
        )
    conditions: dict[str, dict[str, Any]] = {}
    for condition in arguments.get("conditions") or ():
        conditions.setdefault(condition["test"], {})[condition["variable"]] = _one_or_all(condition["values"])
    statement["Condition"] = conditions
    return {key: value for key, value in statement.items() if value}


def _one_or_all(values: list[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else values
