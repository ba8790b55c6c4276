"""Checks of Docker, which LocalStack and its functions run in."""

from __future__ import annotations

from collections import Counter

from labelstack.diagnosis import localstack
from labelstack.diagnosis.finding import Finding, Setting, check, not_applicable, ok, problem, warning

SOCKET = "/var/run/docker.sock"
FUNCTIONS_LABEL = "labelstack"  # in docker-compose.yml: LAMBDA_DOCKER_FLAGS
INSTALL = "https://docs.docker.com/engine/install/"


@check("Docker", "localstack")
def engine(setting: Setting) -> Finding:
    """Check that there is a Docker CLI, and a daemon that answers this user."""
    if setting.system.which("docker") is None:
        return _lacking(setting, "not installed", f"Install it: {INSTALL}")
    ran = setting.system.run("docker", "version", "--format", "{{.Server.Version}}")
    if ran.status == 0:
        return ok(ran.output)
    said = ran.error.splitlines()[-1] if ran.error else f"`docker version` ended with status {ran.status}"
    if "permission denied" in ran.error.lower():
        fix = "sudo usermod -aG docker $USER, then log in again"
        return _lacking(setting, "this user may not talk to the Docker daemon", fix)
    fix = "Start it: sudo systemctl start docker, or Docker Desktop; DOCKER_HOST, if set, must name it"
    return _lacking(setting, f"the Docker daemon does not answer: {said}", fix)


@check("Docker socket", "localstack")
def socket(setting: Setting) -> Finding:
    """Check that the socket exists by which LocalStack starts functions' containers."""
    path = setting.variables.get("DOCKER_SOCKET") or SOCKET
    if setting.system.exists(path):
        return ok(path)
    host = setting.variables.get("DOCKER_HOST", "")
    elsewhere = host.removeprefix("unix://") if host.startswith("unix://") else "/path/to/docker.sock"
    return _lacking(
        setting,
        f"{path} is not there, and LocalStack starts the functions' containers by it",
        f"export DOCKER_SOCKET={elsewhere}",
    )


@check("Docker Compose", "localstack")
def compose(setting: Setting) -> Finding:
    """Check that there is the Compose plugin, which starts LocalStack."""
    if setting.system.which("docker") is None:
        return not_applicable("comes with Docker")
    ran = setting.system.run("docker", "compose", "version", "--short")
    if ran.status == 0:
        return ok(ran.output)
    fix = "Install the plugin (apt-get install docker-compose-plugin, or docker-compose on Debian and Ubuntu)"
    return _lacking(setting, "the plugin is not installed: `docker compose` is unknown", fix)


@check("Left-over containers", "localstack")
def leftovers(setting: Setting) -> Finding:
    """Check that a killed LocalStack of Docker Compose has left no functions' containers."""
    containers = localstack.containers(setting)
    labels = [dict(label.partition("=")[::2] for label in each["Labels"].split(",")) for each in containers]
    runs = {
        of.get("com.docker.compose.project")
        for container, of in zip(containers, labels, strict=True)
        if of.get("com.docker.compose.service") == "localstack" and container["Status"].startswith("Up")
    }
    left = Counter(of[FUNCTIONS_LABEL] for of in labels if of.get(FUNCTIONS_LABEL, None) not in (None, *runs))
    if not left:
        return ok("none")
    counted = ", ".join(f"{count} of the Compose project {project}" for project, count in sorted(left.items()))
    removed = [
        f"docker rm -f $(docker ps -aq --filter label={FUNCTIONS_LABEL}={project}); docker compose -p {project} down"
        for project in sorted(left)
    ]
    return warning(f"functions' containers whose LocalStack was killed: {counted}", "; ".join(removed))


def _lacking(setting: Setting, detail: str, fix: str) -> Finding:
    """Return a problem, unless a LocalStack answers already: then only to start another one."""
    if localstack.answering_localstack(setting) is None:
        return problem(detail, fix)
    return warning(f"{detail} (the LocalStack that answers does without)", fix)
