"""mypy reads the modules of each AWS service that the program uses; of others it would take every name for Any."""

import re
import tomllib

from tests.recording import PROJECT

SERVICE = re.compile(r"\baws\.([a-z]\w+)\.[A-Z]")


def test_mypy_reads_every_service_that_is_used() -> None:
    overrides = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["mypy"]["overrides"]
    (read,) = [override["module"] for override in overrides if override.get("follow_imports") == "normal"]
    files = [path for folder in ("components", "examples", "labelstack") for path in (PROJECT / folder).rglob("*.py")]
    services = {service for path in files for service in SERVICE.findall(path.read_text())}

    assert len(services) > 10
    assert {f"pulumi_aws.{service}.*" for service in services} == {module for module in read if module.endswith(".*")}
