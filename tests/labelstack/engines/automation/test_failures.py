"""What the Pulumi engine fails with: one sentence with the engine's own diagnosis, never the log."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from labelstack.engines import PulumiEngine
from labelstack.engines.automation import cli as pulumi_cli
from labelstack.errors import DeployError, DestroyError, ProgramError, PulumiMissingError, StateError
from tests.labelstack.engines.automation.conftest import Cli, diagnostic, urn
from tests.recording import PROJECT

QUEUE = urn("aws:sqs/queue:Queue", "jobs")
STACK = "urn:pulumi:local::small::pulumi:pulumi:Stack::small-local"


def test_a_refused_resource_is_named_with_the_provider_s_reason_once(engine: PulumiEngine, cli: Cli) -> None:
    reason = "creating SQS Queue (jobs): operation error SQS: CreateQueue, StatusCode: 400, QueueNameExists"
    cli.plan(
        failure="error: update failed",
        events=[
            diagnostic(f"sdk-v2/provider2.go:572: sdk.helper_schema: {reason}: provider=aws@7.51.1", QUEUE),
            diagnostic(f"1 error occurred:\n\t* {reason}\n\n", QUEUE),
            diagnostic("update failed", STACK),
        ],
    )
    with pytest.raises(DeployError) as raised:
        engine.up("local")
    assert str(raised.value).splitlines()[0] == f"jobs (aws:sqs/queue:Queue): {reason}"
    assert str(raised.value).count(reason) == 1
    assert (raised.value.resource, raised.value.resource_type) == ("jobs", "aws:sqs/queue:Queue")
    assert "update failed" not in str(raised.value)


def test_after_a_failure_the_stack_is_known_and_can_be_destroyed(engine: PulumiEngine, cli: Cli) -> None:
    cli.plan(failure="error: update failed", events=[diagnostic("no", QUEUE)])
    with pytest.raises(DeployError):
        engine.up("local")
    with pytest.raises(StateError, match="not deployed"):
        engine.outputs("local")
    cli.plan(failure="", events=[])
    engine.destroy("local")
    assert cli.call("destroy")["arguments"][-2:] == ["--stack", "local"]


def test_a_program_s_own_error_is_told_in_its_words(engine: PulumiEngine, cli: Cli) -> None:
    sentence = "The stack's settings are wrong:\n  labelstack:name is missing"
    cli.plan(failure="error: update failed", events=[diagnostic(sentence, STACK), diagnostic("update failed", STACK)])
    with pytest.raises(ProgramError) as raised:
        engine.up("local")
    assert str(raised.value) == sentence


def test_what_a_program_wrote_before_it_died_is_told(engine: PulumiEngine, cli: Cli) -> None:
    died = diagnostic("ModuleNotFoundError: No module named 'pulumi'", severity="info#err")
    cli.plan(failure="error: update failed", events=[died])
    with pytest.raises(ProgramError, match="No module named 'pulumi'"):
        engine.up("local")


def test_an_error_before_any_event_is_told_in_the_cli_s_words(engine: PulumiEngine, cli: Cli) -> None:
    cli.plan(failure="warning: something\nerror: could not load policy pack")
    with pytest.raises(ProgramError, match=r"^could not load policy pack$"):
        engine.up("local")


def test_a_locked_stack_is_told_with_the_command_that_unlocks_it(engine: PulumiEngine, cli: Cli) -> None:
    cli.plan(failure="error: the stack is currently locked by 1 lock(s). Either wait …")
    with pytest.raises(StateError, match=r"PULUMI_BACKEND_URL=file://\S+ pulumi cancel --stack local"):
        engine.up("local")


def test_state_of_a_newer_pulumi_is_told(engine: PulumiEngine, cli: Cli) -> None:
    said = "the stack 'local' is newer than what this version of the Pulumi CLI understands"
    cli.plan(refused={"stack select": f"error: {said}. Please update your version of the Pulumi CLI"})
    with pytest.raises(StateError, match="stack local was written by another version of Pulumi"):
        engine.up("local")


def test_a_protected_resource_keeps_the_stack(engine: PulumiEngine, cli: Cli, tmp_path: Path) -> None:
    engine.up("local")
    cli.plan(failure="error: destroy failed", events=[diagnostic("it is currently marked for protection", QUEUE)])
    with pytest.raises(DestroyError, match=r"jobs .*marked for protection") as raised:
        engine.destroy("local")
    assert raised.value.failures == ("jobs (aws:sqs/queue:Queue): it is currently marked for protection",)
    assert engine.outputs("local") == {"uploadBucket": "b"}


def test_a_provider_that_cannot_be_had_is_told_with_its_version(engine: PulumiEngine, cli: Cli) -> None:
    cli.plan(refused={"plugin install": "error: [resource plugin aws] downloading from : dial tcp: no such host"})
    with pytest.raises(
        PulumiMissingError, match=r"AWS provider 7\.\S+, .*no such host.*pulumi plugin install"
    ) as raised:
        engine.up("local")
    assert "\n" not in str(raised.value)


@pytest.fixture
def installer() -> Iterator[str]:
    """A server that knows no installer."""
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as listening:
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{listening.server_port}/install.sh"
        listening.shutdown()
        thread.join()


@pytest.mark.parametrize(("version", "found"), [(None, "is not installed"), ("v3.100.0", "is older here")])
def test_a_missing_or_old_cli_that_cannot_be_downloaded_is_told_in_a_line(
    cli: Cli, installer: str, tmp_path: Path, version: str | None, found: str
) -> None:
    if version is None:
        (cli.home / "pulumi").unlink()
    else:
        cli.plan(version=version)
    with pytest.raises(PulumiMissingError) as raised:
        pulumi_cli.find(tmp_path / "cli", installer)
    assert found in str(raised.value)
    assert str(pulumi_cli.CLI_VERSION) in str(raised.value)
    assert pulumi_cli.HOW_TO_INSTALL in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_downloaded_cli_is_used_when_none_is_on_path(cli: Cli, tmp_path: Path) -> None:
    downloaded = tmp_path / "cli" / "bin" / "pulumi"
    downloaded.parent.mkdir(parents=True)
    (cli.home / "pulumi").rename(downloaded)
    assert pulumi_cli.find(tmp_path / "cli", "http://127.0.0.1:9/").command == str(downloaded)


def test_the_pinned_cli_is_the_locked_sdk_s() -> None:
    lock = (PROJECT / "requirements.txt").read_text()
    assert f"pulumi=={pulumi_cli.CLI_VERSION} " in lock


def test_a_broken_project_file_is_told(engine: PulumiEngine, project: Path) -> None:
    (project / "Pulumi.yaml").write_text(yaml.safe_dump({"runtime": "python"}))
    with pytest.raises(ProgramError, match="has no name"):
        engine.up("local")
