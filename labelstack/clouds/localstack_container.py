"""LocalStack and the local Rekognition in containers of their own, for one run of tests or of a benchmark.

They are on a Docker network of their own, with the functions' containers, and on free ports of this machine's loopback
interface. All of it, the functions' containers too, carries the run's label, by which it is removed.
Needs Docker and the packages of the `dev` extra.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from testcontainers.core.config import get_docker_socket, testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.image import DockerImage
from testcontainers.core.labels import LABEL_SESSION_ID, SESSION_ID
from testcontainers.core.network import Network

from labelstack.clouds import docker_host
from labelstack.clouds.base import answers
from labelstack.clouds.docker_host import OWNER_LABEL, PARENT_LABEL, RUN_LABEL, explained
from labelstack.clouds.localstack import LocalStackCloud
from labelstack.errors import CloudStartError

# The last one that runs without a licence, by the digest of all its platforms: a tag can be moved.
IMAGE = "localstack/localstack:4.14.0@sha256:3ebc37595918b8accb852f8048fef2aff047d465167edd655528065b07bc364a"
IMAGE_VARIABLE = "LOCALSTACK_IMAGE"
# Of the runtime that functions have unless a stack says otherwise. LocalStack would pull it too, while all wait.
FUNCTION_IMAGE = "public.ecr.aws/lambda/python:3.13"
REKOGNITION_TAG = "labelstack/rekognition:tests"
REKOGNITION_IMAGE_VARIABLE = "LABELSTACK_REKOGNITION_IMAGE"
PORT = 4566
REKOGNITION_PORT = 4570
ALIAS = "localstack"
REKOGNITION_ALIAS = "rekognition"
START_DEADLINE_S = 120.0
POLL_INTERVAL_S = 0.1
LOG_TAIL_LINES = 15
NO_LICENCE = 55
PASSED_ON = ("LOCALSTACK_AUTH_TOKEN", "DEBUG", "LS_LOG")
# Variables for a build behind a proxy, or with a mirror of the registries.
BUILD_ARGUMENTS = ("PYTHON_IMAGE", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


def image(environment: Mapping[str, str]) -> str:
    """Return the LocalStack image of a run: the pinned one, or that of LOCALSTACK_IMAGE."""
    return environment.get(IMAGE_VARIABLE) or IMAGE


def problem(environment: Mapping[str, str]) -> str | None:
    """Return why LocalStack cannot be started here, in half a sentence; None when it can."""
    try:
        with docker_host.connected() as client:
            return docker_host.image_problem(client, image(environment))
    except CloudStartError as error:
        return str(error).removesuffix(docker_host.START_DOCKER)


def prepare(
    project: Path, environment: Mapping[str, str] | None = None, on_step: Callable[[str], None] = lambda _: None
) -> str:
    """Pull and build the images that are not here yet; the local Rekognition's.

    Args:
        project: The folder whose `Dockerfile` has the local Rekognition as stage `rekognition`; it is not built when
            LABELSTACK_REKOGNITION_IMAGE names an image.
        environment: Variables: LOCALSTACK_IMAGE, LABELSTACK_REKOGNITION_IMAGE and those of `BUILD_ARGUMENTS`. This
            process's when absent.
        on_step: Told what takes long.

    Raises:
        CloudStartError: Docker does not answer, or an image cannot be had.
    """
    variables = os.environ if environment is None else environment
    named = variables.get(REKOGNITION_IMAGE_VARIABLE)
    with docker_host.connected() as client:
        if not testcontainers_config.ryuk_disabled:
            without = "TESTCONTAINERS_RYUK_DISABLED=true does without it"
            docker_host.pull(client, testcontainers_config.ryuk_image, on_step, hint=without)
        for image_name in filter(None, (image(variables), named, FUNCTION_IMAGE)):
            docker_host.pull(client, image_name, on_step)
        return named or _build_rekognition(client, project, variables, on_step)


class LocalStackContainer:
    """A running LocalStack with a local Rekognition beside it. A context manager that removes both.

    Attributes:
        cloud: The LocalStack, to deploy on.
        run: The label of everything it has started.
    """

    def __init__(self, cloud: LocalStackCloud, run: str, localstack: DockerContainer, others: list[DockerContainer]):
        self.cloud = cloud
        self.run = run
        self._localstack = localstack
        self._others = others

    @classmethod
    def start(cls, project: Path, environment: Mapping[str, str] | None = None) -> LocalStackContainer:
        """Remove the containers of a killed run, start both, and wait until they answer.

        Args:
            project: The project's folder, as for `prepare`.
            environment: Variables, those of `prepare` and `PASSED_ON`. This process's when absent.

        Raises:
            CloudStartError: Docker does not answer or refuses, or a container did not come up.
        """
        variables = os.environ if environment is None else environment
        with docker_host.connected() as client:
            docker_host.remove_left_behind(client)
        rekognition_image = prepare(project, variables)
        run, token = uuid.uuid4().hex[:12], secrets.token_hex(20)
        labels = {RUN_LABEL: run, OWNER_LABEL: docker_host.owner_label(os.getpid())}
        try:
            with explained("making a network"):
                network = Network(docker_network_kw={"labels": labels}).create()
            localstack = _localstack(image(variables), network, labels, variables)
            rekognition = _rekognition(rekognition_image, network, labels, token)
            for container in (localstack, rekognition):
                with explained(f"starting a container of {container.image}"):
                    container.start()
            deadline = time.monotonic() + START_DEADLINE_S
            endpoint_url = _wait_for(localstack, PORT, "/_localstack/health", deadline)
            control_url = _wait_for(rekognition, REKOGNITION_PORT, "/_rekognition_local/health", deadline)
            rekognition_url = f"http://{REKOGNITION_ALIAS}:{REKOGNITION_PORT}"
            cloud = LocalStackCloud(endpoint_url, rekognition_url, control_url, token)
            return cls(cloud, run, localstack, [rekognition])
        except BaseException:
            docker_host.remove(run)
            raise

    def logs(self, lines: int) -> dict[str, str]:
        """Return the last lines of each container's log, by its image."""
        with explained("reading the containers' logs"):
            return {container.image: _log_tail(container, lines) for container in (self._localstack, *self._others)}

    def stop(self) -> None:
        """Remove LocalStack, the functions' containers and all else of this run. May be repeated.

        It kills LocalStack, which would take half a minute to stop the functions.

        Raises:
            CloudError: Docker does not answer any more; says how to remove what is left by hand.
        """
        self.cloud.close()
        docker_host.remove(self.run)

    def __enter__(self) -> LocalStackContainer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()


def _localstack(name: str, network: Network, labels: Mapping[str, str], variables: Mapping[str, str]) -> Any:
    # LocalStack's own labels do not tell the run; testcontainers' lets Ryuk remove functions' containers too.
    of_run = [f"--label {key}={value}" for key, value in {**labels, LABEL_SESSION_ID: SESSION_ID}.items()]
    container = _container(name, PORT, network, ALIAS, {**labels, PARENT_LABEL: ""}).with_envs(
        LAMBDA_DOCKER_NETWORK=network.name,
        LAMBDA_DOCKER_FLAGS=" ".join(of_run),
        LAMBDA_RUNTIME_ENVIRONMENT_TIMEOUT="60",  # seconds for a cold start; 20 are not enough for a busy machine
        DISABLE_EVENTS="1",
        SKIP_SSL_CERT_DOWNLOAD="1",
        **{name: variables[name] for name in PASSED_ON if variables.get(name)},
    )
    return container.with_volume_mapping(_socket_path(variables), "/var/run/docker.sock", "rw")


def _rekognition(name: str, network: Network, labels: Mapping[str, str], token: str) -> Any:
    return _container(name, REKOGNITION_PORT, network, REKOGNITION_ALIAS, labels).with_envs(
        AWS_ENDPOINT_URL=f"http://{ALIAS}:{PORT}",
        AWS_ACCESS_KEY_ID="test",
        AWS_SECRET_ACCESS_KEY="test",
        AWS_DEFAULT_REGION="us-east-1",
        REKOGNITION_LOCAL_HOSTS=REKOGNITION_ALIAS,
        REKOGNITION_LOCAL_TOKEN=token,
    )


def _container(name: str, port: int, network: Network, alias: str, labels: Mapping[str, str]) -> DockerContainer:
    with explained("asking Docker"):
        container = DockerContainer(name).with_network(network).with_network_aliases(alias)
    # Docker chooses a port that is free; testcontainers itself would open it to the machine's whole network.
    ports: dict[str, Any] = container.ports
    ports[f"{port}/tcp"] = ("127.0.0.1",)
    # `_wait_for` asks them itself; an image's health checks would start a process in each every few seconds.
    return container.with_kwargs(labels=dict(labels), healthcheck={"test": ["NONE"]})


def _build_rekognition(client: Any, project: Path, variables: Mapping[str, str], on_step: Callable[[str], None]) -> str:
    if not (project / "Dockerfile").is_file():
        raise CloudStartError(
            f"there is no Dockerfile in {project} to build the local Rekognition from: run from a clone of the "
            f"project, or name an image in {REKOGNITION_IMAGE_VARIABLE}"
        )
    if docker_host.is_missing(client, REKOGNITION_TAG):
        on_step("building the local Rekognition's image")
    arguments = {name: variables[name] for name in BUILD_ARGUMENTS if variables.get(name)}
    # Kept: the next run finds all of it in Docker's cache.
    docker_image = DockerImage(project, tag=REKOGNITION_TAG, clean_up=False, target="rekognition", buildargs=arguments)
    with (
        explained(f"building the local Rekognition from {project / 'Dockerfile'}"),
        (project / "Dockerfile").open() as file,
    ):
        fcntl.flock(file, fcntl.LOCK_EX)  # of runs side by side, one builds, and the others find it in the cache
        return str(docker_image.build())


def _socket_path(variables: Mapping[str, str]) -> str:
    """Return the path of Docker's socket as Docker itself sees it."""
    # Docker Desktop's is elsewhere on the Mac itself, but not in the machine in which its containers run.
    mac = "" if sys.platform != "darwin" else "/var/run/docker.sock"
    return variables.get("TESTCONTAINERS_DOCKER_SOCKET_OVERRIDE") or mac or get_docker_socket()


def _wait_for(container: DockerContainer, port: int, path: str, deadline: float) -> str:
    """Return the address on this machine at which a container answers."""
    with explained(f"waiting for {container.image}"):
        wrapped = container.get_wrapped_container()
        while True:
            wrapped.reload()
            if wrapped.status == "running":
                published = wrapped.attrs["NetworkSettings"]["Ports"].get(f"{port}/tcp") or []
                if published and answers((url := f"http://localhost:{published[0]['HostPort']}") + path):
                    return url
            if wrapped.status in ("exited", "dead") or time.monotonic() > deadline:
                raise _not_up(container, wrapped.status, int(wrapped.attrs["State"]["ExitCode"]))
            time.sleep(POLL_INTERVAL_S)  # between two looks of a wait with a deadline


def _not_up(container: DockerContainer, status: str, exit_code: int) -> CloudStartError:
    if status == "running":
        what = f"did not answer within {START_DEADLINE_S:.0f} s"
    elif exit_code == NO_LICENCE:
        return CloudStartError(
            f"{container.image} ended with exit code {NO_LICENCE}: it needs a licence. Set LOCALSTACK_AUTH_TOKEN, or "
            f"unset {IMAGE_VARIABLE} for {IMAGE}, which needs none."
        )
    else:
        what = f"ended with exit code {exit_code}"
    return CloudStartError(
        f"{container.image} {what}; the end of its log:\n{_log_tail(container, LOG_TAIL_LINES) or '  (empty)'}"
    )


def _log_tail(container: DockerContainer, lines: int) -> str:
    text: bytes = container.get_wrapped_container().logs(tail=lines)
    return "\n".join(f"  | {line}" for line in text.decode(errors="replace").splitlines())
