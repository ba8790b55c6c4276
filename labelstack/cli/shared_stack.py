"""A stack on a LocalStack that others use too: whose record it is in, and how it is used from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.text import Text

from labelstack import outputs as stack_outputs
from labelstack.cli.target import Target
from labelstack.clouds import Cloud
from labelstack.clouds.localstack import DEFAULT_ENDPOINT_URL
from labelstack.errors import CloudSettingsError, DeployError, StateError

NO_DOCKER = "Docker not available"  # LocalStack's reason of a function's failed state

REKOGNITION_SETTING = "labelstack:rekognitionEndpoint"


def check_ours(target: Target, cloud: Cloud) -> None:
    """Make sure that a stack is not changed by two engines that know nothing of each other.

    Raises:
        StateError: An engine with another record has deployed it.
    """
    if target.recorded(cloud)[1] is not None:
        return
    if stack_outputs.published(cloud.client("ssm"), target.stack) is not None:
        raise StateError(
            f"stack {target.stack!r} was deployed on this LocalStack from another place, where its record is. With "
            "Docker Compose, `docker compose up deploy` changes it and `docker compose down` ends it; else change it "
            "from there, or restart LocalStack, which removes it."
        )


@contextmanager
def docker_explained() -> Iterator[None]:
    """Explain the failure of a LocalStack that has no Docker.

    Raises:
        CloudSettingsError: LocalStack has no Docker to run functions with.
    """
    try:
        yield
    except DeployError as error:
        if NO_DOCKER not in str(error):
            raise
        explained = CloudSettingsError(
            "LocalStack cannot run functions because no Docker answers it: mount Docker's socket into its container as "
            "/var/run/docker.sock (with Docker Compose, DOCKER_SOCKET names another path), then restart it."
        )
        explained.__notes__ = getattr(error, "__notes__", [])
        raise explained from error


def missing_rekognition(cloud: Cloud) -> str | None:
    """Warn about a deployment on LocalStack without the address of a Rekognition; None if the address is set.

    LocalStack's free edition has none: each picture would end as FAILED, after all its attempts.
    """
    if REKOGNITION_SETTING in cloud.stack_config():
        return None
    return (
        "no local Rekognition is named, and LocalStack's free edition has none, so pictures will fail: set "
        "AWS_ENDPOINT_URL_REKOGNITION to the address of one as the functions' containers reach it, and deploy again "
        "(`docker compose up --wait` does all of it)."
    )


def how_to_use(cloud: Cloud, outputs: Mapping[str, Any]) -> Text:
    """Return the commands to try next, on the machine of the LocalStack."""
    variables = {"LABELSTACK_CLOUD": "localstack"}
    if cloud.endpoint_url and cloud.endpoint_url != DEFAULT_ENDPOINT_URL:
        variables["AWS_ENDPOINT_URL"] = cloud.endpoint_url
    lines = [
        *([Text.assemble("The page: ", (str(outputs["websiteUrl"]), "bold"))] if "websiteUrl" in outputs else []),
        Text("The command, in a clone that is set up (make .venv/.local):"),
        Text(f"  export {' '.join(f'{name}={value}' for name, value in variables.items())}"),
        Text("  .venv/bin/labelstack upload samples --wait", style="bold"),
    ]
    return Text("\n").join(lines)
