"""From `docker compose up --wait` to `down`, on this machine's Docker."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from compose_tests.composed import PROJECT, Composed, docker, published
from integration_tests.stack import wait_for

CAT = PROJECT / "samples" / "cat.png"


def upload(composed: Composed, picture: Path) -> dict[str, object]:
    """Upload a picture by the command, and wait for its result."""
    done = composed.labelstack("upload", str(picture), "--wait", "--json")
    assert done.returncode == 0, done.stderr
    result: dict[str, object] = json.loads(done.stdout)
    return result


def test_up_waits_for_a_deployment_that_has_ended_well(composed: Composed) -> None:
    deploy = composed.containers()[f"{composed.name}-deploy-1"]["State"]
    assert (deploy["Status"], deploy["ExitCode"]) == ("exited", 0)


def test_the_log_of_the_deployment_has_the_page_s_address(composed: Composed) -> None:
    assert composed.outputs()["websiteUrl"] in composed.log("deploy")


def test_nothing_listens_beyond_this_machine(composed: Composed) -> None:
    assert published(composed.containers()) == {"127.0.0.1"}


def test_the_project_s_containers_run_without_root(composed: Composed) -> None:
    containers = composed.containers()
    users = {name: containers[f"{composed.name}-{name}-1"]["Config"]["User"] for name in ("deploy", "rekognition")}
    assert users == {"deploy": "labelstack", "rekognition": "labelstack"}


def test_the_command_on_this_machine_uploads_and_finds(composed: Composed) -> None:
    result = upload(composed, CAT)
    assert result["status"] == "LABELED"
    answer = json.loads(composed.labelstack("search", "cat", "--json").stdout)
    assert [item["key"] for item in answer["items"]] == [result["key"]]


def test_the_page_finds_the_api_where_a_browser_does(composed: Composed) -> None:
    page = composed.outputs()["websiteUrl"]
    assert b"<title>" in composed.get(page)
    api = json.loads(composed.get(f"{page}config.json"))["apiUrl"]
    assert api.startswith(f"{composed.endpoint_url}/")
    assert json.loads(composed.get(f"{api}/health")) == {"status": "ok"}


def test_the_functions_log_is_followed(composed: Composed) -> None:
    result = upload(composed, PROJECT / "samples" / "rocket.jpg")
    wait_for("the picture in the log", lambda: composed.log("logs"), lambda log: f"key={result['key']}" in log)


def test_up_deploy_changes_the_function_whose_code_has_changed(composed: Composed) -> None:
    before = composed.outputs()
    reading = composed.folder / "handlers" / "api_results" / "reading.py"
    code = reading.read_text()
    try:
        reading.write_text(code.replace('{"status": "ok"}', '{"status": "changed"}'))
        done = composed.compose("up", "deploy")
        assert done.returncode == 0, done.stdout
        assert json.loads(composed.get(f"{before['apiUrl']}/health")) == {"status": "changed"}
        assert composed.outputs() == before
    finally:
        reading.write_text(code)
        composed.compose("up", "deploy")


def test_this_machine_s_engine_leaves_the_composed_stack_alone(composed: Composed) -> None:
    done = composed.labelstack("up")
    assert done.returncode == 1
    assert "docker compose up deploy" in done.stderr


@pytest.mark.parametrize("killed", [False, True], ids=["ended", "killed"])
def test_down_leaves_nothing_of_a_localstack_and_up_deploys_anew(composed: Composed, killed: bool) -> None:
    upload(composed, CAT)  # so that there is a function's container
    before = composed.outputs()
    assert any("-lambda-" in name for name in composed.containers())
    if killed:
        docker("kill", f"{composed.name}-localstack-1")
    down = composed.compose("down")
    assert down.returncode == 0, down.stdout
    assert (composed.containers(), composed.networks()) == ({}, [])
    composed.up()
    assert composed.outputs()["uploadBucket"] != before["uploadBucket"]
    assert upload(composed, CAT)["status"] == "LABELED"


def test_up_removes_the_functions_of_a_localstack_that_was_killed(composed: Composed) -> None:
    upload(composed, CAT)
    left = {name for name in composed.containers() if "-lambda-" in name}
    docker("kill", *(f"{composed.name}-{service}-1" for service in ("reaper", "localstack", "logs")))
    assert left <= set(composed.containers())
    composed.up()
    assert left.isdisjoint(composed.containers())
    assert upload(composed, CAT)["status"] == "LABELED"


def test_localstack_without_docker_is_told_in_a_sentence(another: Callable[[], Composed]) -> None:
    project = another()
    done = project.compose("up", "--wait", DOCKER_SOCKET="/dev/null")
    assert done.returncode != 0
    errors = [line for line in project.log("deploy").splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert "/var/run/docker.sock" in errors[0]


def test_a_localstack_that_wants_a_licence_is_told_by_its_status_and_by_the_doctor(
    another: Callable[[], Composed],
) -> None:
    project = another()
    override = {"services": {"localstack": {"entrypoint": ["sh", "-c", "exit 55"]}}}  # as one without a licence ends
    (project.folder / "docker-compose.override.yml").write_text(json.dumps(override))
    done = project.compose("up", "--wait")
    assert done.returncode != 0
    assert f"{project.name}-localstack-1 exited (55)" in done.stdout
    doctor = project.labelstack("doctor", "--json")
    assert doctor.returncode == 1
    details = [
        finding["detail"] for finding in json.loads(doctor.stdout)["findings"] if finding["name"] == "LocalStack image"
    ]
    assert "ended with status 55: no valid license" in details[0]


def test_a_taken_port_is_told(another: Callable[[], Composed]) -> None:
    project = another()
    with socket.create_server(("127.0.0.1", project.port)):
        done = project.compose("up", "--wait")
    assert done.returncode != 0
    assert str(project.port) in done.stdout.splitlines()[-1]
