"""`demo`: everything, once, from nothing to labelled pictures and back to nothing."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from labelstack.cli.backend import PROJECT, Backend
from labelstack.cli.deployment import deploy, destroy, step
from labelstack.cli.options import command, timeout_option, verbose_option
from labelstack.cli.pictures import Outcome, upload_progress
from labelstack.cli.screen import Screen, count_text
from labelstack.cli.tables import facts_table
from labelstack.cli.target import Connection, prefix_of
from labelstack.uploads import collect, under

SAMPLES = PROJECT / "samples"
STACK = "local"


@command(examples=["labelstack demo holiday/"], has_json=False, has_target=False)
@click.argument("images", nargs=-1, type=click.Path(path_type=Path), metavar="[IMAGE...]")
@timeout_option(help="Give up after so many seconds without a result.")
@verbose_option(help="Show each resource and the stack's outputs too.")
@click.pass_obj
def demo(backend: Backend, screen: Screen, images: tuple[Path, ...], timeout_s: float, verbose: bool) -> None:
    """Label pictures on a temporary cloud.

    IMAGE is a file or a folder, by default the project's samples. The command shows the results, and then
    takes everything down. A cloud that `labelstack up` has started stays.

    Exit status 0: every picture has a terminal state (LABELED, REJECTED or FAILED).
    """
    selection = collect(images or (SAMPLES,))
    with _folder(screen) as folder:
        with step(screen, "embedded cloud started"):
            cloud = backend.start_embedded(folder / "embedded", detach=False)
        try:
            engine = backend.engine(cloud, folder / "stacks")
            outputs = deploy(engine, STACK, screen, verbose=verbose)
            connection = Connection.of(backend, cloud, outputs)
            pictures = under(prefix_of(outputs), selection.pictures)
            outcome = Outcome(selection.left_out if images else ())
            with (
                step(screen, f"{count_text(len(pictures), 'picture')} done"),
                upload_progress(screen, pictures, waiting=True) as count,
            ):
                for event in connection.service.upload(pictures, wait_s=timeout_s):
                    count(event)
                    outcome.add(event)
            screen.show()
            outcome.show(screen, waiting=True, verbose=verbose)
            if verbose:
                screen.show("Outputs of the stack:")
                screen.show(facts_table(outputs))
            destroy(engine, STACK, screen)
        finally:
            with step(screen, "embedded cloud stopped"):
                cloud.stop()
    if "websiteUrl" in outputs:
        screen.show(f"This stack had a page, at {outputs['websiteUrl']} while it ran: `make up` leaves it running.")
    screen.show(f"demo: {outcome.summary(waiting=True)}")
    if not outcome.is_complete:
        sys.exit(1)


@contextmanager
def _folder(screen: Screen) -> Iterator[Path]:
    """Yield a temporary folder, kept with the logs in it when something goes wrong."""
    folder = Path(tempfile.mkdtemp(prefix="labelstack-demo-"))
    try:
        yield folder
    except (click.Abort, KeyboardInterrupt, SystemExit):
        shutil.rmtree(folder, ignore_errors=True)
        raise
    except BaseException:
        screen.note(f"the logs are kept in {folder / 'embedded' / 'logs'}")
        raise
    shutil.rmtree(folder, ignore_errors=True)
