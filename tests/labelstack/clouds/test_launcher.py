"""The changes to ministack: they fail loudly when another version is installed."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from labelstack.clouds import function_runtime, ministack_launcher

ROOT = Path(__file__).resolve().parents[3]


def run(code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a process of its own: ministack changes much of the one it is imported in."""
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)


LAUNCHER = """
from labelstack.clouds import ministack_launcher as launcher
from ministack.services import lambda_svc
launcher.check()
print(len(launcher.PATCHED))
"""


def test_every_changed_name_exists_and_a_missing_one_is_told() -> None:
    done = run(f"{LAUNCHER}del lambda_svc._provided_worker_env\nlauncher.check()\n")

    assert int(done.stdout) > 0
    assert done.returncode != 0
    assert "without ministack.services.lambda_svc._provided_worker_env" in done.stderr


def test_another_version_is_told() -> None:
    done = run(f"{LAUNCHER}launcher.VERSION = '9'\nlauncher.check()\n")

    assert done.returncode != 0
    assert "needs ministack 9, found" in done.stderr


@pytest.mark.parametrize(("status", "headers", "body"), [(204, [], b""), (200, [(b"Content-Length", b"2")], b"{}")])
def test_an_answer_without_content_has_none(status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    async def app(scope: object, receive: object, send: Any) -> None:
        await send({"type": "http.response.start", "status": status, "headers": [(b"Content-Length", b"2")]})
        await send({"type": "http.response.body", "body": b"{}"})

    sent: list[Any] = []

    async def send(message: object) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        raise AssertionError

    async def ask() -> None:
        await ministack_launcher.without_content(app)({}, receive, send)

    asyncio.run(ask())

    assert sent == [
        {"type": "http.response.start", "status": status, "headers": headers},
        {"type": "http.response.body", "body": body},
    ]


def test_runtime_folder_holds_what_lambda_ships_and_no_more(tmp_path: Path) -> None:
    function_runtime.build(tmp_path / "runtime")

    names = {path.name for path in (tmp_path / "runtime").iterdir()}
    assert {"boto3", "botocore", "awslambdaric", "urllib3", "jmespath"} <= names
    assert names.isdisjoint({"click", "pulumi", "ministack", "PIL", "aws_lambda_powertools", "bin", "__pycache__"})


def test_base_interpreter_is_outside_the_virtual_environment() -> None:
    interpreter = function_runtime.base_interpreter()

    assert interpreter.exists()
    assert not interpreter.is_relative_to(sys.prefix) or sys.prefix == sys.base_prefix
