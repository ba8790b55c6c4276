"""Asking the Pulumi CLI for a stack's outputs; a script stands for the CLI."""

from __future__ import annotations

from pathlib import Path

import pytest

from labelstack.errors import NoOutputsError
from labelstack.outputs import from_pulumi


@pytest.fixture
def pulumi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    script = folder / "pulumi"
    script.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=None)
    return script


def test_asks_for_the_stack_s_outputs(pulumi: Path, tmp_path: Path) -> None:
    pulumi.write_text('#!/bin/sh\nprintf \'{"asked": "%s"}\' "$*"\n')
    outputs = from_pulumi(tmp_path, "dev")
    assert outputs == {"asked": "stack output --json --stack dev --non-interactive"}


def test_what_the_cli_says_is_told(pulumi: Path, tmp_path: Path) -> None:
    pulumi.write_text("#!/bin/sh\necho \"error: no stack named 'dev' found\" >&2\nexit 255\n")
    with pytest.raises(NoOutputsError, match="no stack named 'dev' found"):
        from_pulumi(tmp_path, "dev")


def test_without_the_cli_there_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert from_pulumi(tmp_path, "dev") is None
