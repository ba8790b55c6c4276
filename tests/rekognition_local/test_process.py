"""The command line: options, ready file, end."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from botocore.exceptions import ClientError
from mypy_boto3_rekognition import RekognitionClient

from rekognition_local.__main__ import parse_options
from rekognition_local.errors import ConfigurationError
from rekognition_local.server import LocalRekognition, Options
from tests.rekognition_local.conftest import Control
from tests.rekognition_local.pictures import SAMPLES, plain

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 60
# A server ends within its grace of one second and the time of a slow machine.
PROMPT_S = 15


@contextmanager
def running(folder: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """Yield a server as a process, and its ready file."""
    ready = folder / "ready.json"
    command = [sys.executable, "-m", "rekognition_local", "--ready-file", str(ready), *arguments]
    broken = folder / "config"
    broken.write_text("[profile x\nbroken", encoding="utf-8")  # the person's files are none of its business
    environment = {**os.environ, "AWS_PROFILE": "nope", "AWS_CONFIG_FILE": str(broken)}
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stderr is not None
            log = ""
            # The line "listening on …" comes just before the ready file; the next one would block.
            while "listening on" not in log:
                line = process.stderr.readline()
                assert line, f"the server ended: {log}"
                log += line
            _wait_for(ready)
            yield process, json.loads(ready.read_text(encoding="utf-8"))
        finally:
            process.kill()


def _wait_for(path: Path) -> None:
    give_up_at_s = monotonic() + TIMEOUT_S
    pause = threading.Event()
    while not path.exists():
        assert monotonic() < give_up_at_s, f"{path} was not written"
        pause.wait(0.02)


def test_starts_on_a_free_port_and_ends_on_ctrl_c(
    tmp_path: Path, make_client: Callable[[str], RekognitionClient]
) -> None:
    with running(tmp_path) as (process, ready):
        url = f"http://127.0.0.1:{ready['port']}"
        assert ready == {"port": ready["port"], "pid": process.pid, "url": url, "token": ready["token"]}
        assert (tmp_path / "ready.json").stat().st_mode & 0o777 == 0o600
        make_client(ready["url"]).detect_faces(Image={"Bytes": plain()})

        process.send_signal(signal.SIGINT)

        assert process.wait(PROMPT_S) == 0


def test_ends_promptly_while_calls_hang(tmp_path: Path, make_client: Callable[[str], RekognitionClient]) -> None:
    rules = tmp_path / "rules.json"
    rules.write_text('[{"hang": true}]', encoding="utf-8")
    with running(tmp_path, "--rules", str(rules)) as (process, ready):
        client = make_client(ready["url"])
        failures: list[str] = []

        def call() -> None:
            try:
                client.detect_labels(Image={"Bytes": plain()})
            except ClientError as error:
                failures.append(error.response["Error"]["Code"])

        threads = [threading.Thread(target=call) for _ in range(3)]
        for thread in threads:
            thread.start()
        control = Control(ready["url"], ready["token"])
        give_up_at_s = monotonic() + TIMEOUT_S
        while control.calls()["inFlight"] < len(threads):
            assert monotonic() < give_up_at_s, "the calls never came"

        process.send_signal(signal.SIGTERM)

        assert process.wait(PROMPT_S) == 0
        for thread in threads:
            thread.join(TIMEOUT_S)
        assert failures == ["InternalServerError"] * len(threads)


def test_a_call_that_hangs_ends_when_the_client_gives_up(server: LocalRekognition, control: Control) -> None:
    control.put_rules({"hang": True})
    with socket.create_connection((server.host, server.port), timeout=TIMEOUT_S) as connection:
        body = b'{"Image": {"Bytes": "eA=="}}'
        connection.sendall(
            b"POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: RekognitionService.DetectLabels\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
        )
        _poll(control, in_flight=1)

    _poll(control, in_flight=0)


def _poll(control: Control, in_flight: int) -> None:
    give_up_at_s = monotonic() + TIMEOUT_S
    while (counts := control.calls())["inFlight"] != in_flight:
        assert monotonic() < give_up_at_s, f"still {counts}"


def test_says_what_is_wrong_and_exits_with_2() -> None:
    command = [sys.executable, "-m", "rekognition_local", "--rules", "missing.json"]

    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)

    assert result.returncode == 2
    assert "--rules missing.json cannot be read" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_port_in_use_and_an_address_elsewhere_are_errors(server: LocalRekognition) -> None:
    with pytest.raises(ConfigurationError, match=f"--port {server.port} cannot be bound"):
        LocalRekognition(Options(port=server.port))
    with pytest.raises(ConfigurationError, match=r"192\.0\.2\.1.*cannot be bound"):
        LocalRekognition(Options(host="192.0.2.1"))


@pytest.mark.parametrize("arguments", [["--tps", "0"], ["--tps", "-3"], ["--delay-ms", "-1"], ["--port", "x"]])
def test_refuses_wrong_options(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        parse_options(arguments)

    assert arguments[0] in capsys.readouterr().err


def test_a_delay_makes_calls_longer(
    start_server: Callable[..., LocalRekognition], make_client: Callable[[str], RekognitionClient]
) -> None:
    client = make_client(start_server(Options(delay_ms=300)).url)
    began_s = monotonic()

    client.detect_faces(Image={"Bytes": plain()})

    assert monotonic() - began_s >= 0.3


def _works(command: str | None) -> bool:
    return (
        command is not None and subprocess.run([command, "--version"], capture_output=True, check=False).returncode == 0
    )


@pytest.mark.skipif(not _works(shutil.which("aws")), reason="needs a working aws command (the AWS CLI)")
def test_the_aws_cli_works_unchanged(server: LocalRekognition, control: Control, tmp_path: Path) -> None:
    control.put_rules({"moderation": ["Gambling"]})
    picture = SAMPLES / "cat.png"
    environment = {
        "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ENDPOINT_URL_REKOGNITION": server.url, "AWS_EC2_METADATA_DISABLED": "true", "AWS_PAGER": "",
        "HOME": str(tmp_path),
    }  # fmt: skip
    aws = str(shutil.which("aws"))

    def run(*arguments: str) -> Any:
        command = [aws, "rekognition", *arguments, "--image-bytes", f"fileb://{picture}", "--output", "json"]
        result = subprocess.run(
            command, env=_with_path(environment), capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)

    labels = run("detect-labels", "--min-confidence", "70")["Labels"]
    assert "Cat" in [label["Name"] for label in labels]
    assert run("detect-moderation-labels")["ModerationLabels"][0]["Name"] == "Gambling"


def _with_path(environment: dict[str, str]) -> dict[str, str]:
    """Return the environment with all that finding and running `aws` needs."""
    kept = {name: os.environ[name] for name in ("PATH", "PYENV_ROOT", "PYENV_VERSION", "LANG") if name in os.environ}
    return kept | environment
