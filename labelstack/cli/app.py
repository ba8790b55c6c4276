"""The command's entry: the group, and the place where errors become a sentence and an exit status."""

from __future__ import annotations

import io
import signal
import sys
from types import FrameType
from typing import Any, NoReturn

import click
from botocore.exceptions import BotoCoreError, ClientError

from handlers.results.errors import ResultsError
from labelstack.cli.backend import Backend
from labelstack.cli.backfill import backfill
from labelstack.cli.cost import cost
from labelstack.cli.demo import demo
from labelstack.cli.deployment import deployer_policy, down, open_page, outputs, up
from labelstack.cli.doctor import doctor
from labelstack.cli.export import export
from labelstack.cli.logs import logs
from labelstack.cli.pictures import delete, upload
from labelstack.cli.repair import migrate, reconcile, redrive, reprocess, resume, simulate_labels
from labelstack.cli.results import labels, list_pictures, result, search, watch
from labelstack.cli.screen import print_error, visible_lines
from labelstack.errors import LabelstackError

EXIT_ERROR = 1
EXIT_INTERRUPTED = 130


class LabelstackGroup(click.Group):
    """Ends every command with a sentence and an exit status, never with a traceback for what can be expected."""

    def main(self, *args: Any, **options: Any) -> NoReturn:
        """Run the command and exit."""
        options["standalone_mode"] = False
        try:
            status = super().main(*args, **options)
        except (click.Abort, KeyboardInterrupt) as error:
            # click wraps Ctrl-C
            click.echo(visible_lines(_with_notes("stopped.", error.__cause__ or error)), err=True)
            sys.exit(EXIT_INTERRUPTED)
        except click.ClickException as error:
            usage = io.StringIO()  # which quotes arguments: names of files, by way of a shell's `*`
            error.show(usage)
            click.echo(visible_lines(usage.getvalue()), err=True, nl=False)
            sys.exit(error.exit_code)
        except (LabelstackError, ResultsError, ClientError, BotoCoreError) as error:
            is_ours = isinstance(error, (LabelstackError, ResultsError))
            text = str(error) if is_ours else f"AWS request failed: {' '.join(str(error).split())}"
            print_error(_with_notes(text, error))
            sys.exit(EXIT_ERROR)
        sys.exit(status if isinstance(status, int) else 0)


def _with_notes(text: str, error: BaseException) -> str:
    """Add the notes of an error (PEP 678): what the failure has left behind."""
    return "\n".join([text, *getattr(error, "__notes__", [])])


@click.group(cls=LabelstackGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="labelstack", message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Label pictures: on this machine (the embedded cloud), on LocalStack or on AWS.

    `labelstack up` starts everything here; `labelstack upload cat.jpg --wait` labels a picture.

    Exit status: 0 success; 1 an error, in one sentence; 2 wrong usage; 130 stopped by Ctrl-C.
    """
    if ctx.obj is None:
        ctx.obj = Backend()


DEPLOYING = (up, down, outputs, open_page, deployer_policy, doctor)
USING = (upload, list_pictures, result, labels, search, export, delete, watch, logs, cost)
REPAIRING = (reconcile, backfill, redrive, reprocess, migrate, simulate_labels, resume)
for command in (*DEPLOYING, *USING, *REPAIRING, demo):
    cli.add_command(command)


def main() -> NoReturn:
    """Run the `labelstack` command."""
    signal.signal(signal.SIGTERM, _end)
    for stream in (sys.stdout, sys.stderr):  # such as those of PYTHONIOENCODING=cp1252, which know no emoji
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    cli.main(prog_name="labelstack")


def _end(signal_number: int, _: FrameType | None) -> NoReturn:
    """Exit when the command is told to end, so that everything it started is taken down."""
    sys.exit(128 + signal_number)
