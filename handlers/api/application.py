"""One function of the API: finds the route, answers, and turns every failure into a problem document.

Powertools' event handler would add 20 to 40 ms to a cold start (`python -m benchmarks event-handler`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from aws_lambda_powertools import Logger

from .answers import Answer, ProblemError
from .requests import Request, header, request_of
from .storage import may_pass

Endpoint = Callable[[Request], Answer]

# All routes of the API, of whatever function: an HTTP API sends unknown routes to one of the functions.
METHODS: Final[Mapping[str, tuple[str, ...]]] = {
    "/generate-upload-url": ("POST",),
    "/detect-labels": ("POST",),
    "/result": ("GET",),
    "/images": ("GET", "DELETE"),
    "/relabel": ("POST",),
    "/labels": ("GET",),
    "/image-url": ("GET",),
    "/health": ("GET",),
}


@dataclass(frozen=True)
class Application:
    """The routes of one function.

    `passing` are errors that may be gone a moment later, beside those of services.
    """

    routes: Mapping[tuple[str, str], Endpoint]
    allowed_origins: frozenset[str]
    logger: Logger
    passing: tuple[type[Exception], ...] = ()

    def handle(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Answer a gateway's event."""
        started = time.perf_counter()
        request_id = str(event["requestContext"].get("requestId") or "")
        self.logger.set_correlation_id(request_id)
        route = "-"
        try:
            request = request_of(event)
            endpoint = self._endpoint(request)
            route = f"{request.method} {request.path}"
            answer = endpoint(request)
        except ProblemError as problem:
            answer = problem.answer(request_id)
        except Exception as error:  # the border of the function: the log gets the cause, the caller a problem document
            answer = self._problem(error).answer(request_id)
        duration_ms = round((time.perf_counter() - started) * 1000, 1)
        outcome = {"route": route, "status": int(answer.status), "durationMs": duration_ms}
        self.logger.info("answered", extra=outcome | {"code": answer.content.get("code")})
        return answer.for_gateway(header(event, "origin"), self.allowed_origins)

    def _endpoint(self, request: Request) -> Endpoint:
        endpoint = self.routes.get((request.method, request.path))
        if endpoint:
            return endpoint
        methods = METHODS.get(request.path)
        if not methods:
            raise ProblemError("UNKNOWN_ROUTE")
        only = f"This path takes {' and '.join(methods)} only."
        raise ProblemError("METHOD_NOT_ALLOWED", only, headers={"Allow": ", ".join(methods)})

    def _problem(self, error: Exception) -> ProblemError:
        if isinstance(error, self.passing) or may_pass(error):
            self.logger.warning("not available", exc_info=error)
            return ProblemError("UNAVAILABLE", headers={"Retry-After": "1"})
        self.logger.error("unexpected error", exc_info=error)
        return ProblemError("INTERNAL_ERROR")
