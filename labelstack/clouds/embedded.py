"""The embedded cloud: ministack and the local Rekognition as child processes, in one folder, without Docker."""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import shutil
import socket
import sys
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from labelstack.clouds import function_runtime, processes
from labelstack.clouds.base import Capabilities, Clients, answers, architecture, emulator_session
from labelstack.clouds.door import OWNER_HEADER
from labelstack.clouds.processes import Child, log_tail
from labelstack.clouds.record import OWNER_ONLY, OWNER_ONLY_FOLDER, Keys, Record, write_private
from labelstack.errors import CloudNotRunningError, CloudRunningError, CloudStartError

REGION = "us-east-1"
START_DEADLINE_S = 30.0
START_ATTEMPTS = 3
POLL_INTERVAL_S = 0.02
HOST = "127.0.0.1"
REKOGNITION_READY_FILE = "rekognition.json"
CAPABILITIES = Capabilities(alarms_evaluated=False, email_delivered=False, fair_queues=False)


class EmbeddedCloud(Clients):
    """A running embedded cloud. A context manager that stops it.

    Attributes:
        name: `embedded`.
        capabilities: ministack's capabilities.
        region: Always us-east-1.
        endpoint_url: Where every service answers.
        rekognition_url: The address of the local Rekognition and its control plane; empty without it. Its operations
            are also at `endpoint_url`, if IAM allows them.
        sites_url: The address of buckets' web sites, `<sites_url>/<bucket>/`.
        folder: Everything it writes is below it.
        instance: An id of this start, because a deployment ends with the process.
        owner_token: Opens the control paths of the emulator and of the local Rekognition.
    """

    name = "embedded"
    capabilities = CAPABILITIES
    region = REGION

    def __init__(self, folder: Path, record: Record, children: Sequence[Child] = ()) -> None:
        self.folder = folder
        self.endpoint_url = record.endpoint_url
        self.rekognition_url = record.rekognition_url
        self.sites_url = record.sites_url
        self.instance = record.instance
        self._record = record
        self._children = tuple(children)
        self._keys = record.keys
        self.owner_token = record.keys.owner_token
        session = emulator_session(record.keys.access_key, record.keys.secret_key, REGION)
        super().__init__(session, record.endpoint_url)

    @classmethod
    def start(
        cls,
        folder: Path,
        *,
        detach: bool = False,
        rekognition: bool = True,
        rekognition_arguments: Sequence[str] = (),
    ) -> EmbeddedCloud:
        """Start a cloud, and wait until it answers.

        Args:
            folder: Where it keeps its files; made when missing.
            detach: Leave it running when this process ends. Otherwise it ends with this process, however that dies.
            rekognition: Whether to start the local Rekognition too.
            rekognition_arguments: More arguments for it, such as `--model`.

        Raises:
            CloudRunningError: One runs in the folder already.
            CloudStartError: A process did not come up; names its log and shows the end of it.
        """
        folder = folder.resolve()
        for path in (folder, folder / "logs"):  # all files below are for their owner alone
            path.mkdir(parents=True, exist_ok=True)
            path.chmod(OWNER_ONLY_FOLDER)
        with _locked(folder):
            running = Record.read(folder / "cloud.json")
            if running and running.is_usable and all(process.is_alive() for process in running.processes.values()):
                raise CloudRunningError(
                    f"an embedded cloud runs in {folder} already (process {running.processes['ministack'].pid}): "
                    "stop it first (labelstack down), or attach to it"
                )
            _clear(folder, running)
            for attempt in range(1, START_ATTEMPTS + 1):
                try:
                    return cls._start(folder, detach, rekognition, rekognition_arguments)
                except CloudStartError as error:
                    _clear(folder, None)
                    if "already in use" not in str(error) or attempt == START_ATTEMPTS:
                        raise
        raise AssertionError("unreachable: the last attempt returns or raises")

    @classmethod
    def _start(
        cls, folder: Path, detach: bool, rekognition: bool, rekognition_arguments: Sequence[str]
    ) -> EmbeddedCloud:
        run = folder / "run"
        keys = Keys.make()
        for path in (run, run / "tmp", run / "state"):
            path.mkdir(OWNER_ONLY_FOLDER)
        function_runtime.build(run / "function-runtime")
        port, sites_port = _free_port(), _free_port()
        endpoint_url, rekognition_url = f"http://{HOST}:{port}", ""
        deadline = time.monotonic() + START_DEADLINE_S
        children: list[Child] = []
        try:
            ministack = Child.start(
                "labelstack.clouds.ministack_launcher",
                (),
                environment=_ministack_environment(run, keys, port, sites_port),
                log=folder / "logs" / "ministack.log",
                folder=run,
                detach=detach,
            )
            children.append(ministack)
            if rekognition:
                import rekognition_local  # here alone: the image that deploys to LocalStack has no such package

                ready_file = run / REKOGNITION_READY_FILE
                local = Child.start(
                    rekognition_local.__name__,
                    [
                        *("--host", HOST, "--port", "0", "--s3-endpoint", endpoint_url),
                        *("--ready-file", str(ready_file), *rekognition_arguments),
                    ],
                    environment=_client_environment(run, keys) | {"REKOGNITION_LOCAL_TOKEN": keys.owner_token},
                    log=folder / "logs" / "rekognition.log",
                    folder=run,
                    detach=detach,
                )
                children.append(local)
                rekognition_url = _wait_for_ready_file(ready_file, local, deadline)
            _wait_for_health(f"{endpoint_url}/_localstack/health", keys, ministack, deadline)
            names = ("ministack", "rekognition")
            started = {name: child.id for name, child in zip(names, children, strict=False)}
            sites_url = f"http://{HOST}:{sites_port}"
            record = Record(uuid.uuid4().hex, endpoint_url, rekognition_url, sites_url, keys, started)
            record.write(folder / "cloud.json")
        except BaseException:
            for child in children:
                child.kill()
            shutil.rmtree(run, ignore_errors=True)
            raise
        if detach:
            for child in children:
                child.release()
        cloud = cls(folder, record, () if detach else children)
        lines = [f"export {name}={shlex.quote(value)}" for name, value in cloud.environment().items()]
        lines += [f"export {name}={os.devnull}" for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")]
        write_private(cloud.environment_file, "\n".join(["unset AWS_PROFILE AWS_SESSION_TOKEN", *lines, ""]))
        return cloud

    @classmethod
    def attach(cls, folder: Path) -> EmbeddedCloud:
        """Return the cloud that another process started in the folder.

        Raises:
            CloudNotRunningError: None runs there. A dead cloud's remains are removed.
        """
        folder = folder.resolve()
        record = Record.read(folder / "cloud.json")
        if record is None:
            raise CloudNotRunningError(f"no embedded cloud runs in {folder}: start one (labelstack up)")
        if not record.is_usable:
            with _locked(folder):
                _clear(folder, record)
            raise CloudNotRunningError(
                f"the embedded cloud in {folder} was started by another version and has been ended: "
                "start it again (labelstack up)"
            )
        dead = [name for name, process in record.processes.items() if not process.is_alive()]
        if dead:
            with _locked(folder):
                _clear(folder, record)
            log = folder / "logs" / f"{dead[0]}.log"
            raise CloudNotRunningError(
                f"the embedded cloud in {folder} has died ({' and '.join(dead)}); what was deployed on it is gone: "
                f"start it again (labelstack up). The end of {log}:\n{log_tail(log)}"
            )
        return cls(folder, record)

    @property
    def environment_file(self) -> Path:
        """Return a file that exports the variables of `environment` to a shell."""
        return self.folder / "environment"

    @property
    def log_folder(self) -> Path:
        """Return the log file of its processes."""
        return self.folder / "logs"

    @property
    def pids(self) -> tuple[int, ...]:
        """Return the ids of the emulator and of the local Rekognition. The functions' processes are their children."""
        return tuple(process.pid for process in self._record.processes.values())

    def is_running(self) -> bool:
        """Return whether all its processes live."""
        return all(process.is_alive() for process in self._record.processes.values())

    def stack_config(self) -> Mapping[str, str]:
        """Return the settings of functions on this machine's Python and processor, with the local Rekognition."""
        config = {
            "aws:region": REGION,
            "labelstack:runtime": f"python{sys.version_info.major}.{sys.version_info.minor}",
            "labelstack:architecture": architecture(),
            "labelstack:publicEndpoint": self.endpoint_url,
            "labelstack:websiteEndpoint": f"{self.sites_url}/{{bucket}}",
        }
        if self.rekognition_url:  # by way of ministack, which asks IAM first
            config["labelstack:rekognitionEndpoint"] = self.endpoint_url
        return config

    def environment(self) -> dict[str, str]:
        """Return the variables with which boto3 and the AWS CLI reach it."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": self._keys.access_key,
            "AWS_SECRET_ACCESS_KEY": self._keys.secret_key,
            "AWS_DEFAULT_REGION": REGION,
        }

    def owner_headers(self) -> dict[str, str]:
        """Return the header that opens everything: control paths, and requests that look like those of a web page."""
        return {OWNER_HEADER: self.owner_token}

    def stop(self) -> None:
        """Stop its processes and their children, and remove everything but the logs. May be repeated."""
        self.close()
        with _locked(self.folder):
            for child in self._children:
                child.kill()
            self._children = ()
            current = Record.read(self.folder / "cloud.json")
            if current is None or current.instance == self.instance:
                _clear(self.folder, self._record)

    def __enter__(self) -> EmbeddedCloud:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()


def _client_environment(run: Path, keys: Keys) -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": keys.access_key,
        "AWS_SECRET_ACCESS_KEY": keys.secret_key,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "TMPDIR": str(run / "tmp"),
    }


def _ministack_environment(run: Path, keys: Keys, port: int, sites_port: int) -> dict[str, str]:
    return _client_environment(run, keys) | {
        "AUTH": "true",  # IAM is enforced
        "AWS_ENDPOINT_URL": f"http://{HOST}:{port}",  # given to functions
        "BIND_HOST": HOST,
        "DOCKER_HOST": "unix:///nonexistent",
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",
        "LABELSTACK_FUNCTION_PYTHON": str(function_runtime.base_interpreter()),
        "LABELSTACK_FUNCTION_RUNTIME": str(run / "function-runtime"),
        "LABELSTACK_OWNER_TOKEN": keys.owner_token,
        "LABELSTACK_REKOGNITION_READY_FILE": str(run / REKOGNITION_READY_FILE),
        "LABELSTACK_SITES_PORT": str(sites_port),
        "LOG_LEVEL": "WARNING",
        "MINISTACK_AUTOCREATE_AWS_MANAGED": "1",
        "MINISTACK_REGION": REGION,
        "S3_DATA_DIR": str(run / "state" / "s3"),
        "SFTP_ENABLED": "0",
        "STATE_DIR": str(run / "state"),
    }


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep two processes from starting or stopping in one folder at once."""
    with os.fdopen(os.open(folder / "lock", os.O_WRONLY | os.O_CREAT, OWNER_ONLY), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _clear(folder: Path, record: Record | None) -> None:
    """Kill the processes of a record that still run, and remove the run's files."""
    for process in record.processes.values() if record else ():
        processes.end(process, folder / "run")
    for name in ("cloud.json", "environment"):
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / "run", ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _wait_for_health(url: str, keys: Keys, child: Child, deadline: float) -> None:
    while not answers(url, headers={OWNER_HEADER: keys.owner_token}):
        _check_alive("ministack", child, deadline)
        time.sleep(POLL_INTERVAL_S)  # between two looks of a wait with a deadline


def _wait_for_ready_file(file: Path, child: Child, deadline: float) -> str:
    while True:
        try:
            return str(json.loads(file.read_text())["url"])
        except (OSError, ValueError, KeyError):
            _check_alive("the local Rekognition", child, deadline)
        time.sleep(POLL_INTERVAL_S)  # between two looks of a wait with a deadline


def _check_alive(name: str, child: Child, deadline: float) -> None:
    status = child.exit_status()
    if status is None and time.monotonic() < deadline:
        return
    what = f"did not answer within {START_DEADLINE_S:.0f} s" if status is None else f"ended with status {status}"
    raise CloudStartError(f"{name} {what}; the end of {child.log}:\n{log_tail(child.log)}", child.log)
