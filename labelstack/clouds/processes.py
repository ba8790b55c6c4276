"""Child processes of the embedded cloud: started with a clean environment, recognised later, ended with all of theirs.

A process is led by `labelstack.clouds.child`, which ends its whole process group when the process that started it is
gone (unless detached). A later process recognises it by pid *and* start time, because pids are used again.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LOG_TAIL_LINES = 15
KILL_DEADLINE_S = 5.0
POLL_INTERVAL_S = 0.01
_PACKAGE_ROOT = Path(__file__).resolve().parents[2]
# Variables of the machine that Python needs to run; all others stay outside.
_KEPT_VARIABLES = ("PATH", "HOME", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")


@dataclass(frozen=True)
class ProcessId:
    """A process, recognisable after its pid was given to another one.

    Attributes:
        pid: Also the id of its process group and session.
        started: When it started, in the operating system's own notation.
    """

    pid: int
    started: str

    def is_alive(self) -> bool:
        """Return whether this process still runs."""
        return start_time(self.pid) == self.started


@dataclass
class Child:
    """A process this process started.

    Attributes:
        id: Its identity.
        log: Where its output goes.
    """

    id: ProcessId
    log: Path
    _process: subprocess.Popen[bytes]
    _lifeline: int | None

    @classmethod
    def start(
        cls,
        module: str,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str],
        log: Path,
        folder: Path,
        detach: bool,
    ) -> Child:
        """Run `python -m module arguments` in a session of its own.

        Args:
            module: The module to run.
            arguments: Its arguments.
            environment: Its variables, besides the few that any process needs.
            log: File for its output, emptied first.
            folder: Its working directory.
            detach: Whether it outlives this process.
        """
        variables = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
        variables |= {"PYTHONPATH": str(_PACKAGE_ROOT), "PYTHONUNBUFFERED": "1", "LANG": "C.UTF-8", **environment}
        watched, lifeline = (None, None) if detach else os.pipe()
        command = [sys.executable, "-m", "labelstack.clouds.child", "-" if watched is None else str(watched), module]
        try:
            # The log is for its owner alone, as is every file that the process makes.
            with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as output:
                process = subprocess.Popen(
                    [*command, *arguments],
                    env=variables,
                    cwd=folder,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    umask=0o077,
                    pass_fds=() if watched is None else (watched,),
                )
        except BaseException:
            if lifeline is not None:
                os.close(lifeline)
            raise
        finally:
            if watched is not None:
                os.close(watched)
        return cls(ProcessId(process.pid, start_time(process.pid)), log, process, lifeline)

    def exit_status(self) -> int | None:
        """Return its exit status, None while it runs."""
        return self._process.poll()

    def kill(self) -> None:
        """Kill the process and its children, and collect it."""
        kill_group(self.id.pid)
        try:
            self._process.wait(KILL_DEADLINE_S)
        finally:
            self.release()

    def release(self) -> None:
        """Release a process without ending it, unless it watches this process."""
        if self._lifeline is not None:
            os.close(self._lifeline)
            self._lifeline = None
        if self._process.returncode is None:
            self._process.returncode = 0  # it is no longer ours to wait for


def start_time(pid: int) -> str:
    """Return when a process started, as text to compare; empty when there is none, or only a zombie."""
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            return ""
        return "" if fields[0] == "Z" else fields[19]
    answer = subprocess.run(["ps", "-o", "state=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    state, _, started = answer.stdout.strip().partition(" ")
    return "" if state.startswith("Z") else started.strip()


def kill_group(group: int) -> None:
    """Kill every process of a group, and wait until the kernel has dropped them."""
    deadline = time.monotonic() + KILL_DEADLINE_S
    while _group_runs(group):
        try:
            os.killpg(group, signal.SIGKILL)
        except ProcessLookupError:
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"process group {group} did not end within {KILL_DEADLINE_S:.0f} s of SIGKILL")
        time.sleep(POLL_INTERVAL_S)  # between two looks of a wait with a deadline


def end(process: ProcessId, folder: Path) -> None:
    """Stop a process that another process started, and remove its files.

    Args:
        process: The group's leader; may be gone.
        folder: The working directory of its orphans: without the leader, only processes that work below it are ended,
            because the group's number may belong to strangers by now.
    """
    if process.is_alive():
        kill_group(process.pid)
        return
    for pid in _group_members(process.pid):
        if _works_in(pid, folder):
            os.kill(pid, signal.SIGKILL)


def log_tail(log: Path) -> str:
    """Return the last lines of a log, indented, for an error; says so when there are none."""
    try:
        lines = log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
    except OSError:
        lines = []
    return "\n".join(f"  | {line}" for line in lines) or "  | (the log is empty)"


def _group_runs(group: int) -> bool:
    members = _group_members(group)
    return any(start_time(pid) for pid in members)


def _group_members(group: int) -> list[int]:
    if not Path("/proc/self/stat").exists():
        answer = subprocess.run(["ps", "-A", "-o", "pid=,pgid="], capture_output=True, text=True, check=False)
        pairs = (line.split() for line in answer.stdout.splitlines())
        return [int(pid) for pid, its_group in pairs if int(its_group) == group]
    members = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:  # it ended while we looked
                continue
            if int(fields[2]) == group:
                members.append(int(entry.name))
    return members


def _works_in(pid: int, folder: Path) -> bool:
    try:
        return Path(f"/proc/{pid}/cwd").readlink().is_relative_to(folder.resolve())
    except OSError:  # gone, somebody else's, or a system without /proc
        return False
