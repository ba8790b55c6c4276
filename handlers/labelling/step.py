"""The edge that the workflow's functions share: one state in, one out, metrics, log lines with keys."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from aws_lambda_powertools import Logger, Metrics

from handlers.labelling.errors import LabellingError
from handlers.labelling.pacing import Deadline
from handlers.labelling.reporting import publish
from handlers.labelling.tally import Tally
from handlers.labelling.workflow_state import State
from handlers.results.errors import ResultsError

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


class OnState(Protocol):
    """What a function does with the state; its errors go to Step Functions, which knows them by their class's name."""

    def __call__(self, state: Mapping[str, Any], deadline: Deadline) -> State: ...


@dataclass(frozen=True)
class StepFunction:
    """One Lambda function that is a step of the workflow."""

    on_state: OnState
    tally: Tally
    logger: Logger
    metrics: Metrics
    clock: Callable[[], float] = time.monotonic

    def handle(self, state: dict[str, Any], context: LambdaContext) -> State:
        """The Lambda handler: what becomes of the state."""
        result: State = self.logger.inject_lambda_context(self._handle)(state, context)
        return result

    def _handle(self, state: dict[str, Any], context: LambdaContext) -> State:
        deadline = Deadline.of(context, self.clock)
        about = state.get("event") or state.get("stored") or {}
        self.logger.thread_safe_append_keys(key=about.get("key"), version_id=about.get("version_id"))
        try:
            ended = self.on_state(state, deadline)
            self.logger.info("Step done", outcome=ended.get("outcome"))
            return ended
        except (LabellingError, ResultsError) as error:
            self.logger.warning("Step failed", error_type=type(error).__name__, error=str(error))
            raise
        finally:
            publish(self.tally, self.metrics)
            self.logger.thread_safe_clear_keys()
