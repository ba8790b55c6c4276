"""``python -m rekognition_local``: the command line."""

from __future__ import annotations

import argparse
import ctypes
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from rekognition_local.errors import ConfigurationError
from rekognition_local.server import LocalRekognition, Options

# malloc.h
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8


def parse_options(arguments: Sequence[str]) -> tuple[Options, str]:
    """Return the server's options and the log level."""
    parser = argparse.ArgumentParser(prog="python -m rekognition_local", description="A local Amazon Rekognition.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, default=0, help="port; 0 (the default) takes a free one")
    parser.add_argument(
        "--allow-host",
        action="append",
        default=os.environ.get("REKOGNITION_LOCAL_HOSTS", "").replace(",", " ").split(),
        metavar="NAME",
        help="a name by which the server is reached, besides this machine's own; may be repeated "
        "(default: REKOGNITION_LOCAL_HOSTS)",
    )
    parser.add_argument("--s3-endpoint", metavar="URL", help="S3 to read pictures from (default: AWS_* variables)")
    parser.add_argument("--model", type=Path, metavar="FILE", help="an ONNX classifier; needs --classes")
    parser.add_argument("--classes", type=Path, metavar="FILE", help="the classifier's classes, one a line")
    parser.add_argument("--rules", type=Path, metavar="FILE", help="rules to start with (JSON)")
    parser.add_argument(
        "--tps",
        dest="calls_per_second",
        type=float,
        metavar="N",
        help="calls per second and operation; more are throttled",
    )
    parser.add_argument("--delay-ms", type=int, default=0, metavar="N", help="milliseconds that each call takes longer")
    parser.add_argument("--ready-file", type=Path, metavar="FILE", help="written when ready (JSON)")
    parser.add_argument("--log-level", default="info", choices=["debug", "info", "warning", "error"])
    parsed = parser.parse_args(arguments)
    if parsed.calls_per_second is not None and not parsed.calls_per_second > 0:
        parser.error(f"argument --tps: {parsed.calls_per_second} is not above 0")
    if parsed.delay_ms < 0:
        parser.error(f"argument --delay-ms: {parsed.delay_ms} is below 0")
    named = vars(parsed)
    log_level = named.pop("log_level")
    hosts = frozenset(host.lower() for host in named.pop("allow_host"))
    return Options(**named, token=os.environ.get("REKOGNITION_LOCAL_TOKEN"), hosts=hosts), log_level


def limit_memory() -> None:
    """Make glibc give freed pictures back to the system; without this a busy server keeps 100 MB of holes.

    Does nothing where the C library has no `mallopt` (macOS, musl).
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for parameter, value in ((_M_ARENA_MAX, 2), (_M_MMAP_THRESHOLD, 1 << 20), (_M_TRIM_THRESHOLD, 1 << 20)):
            mallopt(parameter, value)


def main() -> int:
    """Run the server; the exit status is 2 for a wrong option."""
    options, log_level = parse_options(sys.argv[1:])
    logging.basicConfig(level=log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for noisy in ("botocore", "urllib3", "PIL"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    limit_memory()
    try:
        server = LocalRekognition(options)
    except ConfigurationError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    server.run()
    return 0


if __name__ == "__main__":
    status = main()
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    # Not sys.exit, which waits for detectors and downloads in threads, whose answers have no reader any more.
    os._exit(status)
