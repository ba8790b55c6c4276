"""Checks of Docker, which LocalStack and its functions run in."""

from __future__ import annotations

from collections import Counter

from labelstack.diagnosis import localstack
from labelstack.diagnosis.finding import Finding, Setting, not_applicable, ok, problem, warning

SOCKET = "/var/run/docker.sock"
FUNCTIONS_LABEL = "labelstack"  # in docker-compose.yml: LAMBDA_DOCKER_FLAGS
INSTALL = "https://docs.docker.com/engine/install/"


def engine(setting: Setting) -> Finding:
    """Check that there is a Docker CLI, and a daemon that answers this user."""
    if setting.cloud != "localstack":
        return _not_needed("Docker", setting)
    if setting.system.which("docker") is None:
        return _lacking(setting, "Docker", "not installed", f"Install it: {INSTALL}")
    ran = setting.system.run("docker", "version", "--format", "{{.Server.Version}}")
    if ran.status == 0:
        return ok("Docker", ran.output)
    said = ran.error.splitlines()[-1] if ran.error else f"`docker version` ended with status {ran.status}"
    if "permission denied" in ran.error.lower():
        fix = "sudo usermod -aG docker $USER, then log in again"
        return _lacking(setting, "Docker", "this user may not talk to the Docker daemon", fix)
    fix = "Start it: sudo systemctl start docker, or Docker Desktop; DOCKER_HOST, if set, must name it"
    return _lacking(setting, "Docker", f"the Docker daemon does not answer: {said}", fix)


def socket(setting: Setting) -> Finding:
    """Check that the socket exists by which LocalStack starts functions' containers."""
    if setting.cloud != "localstack":
        return _not_needed("Docker socket", setting)
    path = setting.variables.get("DOCKER_SOCKET") or SOCKET
    if setting.system.exists(path):
        return ok("Docker socket", path)
    host = setting.variables.get("DOCKER_HOST", "")
    elsewhere = host.removeprefix("unix://") if host.startswith("unix://") else "/path/to/docker.sock"
    return _lacking(
        setting,
        "Docker socket",
        f"{path} is not there, and LocalStack starts the functions' containers by it",
        f"export DOCKER_SOCKET={elsewhere}",
    )


def compose(setting: Setting) -> Finding:
    """Check that there is the Compose plugin, which starts LocalStack."""
    if setting.cloud != "localstack":
        return _not_needed("Docker Compose", setting)
    if setting.system.which("docker") is None:
        return not_applicable("Docker Compose", "comes with Docker")
    ran = setting.system.run("docker", "compose", "version", "--short")
    if ran.status == 0:
        return ok("Docker Compose", ran.output)
    fix = "Install the plugin (apt-get install docker-compose-plugin, or docker-compose on Debian and Ubuntu)"
    return _lacking(setting, "Docker Compose", "the plugin is not installed: `docker compose` is unknown", fix)


def leftovers(setting: Setting) -> Finding:
    """Check that a killed LocalStack of Docker Compose has left no functions' containers."""
    name = "Left-over containers"
    if setting.cloud != "localstack":
        return _not_needed(name, setting)
    containers = localstack.containers(setting)
    labels = [dict(label.partition("=")[::2] for label in each["Labels"].split(",")) for each in containers]
    runs = {
        of.get("com.docker.compose.project")
        for container, of in zip(containers, labels, strict=True)
        if of.get("com.docker.compose.service") == "localstack" and container["Status"].startswith("Up")
    }
    left = Counter(of[FUNCTIONS_LABEL] for of in labels if of.get(FUNCTIONS_LABEL, None) not in (None, *runs))
    if not left:
        return ok(name, "none")
    counted = ", ".join(f"{count} of the Compose project {project}" for project, count in sorted(left.items()))
    removed = [
        f"docker rm -f $(docker ps -aq --filter label={FUNCTIONS_LABEL}={project}); docker compose -p {project} down"
        for project in sorted(left)
    ]
    return warning(name, f"functions' containers whose LocalStack was killed: {counted}", "; ".join(removed))


def _lacking(setting: Setting, name: str, detail: str, fix: str) -> Finding:
    """Return a problem, unless a LocalStack answers already: then only to start another one."""
    if localstack.answering_localstack(setting) is None:
        return problem(name, detail, fix)
    return warning(name, f"{detail} (the LocalStack that answers does without)", fix)


def _not_needed(name: str, setting: Setting) -> Finding:
    return not_applicable(name, f"not used on {setting.cloud}")
