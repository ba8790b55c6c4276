"""A backend of fakes with a deployed stack, and a way to run the command on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from labelstack.cli.app import cli
from tests.labelstack.cli.fakes import OUTPUTS, FakeBackend

Run = Callable[..., Result]


@pytest.fixture
def backend() -> FakeBackend:
    """Return a backend with the embedded cloud running, and stack `local` deployed on it."""
    fake = FakeBackend()
    fake.deployer.deployed["local"] = OUTPUTS
    return fake


@pytest.fixture
def run(backend: FakeBackend, tmp_path: Path) -> Run:
    """Return a function that runs `labelstack` with some arguments."""

    def invoke(*arguments: str | Path) -> Result:
        environment = {"LABELSTACK_STATE_DIR": str(tmp_path / "state"), "LABELSTACK_CLOUD": None, "COLUMNS": "100"}
        return CliRunner(env=environment).invoke(cli, [str(argument) for argument in arguments], obj=backend)

    return invoke


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder `pictures` with two pictures and a text file."""
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for name in ("cat.jpg", "dog.png", "notes.txt"):
        (pictures / name).write_bytes(name.encode())
    return pictures
