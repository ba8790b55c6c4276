"""Starts ministack with the few changes that make it behave as AWS where this project needs it.

Every change replaces a private name of the pinned version; `check` fails at once when another version lacks one.
"""

from __future__ import annotations

import contextvars
import importlib
import importlib.metadata
import os
import sys
from collections.abc import Callable

VERSION = "1.5.33"
# (module, attribute, why it is replaced or used)
PATCHED = (
    ("ministack.core.iam_evaluator", "_request_origin", "loopback counts as TLS"),
    ("ministack.app", "pin_request_origin", "loopback counts as TLS"),
    ("ministack.core.lambda_runtime", "ProvidedWorker", "Python functions run by AWS's runtime interface"),
    ("ministack.core.lambda_runtime", "_worker_class_for", "Python functions run by AWS's runtime interface"),
    ("ministack.core.lambda_runtime", "HOST_PREFIX_ENV", "a function's environment"),
    ("ministack.services.lambda_svc", "_execute_function_warm", "Python functions run by AWS's runtime interface"),
    (
        "ministack.services.lambda_svc",
        "_execute_function_provided_warm",
        "Python functions run by AWS's runtime interface",
    ),
    ("ministack.services.lambda_svc", "_provided_worker_env", "a function's environment"),
    ("ministack.services.lambda_svc", "_runtime_env_vars", "a function's environment"),
    ("ministack.app", "SERVICE_HANDLERS", "Rekognition"),
    ("ministack.core.router", "SERVICE_PATTERNS", "Rekognition"),
    ("ministack.core.iam_actions", "SERVICE_TO_IAM_NAMESPACE", "Rekognition"),
    ("ministack.core.iam_evaluator", "evaluate", "variables in policies"),
    ("ministack.core.iam_evaluator", "_resolve_condition_key", "variables in policies"),
    ("ministack.core.iam_evaluator", "_principal_keys", "a guest's identity in policies"),
    ("ministack.services.sts", "_sessions", "a guest's identity in policies"),
    ("ministack.core.iam_actions", "dynamodb_service_context", "leading keys in policies"),
    ("ministack.services.dynamodb", "_tables", "leading keys in policies"),
    ("ministack.services.dynamodb", "_query", "indexes in order"),
    ("ministack.services.dynamodb", "_index_members", "indexes in order"),
    ("ministack.services.dynamodb", "_index_item", "indexes in order"),
    ("ministack.services.dynamodb", "_INDEX_MEMBERS", "indexes in order"),
    ("ministack.services.dynamodb", "_index_def", "indexes in order"),
    ("ministack.services.dynamodb", "_index_key_lists", "indexes in order"),
    ("ministack.services.dynamodb", "_index_key_schemas", "indexes in order"),
    ("ministack.services.dynamodb", "_index_partition", "indexes in order"),
    ("ministack.services.dynamodb", "_normalize_table_name", "indexes in order"),
    ("ministack.services.dynamodb", "_get_attr_type", "indexes in order"),
    ("ministack.services.s3", "_fire_s3_event", "versions in S3's events"),
    ("ministack.services.eventbridge", "_dispatch_event", "versions in S3's events"),
)


def check() -> None:
    """Raise RuntimeError when this ministack is not the one the changes were made for."""
    found = importlib.metadata.version("ministack")
    missing = [f"{module}.{name}" for module, name, _ in PATCHED if not hasattr(importlib.import_module(module), name)]
    if found != VERSION or missing:
        raise RuntimeError(
            f"the embedded cloud needs ministack {VERSION}, found {found}"
            + (f" without {', '.join(missing)}" if missing else "")
            + ": install the pinned version"
        )


def trust_loopback() -> None:
    """Let `aws:SecureTransport` be true for every request.

    The server listens on the loopback interface alone: what TLS protects on AWS, nobody can touch here. Without this,
    TLS-only statements of bucket and queue policies would deny everything, or components would have to know emulators.
    """
    from ministack import app
    from ministack.core import iam_evaluator

    # Also what ministack's services send to each other counts, where no request has set the origin.
    iam_evaluator._request_origin = contextvars.ContextVar("ministack_request_origin", default=("127.0.0.1", True))
    original: Callable[[str, bool], None] = iam_evaluator.pin_request_origin
    app.pin_request_origin = lambda source_ip, _secure: original(source_ip, True)


def serve_sites() -> None:
    """Serve the buckets' web sites on the port in LABELSTACK_SITES_PORT."""
    import boto3

    from labelstack.clouds import sites

    endpoint_url = os.environ["AWS_ENDPOINT_URL"]
    s3, cloudfront = (boto3.client(name, endpoint_url=endpoint_url) for name in ("s3", "cloudfront"))
    port = int(endpoint_url.rpartition(":")[2])
    try:
        sites.serve(sites.Sites(port, s3, cloudfront), int(os.environ["LABELSTACK_SITES_PORT"]))
    except OSError as error:
        raise SystemExit(f"the port for web sites is already in use: {error}") from error


def main() -> None:
    """Run the server until it is killed."""
    check()
    trust_loopback()
    from labelstack.clouds import index_order, policy_keys, python_functions, rekognition_route, s3_events

    python_functions.install()
    rekognition_route.install()
    policy_keys.install()
    index_order.install()
    s3_events.install()
    serve_sites()
    from ministack.app import main as serve

    sys.argv = sys.argv[:1]
    serve()


if __name__ == "__main__":
    main()
