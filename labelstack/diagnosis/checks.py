"""All checks, in the order of the report."""

from __future__ import annotations

from labelstack.diagnosis import aws, docker, localstack, machine, pulumi
from labelstack.diagnosis.finding import Check, Finding, Setting

CHECKS: tuple[Check, ...] = (
    machine.python,
    machine.dates,
    machine.stack_file,
    machine.embedded_cloud,
    docker.engine,
    docker.socket,
    docker.compose,
    docker.leftovers,
    localstack.image,
    localstack.running,
    localstack.port,
    localstack.services,
    aws.credentials,
    aws.region,
    aws.concurrency,
    pulumi.cli,
    pulumi.backend,
    machine.text_reader,
    machine.chromium,
)


def diagnose(setting: Setting) -> list[Finding]:
    """Run every check."""
    return [check(setting) for check in CHECKS]
