"""Pictures that wait: a function's event source switched off, and on again when all are there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from integration_tests.stack import wait_for


@contextmanager
def held_back(functions: Any, function: str) -> Iterator[None]:
    """Hold back the queue's messages from the function inside the block.

    Args:
        functions: A boto3 Lambda client.
        function: The function's name.
    """
    mappings = functions.list_event_source_mappings(FunctionName=function)["EventSourceMappings"]
    mapping = str(mappings[0]["UUID"])
    _switch(functions, mapping, "Disabled")
    yield
    _switch(functions, mapping, "Enabled")


def _switch(functions: Any, mapping: str, state: str) -> None:
    functions.update_event_source_mapping(UUID=mapping, Enabled=state == "Enabled")
    wait_for(
        f"the event source to be {state}",
        lambda: functions.get_event_source_mapping(UUID=mapping)["State"],
        lambda state_now: state_now == state,
    )
