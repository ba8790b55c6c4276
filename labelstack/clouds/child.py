"""Leads a process of the embedded cloud: `python -m labelstack.clouds.child <descriptor or -> <module> [arguments]`.

Runs the module as `python -m` would. The descriptor is the reading end of a pipe whose other end only the process that
started us holds: when it closes, that process is gone, however it died, and our whole process group ends with it.
(PR_SET_PDEATHSIG would not do: it fires when the *thread* that started us ends.)
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading


def watch(descriptor: int) -> None:
    """Kill this process group as soon as the other end of the pipe is closed."""

    def wait() -> None:
        os.read(descriptor, 1)
        os.killpg(os.getpgrp(), signal.SIGKILL)

    threading.Thread(target=wait, name="lifeline", daemon=True).start()


def main() -> None:
    """Run the module named on the command line."""
    lifeline, module = sys.argv[1], sys.argv[2]
    if lifeline != "-":
        watch(int(lifeline))
    sys.argv = [module, *sys.argv[3:]]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
