"""`reconcile`, `redrive`, `reprocess`, `simulate` and `migrate`: wrong or old results; `resume` after a pause."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import click
from rich.text import Text

from handlers.results.codes import Code, Status
from handlers.results.document import Result
from handlers.results.keys import iso_ms
from handlers.results.label_rules import LabelRules
from handlers.results.query import Query
from labelstack.cli.cost import read_settings
from labelstack.cli.options import Number, command, prefix_option, restart_option, timeout_option
from labelstack.cli.repair_target import RepairTarget, check_cost, cost_yes_option, rate_option
from labelstack.cli.results import read_pages
from labelstack.cli.screen import Screen, count_text, visible
from labelstack.cli.tables import plain_table
from labelstack.cli.target import Target
from labelstack.errors import InputError
from labelstack.repair import dead_letters
from labelstack.repair.comparison import MENDED, Comparison, Finding, Kind, Waiting
from labelstack.repair.jobs import Job
from labelstack.repair.simulation import Simulation, simulate
from labelstack.service import until

SHOWN = 50
GRACE_S = 15 * 60
FAILURES = (
    Code.REKOGNITION_THROTTLED,
    Code.REKOGNITION_ACCESS_DENIED,
    Code.REKOGNITION_ERROR,
    Code.REKOGNITION_TIMEOUT,
    Code.STORAGE_ERROR,
    Code.RETRIES_EXHAUSTED,
)


@command(short_help="Find and repair missing and stale results.", examples=["labelstack reconcile --fix"])
@prefix_option
@click.option("--fix", is_flag=True, help="Request repairs from the processor.")
@click.option(
    "--grace",
    "grace_s",
    type=Number(min=0),
    default=GRACE_S,
    show_default=True,
    metavar="S",
    help="Ignore changes of the last S seconds.",
)
@rate_option
def reconcile(screen: Screen, target: Target, prefix: str, fix: bool, grace_s: float, rate_per_s: float | None) -> None:
    """Compare the bucket with the table, and show the differences.

    MISSING: a picture without a result. STALE: a result of other bytes than the current ones. ORPHANED: a result whose
    picture is gone. UNANNOUNCED: a result that did not reach the results bucket or the topic. FAILED: a picture for
    `labelstack redrive`.

    --fix requests a repair of each. You can interrupt it and run it again at any time: the processor keeps correct
    results. Exit status 0: nothing is wrong, or every repair is requested; 1: something is wrong.
    """
    stack = RepairTarget(target, rate_per_s)
    settled_before = stack.now - timedelta(seconds=grace_s)
    comparison = Comparison(stack.s3, stack.bucket, stack.table, prefix=prefix, settled_before=settled_before)
    findings: list[Finding] = []
    waiting = 0
    with screen.progress("comparing {task.completed:,} pictures") as advance:
        for finding in comparison.findings(advance):
            if isinstance(finding, Waiting):
                waiting += 1
                continue
            findings.append(finding)
            screen.line({"kind": str(finding.kind), "key": finding.key, "detail": finding.detail})
    rows = [(str(finding.kind), finding.key, finding.detail) for finding in findings]
    _show_each(screen, ("What", "Picture", ""), rows)
    in_queue = dead_letters.waiting(stack.sqs, stack.queue_url)
    if waiting or in_queue:
        screen.note(f"{count_text(waiting, 'picture')} on the way; {count_text(in_queue, 'message')} in the queue")
    mendable = list(dict.fromkeys(finding.key for finding in findings if finding.kind in MENDED))
    failed = sum(finding.kind is Kind.FAILED for finding in findings)
    if failed:
        screen.note(f"{count_text(failed, 'picture')} FAILED: `labelstack redrive` tries them again")
    if fix and mendable:
        _ask(screen, stack, mendable)
    if (mendable and not fix) or failed:
        sys.exit(1)
    if not findings:
        screen.note("everything else agrees." if waiting else "bucket and table agree.")


@command(
    short_help="Retry FAILED pictures and dead letters.", examples=["labelstack redrive --code REKOGNITION_TIMEOUT"]
)
@click.option(
    "--code",
    "codes",
    multiple=True,
    metavar="CODE",
    type=click.Choice([str(code) for code in FAILURES]),
    help="Only failures with this code; may be repeated.",
)
@prefix_option
@click.option("--dry-run", is_flag=True, help="Only show them.")
@rate_option
def redrive(
    screen: Screen, target: Target, codes: tuple[str, ...], prefix: str, dry_run: bool, rate_per_s: float | None
) -> None:
    """Retry FAILED pictures and dead letters, those of previews too.

    It shows each picture with the reason of its failure. A success replaces the FAILED result. Without --code and
    --prefix, it also moves messages from the dead-letter queues back to the queues that they came from.
    """
    stack = RepairTarget(target, rate_per_s)
    by_key = {result["key"]: result for result in stack.table.walk((Status.FAILED,), prefix)}
    failed = [result for result in by_key.values() if not codes or result.get("code") in codes]
    for result in failed:
        screen.line({"key": result["key"], "code": result.get("code"), "message": result.get("message")})
    rows = [(str(result.get("code", "")), result["key"], str(result.get("message", ""))) for result in failed]
    _show_each(screen, ("Code", "Picture", "Reason"), rows)
    left = 0 if codes or prefix else sum(dead_letters.waiting(stack.sqs, url) for url in stack.dead_letters)
    if not failed and not left:
        chosen = f" with {' or '.join(codes)}" if codes else ""
        screen.note(f"nothing has failed{chosen}{f' below {prefix!r}' if prefix else ''}.")
    if dry_run:
        if left:
            screen.note(f"about {count_text(left, 'message')} in the dead-letter queue")
        return
    if failed:
        _ask(screen, stack, [result["key"] for result in failed])
    if left:
        moved = sum(dead_letters.move_all(stack.sqs, *queues, stack.now) for queues in stack.dead_letters.items())
        screen.note(f"{count_text(moved, 'message')} put back from the dead-letter queue")


@command(
    short_help="Label pictures again.",
    examples=[
        "labelstack reprocess --settings",
        "labelstack reprocess --labels",
        "labelstack reprocess --label Cat --before 2026-11-01",
    ],
)
@click.option(
    "--label", "labels", multiple=True, metavar="LABEL", help="Pictures that carry it; repeated: all of them."
)
@click.option("--before", metavar="TIME", help="Pictures whose results are older (ISO 8601: 2026-11-01).")
@click.option("--settings", "by_settings", is_flag=True, help="Pictures labelled under other detector settings.")
@click.option(
    "--labels",
    "labels_only",
    is_flag=True,
    help="Apply the rules of labels and keepLocation to stored results, without calling Rekognition.",
)
@prefix_option
@restart_option
@cost_yes_option
@rate_option
def reprocess(
    screen: Screen,
    target: Target,
    labels: tuple[str, ...],
    before: str | None,
    by_settings: bool,
    labels_only: bool,
    prefix: str,
    restart: bool,
    yes: bool,
    rate_per_s: float | None,
) -> None:
    """Label pictures again, after a change of the detectors or of Rekognition.

    --labels applies labelBlocklist, labelAllowlist, labelAliases, minConfidenceByLabel and keepLocation to all stored
    results. It does not call Rekognition. `labelstack simulate` shows the changes beforehand.

    Otherwise choose by --label, --before or --settings. --settings analyses only pictures with results of other
    settings, and does not pay for known content again. --label and --before analyse every chosen picture. The command
    first shows Rekognition's highest charge. Run it again after an interruption: it continues.
    """
    if not labels and before is None and not by_settings and not labels_only:
        raise click.UsageError("choose pictures with --label, --before, --settings or --labels.")
    if by_settings and (labels or before is not None):
        raise click.UsageError("--settings looks at every picture: leave out --label and --before.")
    if labels_only and (labels or before is not None or by_settings):
        raise click.UsageError("--labels looks at every picture: leave out --label, --before and --settings.")
    stack = RepairTarget(target, rate_per_s)
    if labels_only:
        keys = list(dict.fromkeys(result["key"] for result in stack.table.walk((Status.LABELED,), prefix)))
        _ask(screen, stack, keys, labels_only=True)
        screen.document({"pictures": len(keys)})
        return
    job = Job(
        stack.jobs_folder, "reprocess", {"stack": stack.name, "labels": labels, "before": before, "prefix": prefix}
    )
    if restart:
        job.finish()
    if job.is_begun:
        screen.note(f"continuing the run of {job.resume('').started_at}")
    started_at = job.resume(iso_ms(stack.now)).started_at
    # A result that this job has made already is newer than its start.
    processed_before = min(_time(before), started_at) if before is not None else started_at
    chosen = _chosen(stack, labels, prefix, None if by_settings else processed_before)
    if not chosen:
        screen.note("no such picture." if not job.is_begun else "all pictures were requested already.")
        job.finish()
        screen.document({"pictures": 0})
        return
    note = "at most, for those under other settings" if by_settings else "at most"
    check_cost(screen, stack, len(chosen), yes=yes, note=note)
    job.save(job.resume(started_at))
    _ask(screen, stack, chosen, processed_before=None if by_settings else processed_before)
    job.finish()
    screen.document({"pictures": len(chosen)})


@command(
    "simulate", short_help="Show what new rules of labels would change.", examples=["labelstack simulate --stack dev"]
)
@prefix_option
def simulate_labels(screen: Screen, target: Target, prefix: str) -> None:
    """Show the effect of labelBlocklist, labelAllowlist, labelAliases and minConfidenceByLabel.

    It applies the settings in Pulumi.STACK.yaml (--stack), deployed or not, to Rekognition's stored answers. It writes
    nothing, and costs only the reading of the table. `labelstack up` and `labelstack reprocess --labels` apply the
    rules. Labels below the confidence that Rekognition was called with cannot appear.
    """
    settings = read_settings(target.stack)
    confidences = {name: Decimal(str(value)) for name, value in (settings["minConfidenceByLabel"] or {}).items()}
    rules = LabelRules.of(settings["labelBlocklist"], settings["labelAllowlist"], settings["labelAliases"], confidences)
    table = RepairTarget(target, None).table
    simulation = simulate(table.walk_labels(prefix), rules, Decimal(str(settings["minConfidence"])))
    screen.document(asdict(simulation))
    if not screen.as_json:
        _show_simulation(screen, simulation)


@command(short_help="Bring results of older versions up to date.", examples=["labelstack migrate"])
@prefix_option
@rate_option
def migrate(screen: Screen, target: Target, prefix: str, rate_per_s: float | None) -> None:
    """Make results of older versions searchable, and add the camera's facts.

    Deploy the current version first. The processor writes each older result again, with the stack's settings, and does
    not call Rekognition. The stack works meanwhile. Run the command again after an interruption: it continues, or says
    that no old result is left.
    """
    stack = RepairTarget(target, rate_per_s)
    keys = list(dict.fromkeys(stack.table.outdated(prefix)))
    if keys:
        _ask(screen, stack, keys, labels_only=True)
    else:
        screen.note("every result is up to date.")
    screen.document({"pictures": len(keys)})


@command(examples=["labelstack resume --stack prod --cloud aws"], has_json=False)
@timeout_option(help="Seconds to wait until the pipeline runs.")
def resume(screen: Screen, target: Target, timeout_s: float) -> None:
    """Resume the pipeline after `onCostBound: pause`.

    It labels the waiting pictures, at their usual cost. At the next day's bound the pipeline pauses again.
    """
    connection = target.connect()
    client = connection.cloud.client("lambda")
    name = str(connection.outputs["processorFunction"])
    mappings = client.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    paused = [mapping["UUID"] for mapping in mappings if mapping["State"] in ("Disabled", "Disabling")]
    if not paused:
        screen.note("the pipeline is not paused.")
        return
    left = dead_letters.waiting(connection.cloud.client("sqs"), str(connection.outputs["queueUrl"]))
    for uuid in paused:
        _turn_on(client, uuid, timeout_s)
    screen.note(f"the pipeline runs again: {count_text(left, 'message')} in its queue.")


def _turn_on(client: Any, uuid: str, timeout_s: float) -> None:
    state = client.update_event_source_mapping(UUID=uuid, Enabled=True)["State"]

    def is_on() -> bool:
        nonlocal state
        state = client.get_event_source_mapping(UUID=uuid)["State"]
        return bool(state == "Enabled")

    if state != "Enabled" and not until(is_on, timeout_s):
        raise InputError(f"after {timeout_s:.0f} s the event source mapping {uuid} is {state}, not Enabled: try again.")


def _show_simulation(screen: Screen, simulation: Simulation) -> None:
    table = plain_table("Label", "Change", "Pictures", "For example", right=("Pictures",))
    rows = [(name, "lost", change) for name, change in simulation.lost.items()]
    rows += [(name, "gained", change) for name, change in simulation.gained.items()]
    rows.sort(key=lambda row: (-row[2].pictures, row[0]))
    for name, kind, change in rows[:SHOWN]:
        examples = ", ".join(map(visible, change.examples))
        table.add_row(visible(name), Text(kind, "yellow"), f"{change.pictures:,}", Text(examples, "dim"))
    if rows:
        screen.show(table)
    if len(rows) > SHOWN:
        screen.note(f"{SHOWN} of {len(rows)} changes shown; all with --json")
    bare = ""
    if simulation.unlabeled.pictures:
        example = visible(simulation.unlabeled.examples[0])
        bare = f"; {simulation.unlabeled.pictures:,} would show no label at all, for example {example}"
    screen.note(
        f"{count_text(simulation.pictures, 'picture')}, of which {simulation.changed.pictures:,} would change{bare}."
    )


def _chosen(stack: RepairTarget, labels: Sequence[str], prefix: str, processed_before: str | None) -> list[str]:
    results: Iterable[Result]
    if labels:
        query = Query.of(labels=labels)
        results = read_pages(lambda most, at: stack.table.search(query, most, at), sys.maxsize, None).items
    else:
        results = stack.table.walk((Status.LABELED, Status.REJECTED), prefix)
    chosen = (
        result["key"]
        for result in results
        if result["key"].startswith(prefix) and (processed_before is None or result["processedAt"] < processed_before)
    )
    return list(dict.fromkeys(chosen))


def _ask(
    screen: Screen,
    stack: RepairTarget,
    keys: Sequence[str],
    processed_before: str | None = None,
    *,
    labels_only: bool = False,
) -> None:
    with screen.progress("asking", len(keys)) as advance:
        for batch in stack.requests.send(keys, processed_before, labels_only=labels_only):
            advance(len(batch))
    screen.note(f"requested {count_text(len(keys), 'picture')}: `labelstack watch` shows the results as they arrive")


def _show_each(screen: Screen, columns: Sequence[str], rows: Sequence[tuple[str, str, str]]) -> None:
    """Print each picture with its problem and reason, and the number of each problem."""
    if not rows:
        return
    table = plain_table(*columns)
    for what, key, why in rows[:SHOWN]:
        table.add_row(Text(what, "yellow"), Text(visible(key)), Text(visible(why), "dim"))
    screen.show(table)
    counts = Counter(what for what, _, _ in rows)
    more = f" ({SHOWN} of them shown; all with --json)" if len(rows) > SHOWN else ""
    screen.note(
        ", ".join(f"{count} {what}" for what, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])))
        + more
    )


def _time(text: str) -> str:
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(
            f"--before must be an ISO 8601 time, for example 2026-11-01 or 2026-11-01T12:00Z; got {text!r}."
        ) from error
    time = time if time.tzinfo else time.replace(tzinfo=UTC)
    return iso_ms(time)
