"""Running one execution of the workflow for each event, and waiting for its end.

Waiting is what bounds the executions: a function that only started them would start as many as there are messages.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from handlers.labelling.errors import WorkflowUnavailableError
from handlers.labelling.events import ObjectEvent
from handlers.labelling.pacing import Deadline
from handlers.labelling.workflow_state import encode_event, error_of

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

LONGEST_EXECUTION_S: Final = 300
"""Of an Express workflow: docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html."""


def client_config(connections: int) -> Config:
    """An execution is not begun again because its end takes long."""
    return Config(
        connect_timeout=3,
        read_timeout=LONGEST_EXECUTION_S + 5,
        max_pool_connections=connections,
        retries={"mode": "standard", "total_max_attempts": 3},
    )


@dataclass(frozen=True)
class Workflow:
    """One state machine, of Express workflows."""

    client: SFNClient
    state_machine_arn: str

    def run(self, event: ObjectEvent, deadline: Deadline) -> str:
        """Run an execution to its end; the outcome. Raises TransientError: what it ended with, or did not begin by."""
        state = json.dumps({"event": encode_event(event)})
        try:
            answer = self.client.start_sync_execution(stateMachineArn=self.state_machine_arn, input=state)
        except (ClientError, BotoCoreError) as error:
            raise WorkflowUnavailableError(f"the workflow could not be run: {error}") from error
        if answer["status"] != "SUCCEEDED":
            raise error_of(answer.get("error") or answer["status"])
        outcome: str = json.loads(answer["output"])["outcome"]
        return outcome
