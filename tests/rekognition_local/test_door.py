"""The local Rekognition's admission."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable

import pytest

from rekognition_local.server import LocalRekognition, Options
from tests.rekognition_local.conftest import TOKEN, Control

CALL = ("POST", "/", {"X-Amz-Target": "RekognitionService.DetectLabels"})
HEALTH = "/_rekognition_local/health"


def ask(server: LocalRekognition, method: str, path: str, headers: dict[str, str]) -> int:
    """Return the status of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request(method, path, json.dumps([]), headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:4570", "0.0.0.0:1", "10.0.0.1", "", "[::1"])
def test_other_names_are_refused(server: LocalRekognition, host: str) -> None:
    for method, path, headers in (CALL, ("GET", HEALTH, {})):
        assert ask(server, method, path, {**headers, "Host": host}) in (400, 403)


@pytest.mark.parametrize("host", ["127.0.0.1:4570", "localhost", "LOCALHOST:1", "[::1]:4570"])
def test_names_of_this_machine_are_its_own(server: LocalRekognition, host: str) -> None:
    assert ask(server, "GET", HEALTH, {"Host": host}) == 200


@pytest.mark.parametrize(
    ("name", "value"), [("Origin", "http://127.0.0.1:8080"), ("Origin", "null"), ("Sec-Fetch-Site", "same-site")]
)
def test_pages_are_refused(server: LocalRekognition, name: str, value: str) -> None:
    for method, path, headers in (CALL, ("GET", HEALTH, {})):
        assert ask(server, method, path, {**headers, name: value}) == 403


def test_rules_counts_and_reset_are_for_the_owner(server: LocalRekognition, control: Control) -> None:
    control.put_rules({"match": {"key": "a"}, "delayMs": 1})
    before = control.request("GET", "rules")

    for method, path in (("POST", "reset"), ("PUT", "rules"), ("GET", "rules"), ("GET", "calls")):
        for token in ({}, {"X-Rekognition-Local-Token": ""}, {"X-Rekognition-Local-Token": "guess"}):
            assert ask(server, method, f"/_rekognition_local/{path}", token) == 403

    assert control.request("GET", "rules") == before


def test_a_server_in_a_network_has_a_name_and_addresses(start_server: Callable[..., LocalRekognition]) -> None:
    server = start_server(Options(host="0.0.0.0", hosts=frozenset({"rekognition"})))

    assert ask(server, "GET", HEALTH, {"Host": "rekognition:4570"}) == 200
    assert ask(server, "GET", HEALTH, {"Host": "172.18.0.3:4570"}) == 200
    assert ask(server, "GET", HEALTH, {"Host": "rekognition.evil.example:4570"}) == 403
    assert ask(server, "POST", "/_rekognition_local/reset", {"Host": "rekognition:4570"}) == 403
    assert ask(server, "POST", "/_rekognition_local/reset", {"X-Rekognition-Local-Token": TOKEN}) == 200
