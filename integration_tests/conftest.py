"""One cloud and one deployed stack for the whole run; unique keys for each test; skips for capabilities that a cloud
lacks."""

from __future__ import annotations

import gc
import itertools
import os
import re
import signal
import uuid
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from integration_tests import failure_logs, lanes, smoke
from integration_tests.api import ApiClient
from integration_tests.lanes import Lane
from integration_tests.running import RunningCloud, running_cloud
from integration_tests.stack import DeployedStack, LocalRekognition
from labelstack.clouds import Cloud
from labelstack.errors import CloudError, LabelstackError

PROJECT = Path(__file__).parent.parent
FOLDER = Path(__file__).parent
LANE = pytest.StashKey[Lane]()
RUNNING = pytest.StashKey[RunningCloud]()
OUTPUTS = pytest.StashKey[Mapping[str, Any]]()
EXECUTED = pytest.StashKey[list[str]]()
STARTED_MS = pytest.StashKey[int]()
# Pulumi's provider waits half a minute for each new queue, and as long for its policy.
PULUMI_TIMEOUT_S = 1200
# pytest's own: 1 tests failed, 2 interrupted, 4 wrong usage.
NOTHING_RAN = 1
NO_CLOUD = 4
# A lasting fault is retried until the queue gives up. Shorter time-outs and no pauses let that end in seconds.
FASTER_FAILURES = {
    "labelstack:timeoutSeconds": "20",
    "labelstack:rekognitionTimeoutSeconds": "6",
    "labelstack:retryBaseDelaySeconds": "0",
}
# Of stacks whose alarms and messages no test looks at.
UNWATCHED = {"monitoring": "false", "notifications": "false"}


# --- the lane


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("labelstack", "where the integration tests run")
    group.addoption("--cloud", choices=lanes.CLOUDS, help="default: localstack where Docker has it, else embedded")
    group.addoption("--stack", metavar="NAME", help="default: local; dev on aws")
    group.addoption("--engine", choices=lanes.ENGINES, help="default: in-process; on aws, none: deployed already")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(*capabilities): skipped on a cloud that lacks one of them")
    config.addinivalue_line("markers", "smoke(pictures=0): runs on aws too, and uploads so many pictures")
    config.stash[EXECUTED] = []
    try:
        lane = lanes.choose(
            PROJECT, config.getoption("cloud"), config.getoption("stack"), config.getoption("engine"), _docker_problem
        )
    except LabelstackError as error:
        raise pytest.UsageError(str(error)) from None
    config.stash[LANE] = lane
    if lane.cloud == "localstack":
        # Ended from outside, the run ends as by Ctrl-C: with its containers.
        signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_report_header(config: pytest.Config) -> str:
    return f"integration tests: {config.stash[LANE]}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep only the smoke tests on AWS, and none of Pulumi's engine where Pulumi cannot be had."""
    lane = config.stash[LANE]
    if lane.cloud == "aws":
        others = [item for item in items if _is_ours(item) and item.get_closest_marker("smoke") is None]
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item not in others]
    ours = [item for item in items if _is_ours(item)]
    if lane.engine == "pulumi" and ours and not config.option.collectonly:
        problem = lanes.pulumi_problem()
        for item in ours:
            item.add_marker(pytest.mark.timeout(PULUMI_TIMEOUT_S) if problem is None else pytest.mark.skip(problem))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Fetch the images before the first test's time runs."""
    config = session.config
    runs = any(_is_ours(item) and item.get_closest_marker("skip") is None for item in session.items)
    if config.stash[LANE].cloud == "localstack" and not config.option.collectonly and runs:
        from labelstack.clouds import localstack_container

        with _or_exit():
            localstack_container.prepare(PROJECT, os.environ, lambda what: _tell(config, f"{what} (once) …"))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a lane in CI in which nothing ran: all of it may have been skipped. Collect garbage once."""
    # pytest ends with five full collections, each of which would walk through Pulumi's AWS SDK. The first finds all.
    gc.collect()
    gc.freeze()
    config = session.config
    ours = any(map(_is_ours, session.items))
    if os.environ.get("CI") and ours and not config.option.collectonly and not config.stash[EXECUTED]:
        _tell(config, f"no integration test has run on {config.stash[LANE].cloud}: in CI that is a failure")
        session.exitstatus = NOTHING_RAN


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the logs of the functions and the cloud to the report of a failure."""
    report = yield
    config = item.config
    if not _is_ours(item):
        return report
    if call.when == "setup":
        item.stash[STARTED_MS] = int(call.start * 1000)
    if call.when == "call" and report.outcome != "skipped":
        config.stash[EXECUTED].append(item.nodeid)
        for name, table in item.user_properties if config.get_verbosity() > 0 else ():
            _tell(config, f"{name}\n{table}")
    running = config.stash.get(RUNNING, None)
    if report.failed and running is not None:
        functions = failure_logs.functions_of(running, config.stash.get(OUTPUTS, {}))
        report.sections += failure_logs.sections(running, functions, item.stash[STARTED_MS])
        if not running.is_running():
            item.session.shouldfail = (
                f"the cloud {running.cloud.name} does not answer any more; the other tests were left"
            )
    return report


def _is_ours(item: pytest.Item) -> bool:
    return item.path.is_relative_to(FOLDER)


def _docker_problem() -> str | None:
    try:
        from labelstack.clouds import localstack_container
    except ImportError as error:
        return f"the package {error.name} is not installed"
    return localstack_container.problem(os.environ)


def _tell(config: pytest.Config, text: str) -> None:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    capture = config.pluginmanager.get_plugin("capturemanager")
    if reporter is not None and capture is not None:
        with capture.global_and_fixture_disabled():
            reporter.ensure_newline()
            reporter.write_line(text)


@contextmanager
def _or_exit() -> Iterator[None]:
    """End the run with one sentence if its cloud cannot run."""
    try:
        yield
    except LabelstackError as error:
        pytest.exit(str(error), NO_CLOUD)


# --- cloud and stacks


@pytest.fixture(scope="session")
def lane(request: pytest.FixtureRequest) -> Lane:
    """Return the cloud, stack and engine of the run."""
    return request.config.stash[LANE]


@pytest.fixture(scope="session")
def running(
    request: pytest.FixtureRequest, lane: Lane, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningCloud]:
    """Yield the cloud, started for this run alone, unless it runs already."""
    with _or_exit():
        started = running_cloud(lane, PROJECT, tmp_path_factory.mktemp("cloud"))
        cloud_of_run = started.__enter__()
    request.config.stash[RUNNING] = cloud_of_run
    if cloud_of_run.cloud.capabilities.rekognition_rules:
        _rekognition_of(cloud_of_run).set_rules([])
    yield cloud_of_run
    del request.config.stash[RUNNING]
    try:
        started.__exit__(None, None, None)
    except CloudError as error:
        pytest.exit(str(error), pytest.ExitCode.TESTS_FAILED)


@pytest.fixture(scope="session")
def cloud(running: RunningCloud) -> Cloud:
    """Return the cloud."""
    return running.cloud


@pytest.fixture(autouse=True)
def _needs(request: pytest.FixtureRequest) -> None:
    """Skip a test that needs more than the cloud can do."""
    names = [name for marker in request.node.iter_markers("needs") for name in marker.args]
    if names:
        skip_unless(request.getfixturevalue("cloud"), *names)


def skip_unless(cloud: Cloud, *capabilities: str) -> None:
    """Skip the test, unless the cloud has all of these."""
    if lacking := cloud.capabilities.lacks(*capabilities):
        pytest.skip(f"{cloud.name} has no {' and no '.join(lacking)}")


@pytest.fixture(scope="session")
def stack(
    request: pytest.FixtureRequest, lane: Lane, running: RunningCloud, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DeployedStack]:
    """Yield the project's own program, deployed as the lane's stack."""
    if lane.cloud == "aws":
        context = _on_aws(request, lane, running)
    else:
        context = _deployed(lane, running, tmp_path_factory.mktemp("stacks"), FASTER_FAILURES)
    with context as deployed:
        request.config.stash[OUTPUTS] = deployed.outputs
        yield deployed


@contextmanager
def _deployed(lane: Lane, running: RunningCloud, folder: Path, settings: Mapping[str, str]) -> Iterator[DeployedStack]:
    """Deploy the program as one more stack on the cloud."""
    with _or_exit():
        engine = lanes.engine_for(lane.engine, PROJECT, running.cloud, folder)
    try:
        try:
            outputs = engine.up(lane.stack, settings).outputs
        except LabelstackError:
            if not running.is_running():
                pytest.exit(f"the cloud {lane.cloud} has ended while the stack was deployed on it: run again", NO_CLOUD)
            raise
        yield DeployedStack(running.cloud, outputs, running.logs)
    finally:
        if running.is_running():  # what died has taken everything along
            engine.destroy(lane.stack)


@contextmanager
def _on_aws(request: pytest.FixtureRequest, lane: Lane, running: RunningCloud) -> Iterator[DeployedStack]:
    """Yield a deployed stack, or one of the run's own, which is destroyed again."""
    marks = [item.get_closest_marker("smoke") for item in request.session.items]
    pictures = sum(int(mark.kwargs.get("pictures", 0)) for mark in marks if mark is not None)
    with _or_exit():
        budget = smoke.Budget(pictures, smoke.charged_calls(PROJECT, lane.stack))
        _tell(request.config, f"smoke test on AWS, {lane}, region {running.cloud.region}: {budget}")
        if not lane.engine:
            outputs = smoke.deployed_outputs(PROJECT, lane.stack, os.environ)
            yield from _cleaned_up(smoke.SmokeStack(running.cloud, outputs, budget=budget))
            return
        # Kept in the project, so that a run that was killed can be destroyed by hand.
        engine = lanes.engine_for(lane.engine, PROJECT, running.cloud, PROJECT / ".labelstack" / "smoke")
    try:
        with _or_exit():
            outputs = engine.up(lane.stack, smoke.settings_for(running.cloud)).outputs
        yield from _cleaned_up(smoke.SmokeStack(running.cloud, outputs, budget=budget))
    finally:
        engine.destroy(lane.stack)


def _cleaned_up(deployed: smoke.SmokeStack) -> Iterator[DeployedStack]:
    try:
        yield deployed
    finally:
        deployed.clean_up()


@pytest.fixture(scope="session")
def session_rekognition(running: RunningCloud) -> LocalRekognition:
    """Return the local Rekognition's control plane. A test that sets rules removes them."""
    skip_unless(running.cloud, "rekognition_rules")
    return _rekognition_of(running)


def _rekognition_of(running: RunningCloud) -> LocalRekognition:
    return LocalRekognition(running.rekognition_control_url, running.rekognition_control_token)


@pytest.fixture(scope="session")
def keyed_stack(lane: Lane, running: RunningCloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeployedStack]:
    """Yield the same program beside the first stack, with an API that wants a key, and a pipeline that can pause."""
    settings = _beside("keyed", {"apiAccess": "api_key", "onCostBound": "pause", **_best_site(running.cloud)})
    with _deployed(lane, running, tmp_path_factory.mktemp("keyed"), settings) as deployed:
        yield deployed


@pytest.fixture(scope="session")
def guest_stack(lane: Lane, running: RunningCloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeployedStack]:
    """Yield the same program with a page for guests, behind CloudFront, and an HTTP API that wants signatures."""
    skip_unless(running.cloud, *lanes.GUESTS)
    guests = {"api": "http", "apiAccess": "iam", "guestAccess": "true", "siteMode": "guest"}
    settings = {**guests, **UNWATCHED, **_best_site(running.cloud)}
    with _deployed(lane, running, tmp_path_factory.mktemp("guests"), _beside("guests", settings)) as deployed:
        yield deployed


@pytest.fixture(scope="session")
def cloudfront_stack(cloud: Cloud, guest_stack: DeployedStack) -> DeployedStack:
    """Return the stack whose page is behind CloudFront."""
    skip_unless(cloud, "cloudfront")
    return guest_stack


@pytest.fixture(params=["stack", "guest_stack"], ids=["api", "guest"])
def any_stack(request: pytest.FixtureRequest) -> DeployedStack:
    """Return both kinds of page in turn."""
    stack_of_lane = request.getfixturevalue(request.param)
    assert isinstance(stack_of_lane, DeployedStack)
    return stack_of_lane


@pytest.fixture(scope="session")
def throttled_stack(
    lane: Lane, running: RunningCloud, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DeployedStack]:
    """Yield the same program with an API that lets one request a second through, and two at once."""
    skip_unless(running.cloud, "throttling")
    settings = {"website": "none", "previews": "false", "apiThrottleRate": "1", "apiThrottleBurst": "2", **UNWATCHED}
    with _deployed(lane, running, tmp_path_factory.mktemp("throttled"), _beside("throttled", settings)) as deployed:
        yield deployed


@pytest.fixture(scope="session")
def workflow_stack(
    lane: Lane, running: RunningCloud, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DeployedStack]:
    """Yield the same program with a workflow of Step Functions in place of the one function."""
    plain = {"api": "none", "website": "none", "previews": "false", "monitoring": "false"}
    settings = _beside("flow", {"pipeline": "workflow", **plain})
    with _deployed(lane, running, tmp_path_factory.mktemp("workflow"), settings) as deployed:
        yield deployed


def _best_site(cloud: Cloud) -> dict[str, str]:
    return {"website": "cloudfront"} if cloud.capabilities.cloudfront else {}


def _beside(name: str, settings: Mapping[str, str]) -> dict[str, str]:
    """Return the settings of one more stack, whose name separates its resources."""
    config = {f"labelstack:{key}": value for key, value in {"name": name, "apiLogRole": "account", **settings}.items()}
    return {**FASTER_FAILURES, **config}


# --- callers of the APIs


@pytest.fixture(scope="session")
def api(stack: DeployedStack) -> ApiClient:
    """Return the first stack's API, which is open."""
    return ApiClient(stack.outputs["apiUrl"])


@pytest.fixture(scope="session")
def caller(running: RunningCloud, stack: DeployedStack) -> ApiClient:
    """Return the first stack's API with all that it may require: a key, or the deployer's signature."""
    if "apiUrl" not in stack.outputs:
        pytest.skip("this stack has no API (labelstack:api is none)")
    if "apiKeyId" in stack.outputs:
        return _with_key(stack)
    return ApiClient(stack.outputs["apiUrl"], credentials=running.cloud.credentials(), region=running.cloud.region)


@pytest.fixture(scope="session")
def keyed_api(keyed_stack: DeployedStack) -> ApiClient:
    """Return the API that wants a key, with the key."""
    return _with_key(keyed_stack)


@pytest.fixture(scope="session")
def signed_api(running: RunningCloud, guest_stack: DeployedStack) -> ApiClient:
    """Return the HTTP API, with signatures of a user who may do everything."""
    url = guest_stack.outputs["apiUrl"]
    return ApiClient(url, credentials=running.cloud.credentials(), region=running.cloud.region)


def _with_key(stack: DeployedStack) -> ApiClient:
    answer = stack.client("apigateway").get_api_key(apiKey=stack.outputs["apiKeyId"], includeValue=True)
    return ApiClient(stack.outputs["apiUrl"], api_key=answer["value"])


@pytest.fixture(scope="session")
def run_folder(lane: Lane) -> str:
    """Return the folder of all keys of a run on AWS, where others' pictures are too."""
    return f"smoke/{uuid.uuid4().hex[:12]}/" if lane.cloud == "aws" else ""


@pytest.fixture
def key(request: pytest.FixtureRequest, run_folder: str) -> Callable[[str], str]:
    """Return a function that makes object keys that no other test uses."""
    numbers = itertools.count()
    folder = re.sub(r"[^A-Za-z0-9]+", "-", request.node.name).strip("-")

    def make(name: str = "picture.jpg") -> str:
        return f"{run_folder}{folder}/{next(numbers)}/{name}"

    return make
