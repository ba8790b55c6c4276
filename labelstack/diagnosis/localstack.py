"""Checks of LocalStack: its image, its process, its port, and the services that the AWS provider needs."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from labelstack.diagnosis.finding import Finding, Setting, check, ok, problem, warning

# The last image that runs without an auth token; later ones end at once with status 55 when there is none.
FREE_VERSION = "4.14.0"
LICENSE_STATUS = "Exited (55)"
TOKENS = ("LOCALSTACK_AUTH_TOKEN", "LOCALSTACK_API_KEY")
IMAGES = "localstack/localstack"
START = "docker compose up --wait"


def answering_localstack(setting: Setting) -> dict[str, Any] | None:
    """Return the health document of the running LocalStack; None if none answers, or something else does."""
    try:
        info = setting.system.get_json(f"{setting.endpoint_url}/_localstack/info")
    except OSError:
        return None
    return info if isinstance(info, dict) and "version" in info else None


@check("LocalStack image", "localstack")
def image(setting: Setting) -> Finding:
    """Check that the image that Compose would start needs no token, or that a token is set."""
    chosen = setting.variables.get("LOCALSTACK_VERSION") or FREE_VERSION
    repository = setting.variables.get("LOCALSTACK_IMAGE") or IMAGES
    whole = f"{repository}:{chosen}"
    has_token = any(setting.variables.get(token) for token in TOKENS)
    if (chosen != FREE_VERSION or repository.endswith("-pro")) and not has_token:
        return problem(
            f"{whole} needs an auth token, and none is set",
            f"unset LOCALSTACK_VERSION LOCALSTACK_IMAGE (for {IMAGES}:{FREE_VERSION}), or set LOCALSTACK_AUTH_TOKEN",
        )
    for container in containers(setting):
        if IMAGES in container["Image"] and container["Status"].startswith(LICENSE_STATUS):
            return problem(
                f"container {container['Names']} ({container['Image']}) ended with status 55: no valid license",
                f"docker rm {container['Names']}, then start {IMAGES}:{FREE_VERSION}, or set LOCALSTACK_AUTH_TOKEN",
            )
    return ok(whole)


@check("LocalStack", "localstack")
def running(setting: Setting) -> Finding:
    """Check that a LocalStack of the tested version answers at the endpoint."""
    info = answering_localstack(setting)
    if info is None:
        container = _container_at(setting)
        if container is not None and IMAGES in container["Image"]:
            detail = f"container {container['Names']} does not answer yet ({container['Status']})"
            return warning(detail, f"Wait; if it stays so: docker logs {container['Names']}")
        return warning(f"no LocalStack answers at {setting.endpoint_url}", f"{START}, or set AWS_ENDPOINT_URL")
    text = f"{info['version']} ({info.get('edition', 'unknown')} edition) at {setting.endpoint_url}"
    if not str(info["version"]).startswith(FREE_VERSION):
        return warning(f"{text}; tested with {FREE_VERSION}", f"Start {IMAGES}:{FREE_VERSION} if something fails")
    return ok(text)


@check("LocalStack's port", "localstack")
def port(setting: Setting) -> Finding:
    """Check that LocalStack's port is free, or LocalStack's."""
    number = urlsplit(setting.endpoint_url).port or 80
    if answering_localstack(setting) is not None:
        return ok(f"{number}, LocalStack's")
    who = setting.system.listener(number)
    if who is None:
        return ok(f"{number}, free")
    container = _container_at(setting)
    if container is not None and IMAGES in container["Image"]:
        return ok(f"{number}, LocalStack's (container {container['Names']})")
    return problem(
        f"{number} is taken by {who if container is None else 'container ' + container['Names']}",
        f"Stop that, or take another port: export LOCALSTACK_PORT={number + 1} "
        f"AWS_ENDPOINT_URL=http://localhost:{number + 1}",
    )


@check("S3 Control", "localstack")
def services(setting: Setting) -> Finding:
    """Check that LocalStack serves S3 Control, by which the AWS provider reads buckets' tags."""
    if mistake := _provider_mistake(setting):
        return problem(*mistake)
    listed = [service.strip() for service in setting.variables.get("SERVICES", "").split(",") if service.strip()]
    fix = "Add s3control to SERVICES, or unset it, and start LocalStack again"
    if listed and "s3control" not in listed:
        return problem("SERVICES lists services without s3control", fix)
    try:
        health = setting.system.get_json(f"{setting.endpoint_url}/_localstack/health")
    except OSError:
        return ok("has an endpoint in the stack's file")
    states = health.get("services", {}) if isinstance(health, dict) else {}
    if states and states.get("s3control", "disabled") in ("disabled", "error"):
        return problem("the LocalStack that runs does not serve it", fix)
    return ok("served, with an endpoint in the stack's file")


def _provider_mistake(setting: Setting) -> tuple[str, str] | None:
    """Return the problem of the stack's provider settings, which `pulumi up` by hand reads, and its fix."""
    config, file = setting.config or {}, f"Pulumi.{setting.stack}.yaml"
    endpoints = _endpoints(config.get("aws:endpoints"))
    if endpoints and "s3control" not in endpoints:
        return (
            f"{file} has aws:endpoints without s3control",
            f"Add `s3control: {setting.endpoint_url}` to them: the AWS provider reads buckets' tags by it",
        )
    if str(config.get("aws:skipRequestingAccountId", "false")).lower() == "true":
        return (
            f"{file} sets aws:skipRequestingAccountId, without which S3 Control has no account id",
            "Remove aws:skipRequestingAccountId",
        )
    return None


def _endpoints(text: str | None) -> dict[str, Any]:
    try:
        blocks = json.loads(text or "[]")
    except ValueError:
        return {}
    merged: dict[str, Any] = {}
    for block in blocks if isinstance(blocks, list) else [blocks]:
        merged |= block if isinstance(block, dict) else {}
    return merged


def _container_at(setting: Setting) -> dict[str, str] | None:
    """Return the container that has LocalStack's port."""
    number = urlsplit(setting.endpoint_url).port or 80
    return next((container for container in containers(setting) if f":{number}->" in container["Ports"]), None)


def containers(setting: Setting) -> list[dict[str, str]]:
    """Return all of Docker's containers; none where there is no Docker."""
    if setting.system.which("docker") is None:
        return []
    ran = setting.system.run("docker", "ps", "--all", "--format", "{{json .}}")
    if ran.status != 0:
        return []
    documents = (json.loads(line) for line in ran.output.splitlines())
    return [
        {key: str(document.get(key, "")) for key in ("Image", "Status", "Names", "Ports", "Labels")}
        for document in documents
    ]
