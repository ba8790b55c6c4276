"""The cloud of a run: started for it and ended after it, or found where it runs already."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from integration_tests import smoke
from integration_tests.lanes import Lane
from labelstack.clouds import AwsCloud, Cloud, EmbeddedCloud, LocalStackCloud
from labelstack.errors import CloudSettingsError


@dataclass(frozen=True)
class RunningCloud:
    """A cloud that answers.

    Attributes:
        cloud: The cloud.
        rekognition_control_url: Where the local Rekognition takes rules; empty where there is none.
        rekognition_control_token: The token that opens it.
        logs: The last lines of the cloud's own logs, by their source.
        is_running: Whether it still answers.
    """

    cloud: Cloud
    rekognition_control_url: str
    rekognition_control_token: str
    logs: Callable[[int], Mapping[str, str]]
    is_running: Callable[[], bool]


@contextmanager
def running_cloud(lane: Lane, project: Path, folder: Path) -> Iterator[RunningCloud]:
    """Yield the lane's cloud.

    Args:
        lane: Says which.
        project: The project's folder.
        folder: Where a cloud may keep its files.

    Raises:
        CloudError: It does not start or answer; one sentence with what to do.
        ProgramError: There is no such stack.
    """
    if lane.cloud == "embedded":
        with EmbeddedCloud.start(folder) as embedded:
            files = sorted(embedded.log_folder.glob("*.log"))
            yield RunningCloud(
                embedded,
                embedded.rekognition_url,
                embedded.owner_token,
                lambda lines: {file.name: "\n".join(file.read_text().splitlines()[-lines:]) for file in files},
                embedded.is_running,
            )
    elif lane.cloud == "localstack":
        from labelstack.clouds.localstack_container import LocalStackContainer  # Docker's packages are for this lane

        with LocalStackContainer.start(project) as container:
            yield _localstack(container.cloud, container.logs)
    elif lane.cloud == "external":
        yield _localstack(external_localstack(os.environ), lambda lines: {})
    else:
        aws = AwsCloud(smoke.region(project, lane.stack))
        yield RunningCloud(aws, "", "", lambda lines: {}, lambda: True)


def _localstack(cloud: LocalStackCloud, logs: Callable[[int], Mapping[str, str]]) -> RunningCloud:
    control = cloud.rekognition_control_url, cloud.rekognition_control_token
    return RunningCloud(cloud, *control, logs, cloud.is_running)


def external_localstack(variables: Mapping[str, str]) -> LocalStackCloud:
    """Return the LocalStack that the standard variables name.

    Raises:
        CloudSettingsError: They do not say where the functions find a Rekognition.
        CloudNotRunningError: Nothing answers there.
    """
    if not variables.get("AWS_ENDPOINT_URL_REKOGNITION"):
        raise CloudSettingsError(
            "--cloud external needs a local Rekognition that the functions' containers reach: set "
            "AWS_ENDPOINT_URL_REKOGNITION to its address as they see it, and LABELSTACK_REKOGNITION_CONTROL_URL to its "
            "address on this machine"
        )
    cloud = LocalStackCloud()
    cloud.info()  # raises where nothing answers
    return cloud
