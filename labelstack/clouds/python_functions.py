"""Python functions on ministack as they are on AWS; imported in ministack's own process only.

ministack runs a Python function in its own worker script: it sees the machine's environment and site-packages, every
failure is a `Runtime.HandlerError` without a trace, a failed import leaves nothing in the logs, and a silent function
costs 50 ms. Its executor for `provided.al2023` speaks AWS's runtime interface. So Python functions go there too, with a
bootstrap of ours.
"""

from __future__ import annotations

import io
import os
import queue
import shlex
import time
import zipfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from labelstack.clouds import function_bootstrap
from labelstack.clouds.function_bootstrap import END_OF_OUTPUT

# How long the end of an invocation's output may take to come through the pipe after its result came by HTTP.
OUTPUT_DEADLINE_S = 0.25
# Variables that AWS defines for every function (Lambda developer guide, "Defined runtime environment variables") and
# ministack sets. The rest of ministack's environment is the machine's business.
RUNTIME_VARIABLES = frozenset(
    {
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_ENDPOINT_URL",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_TASK_ROOT",
        "_HANDLER",
        lambda_runtime.HOST_PREFIX_ENV,
    }
)


def is_python(config: dict[str, Any]) -> bool:
    """Return whether a function's configuration names a Python runtime."""
    return str(config.get("Runtime", "")).startswith("python")


class InitError(RuntimeError):
    """A function failed before its first invocation; carries its report."""

    def __init__(self, payload: object) -> None:
        super().__init__(str(payload))
        self.payload = payload


class PythonWorker(lambda_runtime.ProvidedWorker):  # type: ignore[misc]  # ministack has no types
    """An execution environment of a Python function."""

    def __init__(self, func_name: str, config: dict[str, Any], code_zip: bytes) -> None:
        super().__init__(func_name, config, with_bootstrap(code_zip))

    def _await_init(self, init_timeout: float | None = None) -> None:
        try:
            super()._await_init(init_timeout)
        except RuntimeError as error:
            if self._init_error is None:
                raise
            raise InitError(self._init_error) from error

    def _build_handler_class(self, generation: int, pending: object) -> Any:
        handler = super()._build_handler_class(generation, pending)
        # It sends header and body of an event apart: by Nagle's algorithm the body waits 40 ms for an acknowledgement.
        handler.disable_nagle_algorithm = True
        parse: Callable[[Any], bool] = handler.parse_request

        def parse_request(request: Any) -> bool:
            if not parse(request):
                return False
            # A web page could take a function's events, or answer them. None may ask here.
            own = f"127.0.0.1:{request.server.server_address[1]}"
            if request.headers.get("Host") == own and not {"Origin", "Sec-Fetch-Site"} & set(request.headers):
                return True
            request.send_error(403)
            return False

        handler.parse_request = parse_request
        return handler

    def invoke(self, event: object, request_id: str, **context: Any) -> dict[str, Any]:
        """Run one invocation. As on AWS, a failed import is answered and logged, and the next one tries again."""
        try:
            answer: dict[str, Any] = super().invoke(event, request_id, **context)
        except InitError as error:
            payload = error.payload if isinstance(error.payload, dict) else {"errorMessage": str(error.payload)}
            answer = {
                "status": "error",
                "error": payload.get("errorMessage"),
                "error_payload": payload,
                "cold_start": True,
            }
            answer["log"] = self._drain_stderr()
        answer["log"] = "\n".join(line for line in answer.get("log", "").split("\n") if line != END_OF_OUTPUT)
        return answer

    def _drain_stderr_bounded(self, *_waits: float, **_named_waits: float) -> str:
        """Return all output up to the mark that ends it."""
        lines: list[str] = []
        deadline = time.monotonic() + OUTPUT_DEADLINE_S
        while (left := deadline - time.monotonic()) > 0:
            try:
                line: str = self._stderr_queue.get(timeout=left)
            except queue.Empty:
                break
            text, mark, _ = line.partition(END_OF_OUTPUT)
            if text or not mark:
                lines.append(text)
            if mark:
                break
        return "\n".join(lines)


@lru_cache(maxsize=16)
def with_bootstrap(code_zip: bytes) -> bytes:
    """Return a function's zip plus the `bootstrap` that the executor starts."""
    command = [
        os.environ["LABELSTACK_FUNCTION_PYTHON"],
        *("-I", "-S", "-X", "utf8"),
        str(Path(function_bootstrap.__file__).resolve()),
        os.environ["LABELSTACK_FUNCTION_RUNTIME"],
    ]
    packed = io.BytesIO(code_zip)
    with zipfile.ZipFile(packed, "a") as archive:
        archive.writestr(zipfile.ZipInfo("bootstrap"), f"#!/bin/sh\nexec {shlex.join(command)}\n")
    return packed.getvalue()


def environment_of(original: Callable[..., dict[str, str]]) -> Callable[..., dict[str, str]]:
    """Wrap ministack's environment of a function: without this machine's variables, and with AWS's."""

    def environment(config: dict[str, Any], code_folder: str, port: int) -> dict[str, str]:
        variables = original(config, code_folder, port)
        if not is_python(config):
            return variables
        own: dict[str, str] = lambda_svc._runtime_env_vars(config)
        name = config.get("FunctionName", "")
        log_group = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{name}"
        temporary = os.environ["TMPDIR"]
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "TMPDIR": temporary,
            "HOME": str(Path(temporary, "no-home")),  # otherwise the SDK would read this user's ~/.aws
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{config['Runtime']}",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": log_group,
            "LAMBDA_RUNTIME_DIR": os.environ["LABELSTACK_FUNCTION_RUNTIME"],
            **{key: os.environ[key] for key in ("LD_LIBRARY_PATH",) if key in os.environ},
            **{key: value for key, value in variables.items() if key in RUNTIME_VARIABLES},
            **own,
        }

    return environment


def install() -> None:
    """Send Python functions to the executor that speaks AWS's runtime interface."""
    original_warm = lambda_svc._execute_function_warm
    original_class = lambda_runtime._worker_class_for
    original_emit = lambda_svc._emit_lambda_logs

    def execute_warm(function: dict[str, Any], event: object, request_id: str) -> Any:
        if is_python(function.get("config") or function):
            return lambda_svc._execute_function_provided_warm(function, event, request_id)
        return original_warm(function, event, request_id)

    def class_for(config: dict[str, Any]) -> Any:
        return PythonWorker if is_python(config) else original_class(config)

    def emit(function: dict[str, Any], *arguments: Any, **named: Any) -> None:
        # The log group of a deleted function is deleted too, and this would create it again.
        if function["config"]["FunctionName"] in lambda_svc._functions:
            original_emit(function, *arguments, **named)

    lambda_svc._execute_function_warm = execute_warm
    lambda_svc._emit_lambda_logs = emit
    lambda_runtime._worker_class_for = class_for
    lambda_svc._provided_worker_env = environment_of(lambda_svc._provided_worker_env)
