"""The machine's Docker: its connection, its images, and the containers that a run has left.

Needs the packages of the `dev` extra. No command imports this module.
"""

from __future__ import annotations

import gc
import socket
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import docker
import requests
from docker.errors import APIError, DockerException, ImageNotFound, NotFound

from labelstack.clouds.processes import start_time
from labelstack.errors import CloudError, CloudStartError

RUN_LABEL = "labelstack.run"
OWNER_LABEL = "labelstack.owner"
# Of containers that start containers of their own.
PARENT_LABEL = "labelstack.parent"
NO_DOCKER = "no Docker answers ({reason})"
START_DOCKER = (
    ": start Docker Desktop or the daemon (sudo systemctl start docker) and see that `docker info` works for you, or "
    "run without it on the embedded cloud (--cloud embedded)"
)


@contextmanager
def explained(what: str, kind: type[CloudError] = CloudStartError) -> Iterator[None]:
    """Explain Docker's errors in one sentence: what failed, and what to do.

    Args:
        what: The operation, as "starting LocalStack".
        kind: The error that is raised.
    """
    try:
        yield
    except APIError as error:
        text = " ".join(str(error.explanation or error).split())
        raise kind(f"{what} failed: Docker refused it: {text}{_advice(text)}") from error
    except (DockerException, requests.exceptions.RequestException) as error:
        raise kind(NO_DOCKER.format(reason=f"{what}: {_reason(error)}") + START_DOCKER) from error


@contextmanager
def connected() -> Iterator[docker.DockerClient]:
    """Yield a client of the Docker that the standard variables and the current context name.

    Raises:
        CloudStartError: None answers.
    """
    client, reason = _client()
    if client is None:
        raise CloudStartError(NO_DOCKER.format(reason=reason) + START_DOCKER)
    try:
        yield client
    finally:
        client.close()


def _client() -> tuple[docker.DockerClient | None, str]:
    """Return a client of a Docker that answers, or None and the reason."""
    # By testcontainers' own search, so that all containers are on the same Docker.
    from testcontainers.core.docker_client import DockerClient

    try:
        return DockerClient().client, ""  # asks for Docker's version
    except (DockerException, requests.exceptions.RequestException) as error:
        reason = _reason(error)
    with warnings.catch_warnings():  # the library leaves the socket of its attempt to the garbage collector
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
    return None, reason


def image_problem(client: docker.DockerClient, image: str) -> str | None:
    """Return why there is no such image to run, in half a sentence; None where it is here or can be pulled."""
    try:
        client.images.get(image)
    except ImageNotFound:
        try:
            client.images.get_registry_data(image)
        except (DockerException, requests.exceptions.RequestException):
            return f"the image {image} is neither here nor can it be pulled"
    except (DockerException, requests.exceptions.RequestException) as error:
        return f"Docker cannot inspect the image {image} ({' '.join(str(error).split())[:200]})"
    return None


def is_missing(client: docker.DockerClient, image: str) -> bool:
    """Return whether an image is not on this machine."""
    with explained(f"looking for the image {image}"):
        try:
            client.images.get(image)
        except ImageNotFound:
            return True
    return False


def pull(client: docker.DockerClient, image: str, on_step: Callable[[str], None], hint: str = "") -> None:
    """Pull an image that is not here yet.

    Args:
        client: Docker.
        image: Its name and tag.
        on_step: Told that it takes a while.
        hint: The error's advice for an image that cannot be pulled.

    Raises:
        CloudStartError: It cannot be pulled.
    """
    if is_missing(client, image):
        on_step(f"pulling the image {image}")
        with explained(f"pulling the image {image}{f' ({hint})' if hint else ''}"):
            client.images.pull(image)


def owner_label(pid: int) -> str:
    """Return the label of a process's containers, by which a later process sees whether it still runs."""
    return f"{socket.gethostname()}/{pid}/{start_time(pid).replace(' ', '_')}"


def owner_is_gone(label: str) -> bool:
    """Return whether the process that a label names has ended, which is unknown for another machine's."""
    host, _, rest = label.partition("/")
    pid = rest.partition("/")[0]
    return host == socket.gethostname() and pid.isdigit() and owner_label(int(pid)) != label


def remove_left_behind(client: docker.DockerClient) -> None:
    """Remove the containers of this project's runs whose process was killed."""
    with explained("removing what an earlier run left behind"):
        left_behind = [*_containers(client, OWNER_LABEL), *_networks(client, OWNER_LABEL)]
        runs = {labels[RUN_LABEL] for labels in map(_labels, left_behind) if owner_is_gone(labels[OWNER_LABEL])}
    for run in runs:
        remove_run(client, run)


def remove(run: str) -> None:
    """Remove all containers and networks of one run. May be repeated.

    Raises:
        CloudError: Docker does not answer any more or refuses; says how to remove them by hand.
    """
    try:
        with connected() as client:
            remove_run(client, run)
    except CloudStartError as error:
        reason = str(error).removesuffix(START_DOCKER)
        raise CloudError(
            f"the containers of this run may be left, as {reason}: once it does, the next run removes them, or you do "
            f"({_by_hand(run)})"
        ) from error


def remove_run(client: docker.DockerClient, run: str) -> None:
    """Remove all containers and networks of one run, Lambda's containers among them. May be repeated.

    Raises:
        CloudError: Docker does not answer or refuses; says how to remove them by hand.
    """
    with explained(f"removing the containers of this run (by hand: {_by_hand(run)})", CloudError):
        # Parents first, so that no more containers start. The next listing has those that they were starting.
        for labels in ((PARENT_LABEL,), (), ()):
            for container in _containers(client, f"{RUN_LABEL}={run}", *labels):
                with _gone_is_fine():
                    container.remove(force=True, v=True)
        for network in _networks(client, f"{RUN_LABEL}={run}"):
            with _gone_is_fine():
                network.remove()


def _by_hand(run: str) -> str:
    return f"docker rm -f $(docker ps -aq --filter label={RUN_LABEL}={run})"


@contextmanager
def _gone_is_fine() -> Iterator[None]:
    try:
        yield
    except NotFound:
        return
    except APIError as error:
        if error.status_code != requests.codes.conflict:  # "removal … is already in progress"
            raise


def _containers(client: docker.DockerClient, *labels: str) -> list[Any]:
    return list(client.containers.list(all=True, filters={"label": list(labels)}, ignore_removed=True))


def _networks(client: docker.DockerClient, label: str) -> list[Any]:
    return list(client.networks.list(filters={"label": label}))


def _labels(item: Any) -> dict[str, str]:
    """Return the labels of a container, or of a network, which keeps them elsewhere."""
    labels: dict[str, str] = item.attrs.get("Labels") or item.attrs.get("Config", {}).get("Labels") or {}
    return {RUN_LABEL: "", OWNER_LABEL: "", **labels}


def _reason(error: BaseException) -> str:
    """Return the system's message without those of the libraries around it; without a system's message, all."""
    inner: BaseException | None = error
    while inner is not None:
        for cause in (inner, *inner.args):
            if isinstance(cause, OSError) and cause.strerror and cause.errno is not None:
                return str(cause.strerror)
        inner = inner.__cause__ or inner.__context__
    return " ".join(str(error).split())[:300]


def _advice(text: str) -> str:
    if "port is already allocated" in text or "address already in use" in text:
        return " (another program has the port: end it, or take another port)"
    if "docker.sock" in text:
        return " (LocalStack needs Docker's socket: name it in TESTCONTAINERS_DOCKER_SOCKET_OVERRIDE)"
    if "pull access denied" in text or "manifest" in text or "registry" in text or "dial tcp" in text:
        return " (the image cannot be pulled: see that the registry can be reached, or use --cloud embedded)"
    return ""
