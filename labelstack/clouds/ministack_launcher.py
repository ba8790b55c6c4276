"""Starts ministack with the few changes that make it behave as AWS where this project needs it.

Every change replaces a private name of the pinned version; `check` fails at once when another version lacks one.
"""

from __future__ import annotations

import contextlib
import contextvars
import importlib
import importlib.metadata
import os
import re
import resource
from collections.abc import Callable, MutableMapping
from typing import Any
from xml.sax.saxutils import unescape

from labelstack.clouds.door import App, Receive, Scope, Send

VERSION = "1.5.33"
KEEP_ALIVE_S = 75  # as in ministack
_ALLOWED_ORIGIN = re.compile(r"<AllowedOrigin>\s*([^<*]+?)\s*</AllowedOrigin>")
# The names of each module that the launcher replaces or uses.
PATCHED = {
    "core.iam_evaluator": """
        _request_origin is_root_access_key _is_root_key resolve_caller_identity check_credentials enforce _anonymous
        _served_unsigned evaluate _resolve_condition_key _principal_keys _fnmatch_compile
    """,
    "app": "pin_request_origin app SERVICE_HANDLERS",
    "services.s3": """
        _bucket_cors _fire_s3_event _get_object _apply_response_overrides _list_object_versions _qp _xml_body
    """,
    "services.apigateway": "_apis",
    "core.lambda_runtime": "execution_credentials ProvidedWorker _worker_class_for HOST_PREFIX_ENV",
    "services.lambda_svc": """
        execution_credentials _execute_function_warm _execute_function_provided_warm _emit_lambda_logs _functions
        _provided_worker_env _runtime_env_vars
    """,
    "core.router": "SERVICE_PATTERNS",
    "core.iam_actions": """
        SERVICE_TO_IAM_NAMESPACE dynamodb_service_context _action_from_target _s3_action extract_resource_arn
    """,
    "services.sts": "_sessions",
    "services.dynamodb": """
        _tables _query _index_members _index_item _INDEX_MEMBERS _index_def _index_key_lists _index_key_schemas
        _index_partition _normalize_table_name _get_attr_type
    """,
    "services.eventbridge": "_dispatch_event",
    "services.cloudwatch": "handle_request _put_metric_alarm _alarms _error",
    "services.apigateway_v1": "handle_request _v1_error _v1_response _apply_patch _create_api_key",
    "services.cloudfront": "_build_rhp_config_xml",
    "services.stepfunctions": "_create_state_machine _update_state_machine _state_machines",
}


def check() -> None:
    """Raise RuntimeError when this ministack is not the version that the changes are for."""
    installed = importlib.metadata.version("ministack")
    missing = [
        f"ministack.{module}.{name}"
        for module, names in PATCHED.items()
        for name in names.split()
        if not hasattr(importlib.import_module(f"ministack.{module}"), name)
    ]
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
    from labelstack.clouds.base import Clients

    endpoint_url = os.environ["AWS_ENDPOINT_URL"]
    clients = Clients(boto3.Session(), endpoint_url)  # built when the first page is read: each takes 50 ms
    try:
        sites.serve(
            sites.Sites(int(os.environ["GATEWAY_PORT"]), clients.client), int(os.environ["LABELSTACK_SITES_PORT"])
        )
    except OSError as error:
        raise SystemExit(
            f"port {os.environ['LABELSTACK_SITES_PORT']} for web sites is not free ({error}): start the cloud again"
        ) from error


def without_content(app: App) -> App:
    """Leave out the content of answers 204, which uvicorn sends: a client takes it for the next answer."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        is_empty = False

        async def send_on(message: MutableMapping[str, Any]) -> None:
            nonlocal is_empty
            if message["type"] == "http.response.start" and message["status"] == 204:
                is_empty = True
                headers = [(name, value) for name, value in message["headers"] if name.lower() != b"content-length"]
                message = {**message, "headers": headers}
            elif is_empty:
                message = {**message, "body": b""}
            await send(message)

        await app(scope, receive, send_on)

    return answer


def serve() -> None:
    """Serve the emulator by uvicorn: a request takes about half the processor time that ministack's hypercorn takes."""
    import uvicorn
    from ministack import app

    _, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError):  # macOS names a limit that it does not grant
        resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))
    uvicorn.run(
        without_content(app.app),
        host=os.environ["BIND_HOST"],
        port=int(os.environ["GATEWAY_PORT"]),
        timeout_keep_alive=KEEP_ALIVE_S,
        log_config=None,
        access_log=False,
        proxy_headers=False,  # the address in a policy's `aws:SourceIp` is the sender's own, not the one it writes
        server_header=False,
        date_header=False,  # the emulator sends its own
    )


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
        s3_versions,
        signatures,
    )

    shut_out_strangers()
    signatures.install()
    python_functions.install()
    rekognition_route.install()
    policy_keys.install()
    index_order.install()
    s3_versions.install()
    cloudwatch_query.install()
    provider_needs.install()
    serve_sites()
    serve()


if __name__ == "__main__":
    main()
