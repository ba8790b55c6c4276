"""Starts ministack with the few changes that make it behave as AWS where this project needs it.

Every change replaces a private name of the pinned version; `check` fails at once when another version lacks one.
"""

from __future__ import annotations

import contextvars
import importlib
import importlib.metadata
import os
import re
import sys
from collections.abc import Callable
from xml.sax.saxutils import unescape

VERSION = "1.5.33"
_ALLOWED_ORIGIN = re.compile(r"<AllowedOrigin>\s*([^<*]+?)\s*</AllowedOrigin>")
# (module, attribute, why it is replaced or used)
PATCHED = (
    ("ministack.core.iam_evaluator", "_request_origin", "loopback counts as TLS"),
    ("ministack.app", "pin_request_origin", "loopback counts as TLS"),
    ("ministack.app", "app", "the door"),
    ("ministack.services.s3", "_bucket_cors", "the door"),
    ("ministack.services.apigateway", "_apis", "the door"),
    ("ministack.core.iam_evaluator", "is_root_access_key", "whose keys are the root's"),
    ("ministack.core.iam_evaluator", "_is_root_key", "whose keys are the root's"),
    ("ministack.core.iam_evaluator", "resolve_caller_identity", "whose keys are the root's"),
    ("ministack.core.iam_evaluator", "check_credentials", "requests without a signature"),
    ("ministack.core.iam_evaluator", "enforce", "requests without a signature"),
    ("ministack.core.iam_evaluator", "_anonymous", "requests without a signature"),
    ("ministack.core.iam_evaluator", "_served_unsigned", "requests without a signature"),
    ("ministack.core.lambda_runtime", "execution_credentials", "a function's keys"),
    ("ministack.services.lambda_svc", "execution_credentials", "a function's keys"),
    ("ministack.core.lambda_runtime", "ProvidedWorker", "Python functions run by AWS's runtime interface"),
    ("ministack.core.lambda_runtime", "_worker_class_for", "Python functions run by AWS's runtime interface"),
    ("ministack.core.lambda_runtime", "HOST_PREFIX_ENV", "a function's environment"),
    ("ministack.services.lambda_svc", "_execute_function_warm", "Python functions run by AWS's runtime interface"),
    (
        "ministack.services.lambda_svc",
        "_execute_function_provided_warm",
        "Python functions run by AWS's runtime interface",
    ),
    ("ministack.services.lambda_svc", "_emit_lambda_logs", "logs of functions that were deleted"),
    ("ministack.services.lambda_svc", "_functions", "logs of functions that were deleted"),
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
    ("ministack.services.s3", "_get_object", "links to versions"),
    ("ministack.services.s3", "_apply_response_overrides", "links to versions"),
    ("ministack.services.cloudwatch", "handle_request", "alarms as AWS describes them"),
    ("ministack.services.cloudwatch", "_put_metric_alarm", "alarms as AWS describes them"),
    ("ministack.services.cloudwatch", "_alarms", "alarms as AWS describes them"),
    ("ministack.services.cloudwatch", "_error", "alarms as AWS describes them"),
    ("ministack.services.apigateway_v1", "handle_request", "APIs built from OpenAPI documents"),
    ("ministack.services.apigateway_v1", "_v1_error", "APIs built from OpenAPI documents"),
    ("ministack.services.apigateway_v1", "_v1_response", "settings that nobody has set"),
    ("ministack.services.apigateway_v1", "_apply_patch", "usage plans that are changed"),
    ("ministack.services.apigateway_v1", "_create_api_key", "API keys whose value AWS makes"),
    ("ministack.services.s3", "_list_object_versions", "encoded keys in lists of versions"),
    ("ministack.services.s3", "_qp", "encoded keys in lists of versions"),
    ("ministack.services.s3", "_xml_body", "keys that XML cannot carry"),
    ("ministack.core.iam_evaluator", "_fnmatch_compile", "keys with line breaks in policies"),
    ("ministack.core.iam_actions", "_action_from_target", "batches of SQS in policies"),
    ("ministack.core.iam_actions", "_s3_action", "keys with empty parts in policies"),
    ("ministack.core.iam_actions", "extract_resource_arn", "keys with empty parts in policies"),
    ("ministack.services.cloudfront", "_build_rhp_config_xml", "settings that nobody has set"),
    ("ministack.services.stepfunctions", "_create_state_machine", "tracing of state machines"),
    ("ministack.services.stepfunctions", "_update_state_machine", "tracing of state machines"),
    ("ministack.services.stepfunctions", "_state_machines", "tracing of state machines"),
)


def check() -> None:
    """Raise RuntimeError when this ministack is not the version that the changes are for."""
    installed = importlib.metadata.version("ministack")
    missing = [f"{module}.{name}" for module, name, _ in PATCHED if not hasattr(importlib.import_module(module), name)]
    if installed != VERSION or missing:
        raise RuntimeError(
            f"the embedded cloud needs ministack {VERSION}, found {installed}"
            + (f" without {', '.join(missing)}" if missing else "")
            + ": install the pinned version"
        )


def trust_loopback() -> None:
    """Make `aws:SecureTransport` true for every request.

    The server listens on the loopback interface alone, where traffic needs no TLS. Without this, TLS-only statements of
    bucket and queue policies would deny everything, or components would have to know emulators.
    """
    from ministack import app
    from ministack.core import iam_evaluator

    # Also what ministack's services send to each other counts, where no request has set the origin.
    iam_evaluator._request_origin = contextvars.ContextVar("ministack_request_origin", default=("127.0.0.1", True))
    original: Callable[[str, bool], None] = iam_evaluator.pin_request_origin
    app.pin_request_origin = lambda source_ip, _secure: original(source_ip, True)


def shut_out_strangers() -> None:
    """Put the door before the emulator: the pages that may ask are those of the CORS rules of buckets and HTTP APIs."""
    from ministack import app
    from ministack.services import apigateway, s3

    from labelstack.clouds.door import Door

    def allowed_origins() -> set[str]:
        buckets = s3._bucket_cors.to_dict().values()
        apis = (api.get("corsConfiguration") or {} for api in apigateway._apis.to_dict().values())
        return {
            *(unescape(origin) for rules in buckets for origin in _ALLOWED_ORIGIN.findall(rules)),
            *(origin for cors in apis for origin in cors.get("allowOrigins", ()) if "*" not in origin),
        }

    app.app = Door(app.app, int(os.environ["GATEWAY_PORT"]), os.environ["LABELSTACK_OWNER_TOKEN"], allowed_origins)


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
        raise SystemExit(
            f"port {os.environ['LABELSTACK_SITES_PORT']} for web sites is not free ({error}): start the cloud again"
        ) from error


def main() -> None:
    """Run the server until it is killed."""
    check()
    trust_loopback()
    from labelstack.clouds import (
        cloudwatch_query,
        index_order,
        policy_keys,
        provider_needs,
        python_functions,
        rekognition_route,
        s3_events,
        s3_versions,
        signatures,
    )

    shut_out_strangers()
    signatures.install()
    python_functions.install()
    rekognition_route.install()
    policy_keys.install()
    index_order.install()
    s3_events.install()
    s3_versions.install()
    cloudwatch_query.install()
    provider_needs.install()
    serve_sites()
    from ministack.app import main as serve

    sys.argv = sys.argv[:1]
    serve()


if __name__ == "__main__":
    main()
