"""Running one execution of the workflow for each event, and waiting for its end.

Waiting is what bounds the executions: a function that only started them would start as many as there are messages.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from ..results import table
from .errors import WorkflowUnavailableError
from .events import ObjectEvent
from .pipeline import Ended
from .ports import Deadline
from .workflow import encode_event, error_of

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

LONGEST_EXECUTION_S: Final = 300
"""The limit of an Express workflow: docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html."""


client_config: Final = partial(table.client_config, read_timeout_s=LONGEST_EXECUTION_S + 5, attempts=3)
"""The configuration of the Step Functions client: a slow execution does not start again."""


@dataclass(frozen=True)
class WorkflowStart:
    """Runs executions of one state machine, of Express workflows."""

    client: SFNClient
    state_machine_arn: str

    @contextmanager
    def open(self, events: Sequence[ObjectEvent]) -> Iterator[None]:
        """Prepare nothing."""
        yield

    def process(self, event: ObjectEvent, batch: None, deadline: Deadline) -> Ended:
        """Run an execution to its end. Raises TransientError with its error, or the reason why it could not start."""
        state = json.dumps({"event": encode_event(event)})
        try:
            answer = self.client.start_sync_execution(stateMachineArn=self.state_machine_arn, input=state)
        except (ClientError, BotoCoreError) as error:
            raise WorkflowUnavailableError(f"the workflow could not be run: {error}") from error
        if answer["status"] != "SUCCEEDED":
            raise error_of(answer.get("error") or answer["status"])
        return Ended(json.loads(answer["output"])["outcome"])
