"""Only the keys of this instance open ministack; imported in its process only.

ministack takes three kinds of keys for the account's root and never checks their signatures: `test`, every account
number, and its own. A function's keys follow from the function's name. AWS knows neither.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import Any

from ministack.core import iam_evaluator, lambda_runtime, responses
from ministack.services import lambda_svc, sts

# The unsigned requests that a stack uses: a guest gets credentials by them. ministack hands out the credentials of any
# role to unsigned calls of AssumeRoleWithWebIdentity and AssumeRoleWithSAML.
UNSIGNED = frozenset({"cognito-identity:GetId", "cognito-identity:GetCredentialsForIdentity"})

# Actions that no bucket's policy can allow to everybody, but ministack does.
OF_THE_ACCOUNT = frozenset({"s3:ListAllMyBuckets", "s3:CreateBucket"})


def install() -> None:
    """Make ministack check the root's signature as any other, and give functions keys that nobody can guess."""
    root_key = os.environ["AWS_ACCESS_KEY_ID"]
    secret = os.environ["AWS_SECRET_ACCESS_KEY"].encode()
    identity_of, failure_of = iam_evaluator.resolve_caller_identity, iam_evaluator.check_credentials
    enforce_policies = iam_evaluator.enforce

    def is_root(access_key: str) -> bool:
        return not access_key or access_key == root_key  # no key: what ministack's services ask each other

    def identity(access_key: str) -> Any:
        account = responses.get_account_id()
        if access_key != root_key:
            return identity_of(access_key)
        root = {"userArn": f"arn:aws:iam::{account}:root", "userId": account, "principalOrgId": None, "session": None}
        return {"accessKey": access_key, "accountId": account, **root}

    def function_keys(config: dict[str, Any]) -> dict[str, str]:
        function, role = config["FunctionArn"], config.get("Role", "")
        key, secret_key, token = (
            hmac.new(secret, f"{part}:{function}:{role}".encode(), hashlib.sha256).hexdigest()
            for part in ("key", "secret", "token")
        )
        access_key, name = f"ASIA{key[:16].upper()}", role.rsplit("/", 1)[-1]
        session = config.get("FunctionName", "function")[:64]
        account = function.split(":")[4]
        sts.register_session(
            access_key,
            {
                "Arn": f"arn:aws:sts::{account}:assumed-role/{name}/{session}",
                "UserId": f"{name}:{session}",
                "SecretAccessKey": secret_key,
                "SessionToken": token,
            },
        )
        return {"AWS_ACCESS_KEY_ID": access_key, "AWS_SECRET_ACCESS_KEY": secret_key, "AWS_SESSION_TOKEN": token}

    def failure(access_key: str, service: str | None = None) -> Any:
        if iam_evaluator._anonymous.get() and service != "s3":  # S3 judges by the bucket's policy
            return iam_evaluator.AuthError("MissingAuthenticationToken", "Missing Authentication Token")
        return failure_of(access_key, service)

    def enforce(access_key: str, action: str, *arguments: Any, **named: Any) -> Any:
        if iam_evaluator._anonymous.get() and action in OF_THE_ACCOUNT:
            return iam_evaluator.AuthError("AccessDenied", "Access Denied")
        return enforce_policies(access_key, action, *arguments, **named)

    iam_evaluator.is_root_access_key = is_root
    iam_evaluator.enforce = enforce
    iam_evaluator.check_credentials = failure  # of requests that no IAM action covers
    iam_evaluator._is_root_key = lambda access_key: not access_key  # decides whose signatures go unchecked
    iam_evaluator.resolve_caller_identity = identity
    iam_evaluator._served_unsigned = lambda _service, action: action in UNSIGNED
    lambda_runtime.execution_credentials = lambda_svc.execution_credentials = function_keys
