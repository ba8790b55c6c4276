"""A composed service for the tests, and projects that are meant to fail."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from compose_tests.composed import BUILT, Composed, compose_problem, copy_clone

# pytest's own for wrong usage.
NO_DOCKER = 4


@pytest.fixture(scope="session")
def compose_here() -> None:
    """Require Docker with Compose, and end the run without it: you asked for these tests by name."""
    if (problem := compose_problem()) is not None:
        pytest.exit(f"make compose-test needs Docker with Compose: {problem}", NO_DOCKER)


@pytest.fixture(scope="session")
def composed(compose_here: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    """Yield the service, up."""
    project = Composed(copy_clone(tmp_path_factory.mktemp("clone")))
    try:
        project.up()
        yield project
    finally:
        project.remove()


@pytest.fixture
def another(composed: Composed, tmp_path: Path) -> Iterator[Callable[[], Composed]]:
    """Yield a function that makes a second project that is not up, with the images of the first."""
    projects: list[Composed] = []

    def make() -> Composed:
        project = Composed(copy_clone(tmp_path))
        for service in BUILT:
            subprocess.run(["docker", "tag", f"{composed.name}-{service}", f"{project.name}-{service}"], check=True)
        projects.append(project)
        return project

    yield make
    for project in projects:
        project.remove()
