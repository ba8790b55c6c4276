"""Docker's errors become one sentence; a run's leftovers are removed, and others' things are not."""

from __future__ import annotations

import os
from typing import Any

import pytest
import requests
from docker.errors import APIError, DockerException, ImageNotFound

from labelstack.clouds import docker_host
from labelstack.errors import CloudError, CloudStartError

MINE, OTHER = "aaaa", "bbbb"


class Thing:
    """A container or a network."""

    def __init__(self, world: list[Thing], kind: str, **labels: str) -> None:
        self.kind, self.labels, self.attrs = kind, labels, {"Labels": labels}
        self._world = world

    def remove(self, **_: Any) -> None:
        self._world.remove(self)


class FakeDocker:
    """Containers, networks and images in lists."""

    def __init__(self) -> None:
        self.world: list[Thing] = []
        self.images = self
        self.here: set[str] = set()
        self.pullable: set[str] = set()

    def add(self, kind: str, **labels: str) -> Thing:
        thing = Thing(self.world, kind, **{name.replace("_", "."): value for name, value in labels.items()})
        self.world.append(thing)
        return thing

    @property
    def containers(self) -> Listing:
        return Listing(self.world, "container")

    @property
    def networks(self) -> Listing:
        return Listing(self.world, "network")

    def get(self, image: str) -> str:
        if image not in self.here:
            raise ImageNotFound("no such image")
        return image

    def get_registry_data(self, image: str) -> str:
        if image not in self.pullable:
            raise APIError("manifest unknown")
        return image


class Listing:
    """Docker's `list` with a filter by labels."""

    def __init__(self, world: list[Thing], kind: str) -> None:
        self._world, self._kind = world, kind

    def list(self, *, filters: dict[str, Any], **_: Any) -> list[Thing]:
        labels = filters["label"] if isinstance(filters["label"], list) else [filters["label"]]
        pairs = [label.partition("=") for label in labels]

        def fits(thing: Thing) -> bool:
            return all(name in thing.labels and (not eq or thing.labels[name] == value) for name, eq, value in pairs)

        return [thing for thing in self._world if thing.kind == self._kind and fits(thing)]


@pytest.fixture
def host() -> Any:
    """Return a Docker without anything."""
    return FakeDocker()


def test_run_goes_with_its_functions_and_its_network(host: Any) -> None:
    host.add("container", labelstack_run=MINE)
    host.add("container", labelstack_run=MINE, labelstack_parent="")
    host.add("network", labelstack_run=MINE)
    others = [host.add("container", labelstack_run=OTHER), host.add("network", labelstack_run=OTHER)]
    others.append(host.add("container"))

    docker_host.remove_run(host, MINE)

    assert host.world == others


def test_what_localstack_starts_while_it_is_removed_goes_too(host: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    parent = host.add("container", labelstack_run=MINE, labelstack_parent="")

    def remove(**_: Any) -> None:
        host.world.remove(parent)
        host.add("container", labelstack_run=MINE)

    monkeypatch.setattr(parent, "remove", remove)

    docker_host.remove_run(host, MINE)

    assert host.world == []


def test_only_what_a_dead_process_left_is_removed(host: Any) -> None:
    alive = docker_host.owner_label(os.getpid())
    host.add("container", labelstack_run=MINE, labelstack_owner=f"{alive}0")
    host.add("network", labelstack_run=MINE, labelstack_owner=f"{alive}0")
    kept = [
        host.add("container", labelstack_run=OTHER, labelstack_owner=alive),
        host.add("container", labelstack_run="cccc", labelstack_owner="another-machine/1/1"),
    ]

    docker_host.remove_left_behind(host)

    assert host.world == kept


def test_image_that_is_here_or_can_be_pulled_is_no_problem(host: Any) -> None:
    host.here, host.pullable = {"a"}, {"b"}

    assert docker_host.image_problem(host, "a") is None
    assert docker_host.image_problem(host, "b") is None
    assert docker_host.image_problem(host, "c") == "the image c is neither here nor can it be pulled"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (DockerException("Error while fetching server API version"), r"no Docker answers .*systemctl start docker"),
        (requests.exceptions.ConnectionError("refused"), r"no Docker answers .*--cloud embedded"),
        (APIError("x", explanation="Bind for 127.0.0.1:4566 failed: port is already allocated"), "another program has"),
        (APIError("x", explanation="pull access denied for a/b"), "cannot be pulled"),
    ],
)
def test_failures_are_one_sentence_with_what_to_do(error: Exception, said: str) -> None:
    with pytest.raises(CloudStartError, match=said) as caught, docker_host.explained("starting"):
        raise error

    assert "\n" not in str(caught.value)


def test_machine_without_docker_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")

    with pytest.raises(CloudStartError) as caught, docker_host.connected():
        pass

    assert str(caught.value).startswith("no Docker answers (No such file or directory): start Docker Desktop or the")


def test_what_is_left_when_docker_died_can_be_removed_by_hand(host: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: Any, **__: Any) -> Any:
        raise requests.exceptions.ConnectionError("refused")

    monkeypatch.setattr(Listing, "list", gone)

    with pytest.raises(CloudError, match=f"docker rm -f .*labelstack.run={MINE}"):
        docker_host.remove_run(host, MINE)


def test_what_is_left_is_told_when_no_docker_answers_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")

    with pytest.raises(CloudError) as caught:
        docker_host.remove(MINE)

    assert str(caught.value) == (
        "the containers of this run may be left, as no Docker answers (No such file or directory): once it does, the "
        f"next run removes them, or you do (docker rm -f $(docker ps -aq --filter label=labelstack.run={MINE}))"
    )
