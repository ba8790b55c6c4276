"""`up`, `down`, `outputs`, `open` and `deployer-policy`."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
import threading
import time
import webbrowser
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from labelstack import deployer_policy as policies
from labelstack import outputs as stack_outputs
from labelstack.cli import shared_stack
from labelstack.cli.backend import IN_PROCESS, PROJECT, PULUMI, Engine, RunningCloud
from labelstack.cli.options import command, engine_option
from labelstack.cli.screen import Screen, count_text
from labelstack.cli.tables import facts_table
from labelstack.cli.target import Target
from labelstack.clouds import Cloud
from labelstack.errors import CloudNotRunningError, InputError, LabelstackError, NoOutputsError

SIGNS = {"created": ("+", "green"), "updated": ("~", "yellow"), "replaced": ("±", "yellow"), "deleted": ("-", "red")}
UNCHANGED = "unchanged"
CLOUD_STOPPED = "The stack is gone, because this command has stopped the embedded cloud that it had started."


@command(examples=["labelstack up", "labelstack up --cloud localstack"])
@engine_option
def up(screen: Screen, target: Target, engine: str | None) -> None:
    """Start the embedded cloud, and deploy or update the stack.

    With --cloud localstack, the LocalStack must run already (AWS_ENDPOINT_URL names it). `labelstack down` ends what
    this command starts.
    """
    if target.cloud == "aws":
        raise InputError(f"stacks on AWS are deployed by Pulumi: pulumi up --stack {target.stack}")
    if engine == PULUMI:
        target.backend.find_pulumi(target.pulumi_folder)
    started: RunningCloud | None = None
    if target.cloud == "embedded":
        started = start_unless_running(target, screen)
    try:
        cloud = target.attach()
        if target.cloud == "localstack":
            shared_stack.check_ours(target, cloud)
        with shared_stack.docker_explained():
            outputs = deploy(engine_for(target, cloud, engine), target.stack, screen)
        if target.cloud == "localstack":
            stack_outputs.publish(cloud.client("ssm"), target.stack, outputs)
            if missing := shared_stack.missing_rekognition(cloud):
                screen.note(missing)
    except BaseException as error:  # Ctrl-C among them: a cloud with nothing on it is of no use to anybody
        if started is not None:
            started.stop()
            error.__notes__ = [CLOUD_STOPPED]  # the engine's record went with the cloud
        raise
    screen.document(outputs)
    screen.show()
    screen.show(facts_table(outputs))
    screen.show()
    if target.cloud == "embedded":
        screen.show(how_to_use(target.backend.attach_embedded(target.cloud_folder), outputs, target))
    else:
        screen.show(shared_stack.how_to_use(cloud, outputs))


def engine_for(target: Target, cloud: Cloud, requested: str | None) -> Engine:
    """Return the requested engine, else the one that has deployed the stack, else the in-process one.

    Raises:
        InputError: Another engine has deployed the stack: neither can change what the other has made.
    """
    deployed_by, _ = target.recorded(cloud)
    check_engine(target, deployed_by, requested)
    if (requested or deployed_by or IN_PROCESS) == PULUMI:
        return target.backend.pulumi_engine(cloud, target.stacks_folder, target.pulumi_folder)
    return target.backend.engine(cloud, target.stacks_folder)


def check_engine(target: Target, deployed_by: str | None, requested: str | None) -> None:
    """Raise InputError when another engine than the requested one has deployed the stack."""
    if requested and deployed_by not in (None, requested):
        raise InputError(
            f"stack {target.stack} was deployed by the {deployed_by} engine: destroy it first (labelstack down), or "
            f"leave out --engine {requested}."
        )


def start_unless_running(target: Target, screen: Screen) -> RunningCloud | None:
    """Start the embedded cloud; None if it runs."""
    try:
        target.backend.attach_embedded(target.cloud_folder)
    except CloudNotRunningError:
        with step(screen, "embedded cloud started"):
            return target.backend.start_embedded(target.cloud_folder, detach=True)
    screen.note("the embedded cloud runs already.")
    return None


def deploy(engine: Engine, stack: str, screen: Screen, *, verbose: bool = True) -> Mapping[str, Any]:
    """Deploy, and show each resource, or without `verbose` their number; return the stack's outputs."""
    began_s = time.perf_counter()
    counts: dict[str, int] = {}
    counting = threading.Lock()  # an engine works in several threads

    def on_step(action: str, resource_type: str, name: str) -> None:
        with counting:
            counts[action] = counts.get(action, 0) + 1
            if verbose and action != UNCHANGED:
                sign, style = SIGNS.get(action, ("*", ""))
                kind = resource_type.rpartition(":")[2]
                screen.note(Text.assemble("  ", (sign, style), f" {kind:<40} ", (name, "bold")))

    with screen.progress(f"deploying stack {stack}"):
        deployment = engine.up(stack, {}, on_step=on_step)
    changes = ", ".join(f"{count} {action}" for action, count in counts.items()) or "nothing to do"
    _note_end(screen, f"stack {stack} deployed: {changes}", began_s)
    return deployment.outputs


def destroy(engine: Engine, stack: str, screen: Screen) -> None:
    """Remove everything of a stack."""
    began_s = time.perf_counter()
    with screen.progress(f"destroying stack {stack}"):
        removed = engine.destroy(stack)
    _note_end(screen, f"stack {stack} destroyed: {count_text(removed, 'resource')}", began_s)


@contextmanager
def step(screen: Screen, done: str) -> Iterator[None]:
    """Print that a step is done, and how long it took."""
    began_s = time.perf_counter()
    yield
    _note_end(screen, done, began_s)


@command(examples=["labelstack down"], has_json=False)
@engine_option
def down(screen: Screen, target: Target, engine: str | None) -> None:
    """Destroy the stack, and stop the embedded cloud.

    The embedded cloud stops even if a resource cannot be removed, because everything on it goes with it.
    """
    if target.cloud == "aws":
        raise InputError(f"stacks on AWS are destroyed by Pulumi: pulumi destroy --stack {target.stack}")
    if target.cloud == "localstack":
        cloud = target.attach()
        shared_stack.check_ours(target, cloud)
        destroy(engine_for(target, cloud, engine), target.stack, screen)
        stack_outputs.withdraw(cloud.client("ssm"), target.stack)
        return
    try:
        running = target.backend.attach_embedded(target.cloud_folder)
    except CloudNotRunningError as error:
        shutil.rmtree(target.stacks_folder, ignore_errors=True)
        screen.note(f"nothing to stop: {str(error).splitlines()[0].partition(': start')[0]}.")
        return
    try:
        destroy(engine_for(target, running, engine), target.stack, screen)
    except LabelstackError as error:
        screen.note(f"some resources could not be removed, and end with the cloud: {error}")
    finally:
        with step(screen, "embedded cloud stopped"):
            running.stop()
        shutil.rmtree(target.stacks_folder, ignore_errors=True)  # the records of stacks that went with their cloud


@command(examples=["labelstack outputs --json > outputs.json"])
@engine_option
def outputs(screen: Screen, target: Target, engine: str | None) -> None:
    """Print the stack's outputs."""
    cloud, of_stack = target.reach()
    if target.cloud != "aws":
        check_engine(target, target.recorded(cloud)[0], engine)
    screen.document(of_stack)
    screen.show(facts_table(of_stack))


@command("open", examples=["labelstack open --print"], has_json=False)
@click.option("--print", "only_print", is_flag=True, help="Print the address only.")
def open_page(screen: Screen, target: Target, only_print: bool) -> None:
    """Open the stack's page in a browser. Without a browser, print its address."""
    url = target.reach()[1].get("websiteUrl")
    if not isinstance(url, str):
        raise NoOutputsError(
            f"stack {target.stack!r} has no page: set labelstack:website to s3 or cloudfront (and labelstack:api to "
            "rest or http, or labelstack:siteMode to guest), then deploy the stack."
        )
    click.echo(url)
    if not only_print and not webbrowser.open(url):
        screen.note("no browser starts here: open the address in yours.")


@command(
    "deployer-policy",
    examples=["labelstack deployer-policy --stack prod > policy.json"],
    has_json=False,
    has_target=False,
)
@click.option("--stack", default="dev", show_default=True, envvar="LABELSTACK_STACK", help="The stack's name.")
@click.option("--region", help="AWS region, if not the one in the stack's file.")
@click.option("--account", default="*", show_default="any", metavar="ID", help="The account's id.")
def deployer_policy(screen: Screen, stack: str, region: str | None, account: str) -> None:
    """Print the IAM policy of a stack's deployer.

    It follows the stack's settings: print it again when they change. Like `pulumi preview`, this builds the functions'
    packages first.
    """
    from labelstack.engines import configuration, listing  # Pulumi takes half a second to import

    overrides = {"aws:region": region} if region else {}
    settings = configuration.read(configuration.Project.read(PROJECT), stack, {}, overrides)
    resources = listing.registered(PROJECT, stack, overrides)
    policy = policies.document(
        resources, settings["labelstack:name"], region=settings.get("aws:region", "*"), account=account
    )
    click.echo(json.dumps(policy, indent=2))
    if (size := policies.size_characters(policy)) > policies.MANAGED_POLICY_CHARACTERS:
        screen.note(
            f"the policy has {size} characters and a managed policy at most {policies.MANAGED_POLICY_CHARACTERS}: "
            f"make it an inline policy of the deployer's role ({policies.INLINE_POLICIES_CHARACTERS})."
        )


def how_to_use(cloud: RunningCloud, outputs: Mapping[str, Any], target: Target) -> Text:
    """Return the commands to try next."""
    program, chosen = command_name(), target.chosen
    picture = f"s3://{outputs['uploadBucket']}/{outputs.get('uploadPrefix', '')}"
    rows = [
        *([("open", "the page: drop pictures on it")] if "websiteUrl" in outputs else []),
        ("upload samples --wait", "label pictures: yours, or these"),
        ("list", "see all results, newest first"),
        ("search cat", "find pictures by label"),
        ("watch", "see results as they arrive"),
        ("logs --follow", "see what the functions log"),
        ("down", "end everything"),
    ]
    rows = [(f"{program} {what}{chosen}", why) for what, why in rows]
    width = max(len(what) for what, _ in rows)
    lines = [Text.assemble("  ", (f"{what:<{width}}", "bold"), "  ", (why, "dim")) for what, why in rows]
    return Text("\n").join(
        [
            Text("It runs until you end it. Try:"),
            *lines,
            Text("Or with any AWS SDK or the AWS CLI, in a shell that knows the address and the keys:"),
            Text(f"  . {shlex.quote(str(cloud.environment_file))}\n  aws s3 cp cat.jpg {picture}"),
            Text(f"Its processes log in {cloud.log_folder}", style="dim"),
        ]
    )


def command_name() -> str:
    """Return how this command is called from a shell here."""
    if shutil.which("labelstack"):
        return "labelstack"
    script = Path(sys.executable).with_name("labelstack")
    called = str(script) if script.exists() else f"{sys.executable} -m labelstack"
    return called.removeprefix(f"{Path.cwd()}/")


def _note_end(screen: Screen, what: str, began_s: float) -> None:
    screen.note(Text.assemble(what, (f"  {time.perf_counter() - began_s:.1f} s", "dim")))
