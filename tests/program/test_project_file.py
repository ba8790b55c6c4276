"""Pulumi.yaml: what `pulumi up` does before the program runs."""

import yaml

from tests.recording import PROJECT


def test_pulumi_makes_the_virtual_environment_and_installs_what_is_needed() -> None:
    runtime = yaml.safe_load((PROJECT / "Pulumi.yaml").read_text())["runtime"]

    assert runtime == {"name": "python", "options": {"toolchain": "pip", "virtualenv": ".venv"}}
    lock = (PROJECT / "requirements.txt").read_text()
    assert {"pulumi", "pulumi-aws", "pydantic"} <= {line.split("==")[0] for line in lock.splitlines()}
