"""`resume`: the pipeline goes on after a pause."""

from __future__ import annotations

from typing import Any

import click

from labelstack.cli.options import command, target_options, timeout_option
from labelstack.cli.screen import Screen, count_text
from labelstack.cli.target import Target, connect
from labelstack.errors import InputError
from labelstack.repair.dead_letters import waiting
from labelstack.service import until


@command(examples=["labelstack resume --stack prod --cloud aws"])
@timeout_option("Seconds to wait until the pipeline runs.")
@target_options
@click.pass_context
def resume(ctx: click.Context, target: Target, timeout_s: float) -> None:
    """Resume the pipeline after `onCostBound: pause`.

    It labels the waiting pictures, at their usual cost. At the next day's bound the pipeline pauses again.
    """
    screen = Screen()
    connection = connect(ctx.obj, target)
    client = connection.cloud.client("lambda")
    name = str(connection.outputs["processorFunction"])
    mappings = client.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    paused = [mapping["UUID"] for mapping in mappings if mapping["State"] in ("Disabled", "Disabling")]
    if not paused:
        screen.note("the pipeline is not paused.")
        return
    left = waiting(connection.cloud.client("sqs"), str(connection.outputs["queueUrl"]))
    for uuid in paused:
        _turn_on(client, uuid, timeout_s)
    screen.note(f"the pipeline runs again: {count_text(left, 'message')} in its queue.")


def _turn_on(client: Any, uuid: str, timeout_s: float) -> None:
    state = client.update_event_source_mapping(UUID=uuid, Enabled=True)["State"]

    def is_on() -> bool:
        nonlocal state
        state = client.get_event_source_mapping(UUID=uuid)["State"]
        return bool(state == "Enabled")

    if state != "Enabled" and not until(is_on, timeout_s):
        raise InputError(f"after {timeout_s:.0f} s the event source mapping {uuid} is {state}, not Enabled: try again.")
