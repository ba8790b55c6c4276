"""An empty embedded cloud, and projects written from a text, each with its own record."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from labelstack.clouds import EmbeddedCloud
from labelstack.engines import Deployment, InProcessEngine

HEADER = "import pulumi\nimport pulumi_aws as aws\n"


class Stack:
    """One project with one stack on one cloud."""

    def __init__(self, folder: Path, cloud: EmbeddedCloud) -> None:
        self.folder = folder
        self.cloud = cloud
        self.engine = InProcessEngine(folder, cloud, folder / ".state")
        (folder / "Pulumi.yaml").write_text("name: small\nruntime: python\n")
        (folder / "Pulumi.test.yaml").write_text("config:\n  aws:region: us-east-1\n")

    def write(self, program: str) -> None:
        """Set the program; `pulumi` and `aws` are imported."""
        (self.folder / "__main__.py").write_text(HEADER + textwrap.dedent(program))

    def up(self, program: str, config: Mapping[str, str] | None = None) -> Deployment:
        """Deploy a program."""
        self.write(program)
        return self.engine.up("test", config)

    def again(self) -> Deployment:
        """Deploy the same program once more."""
        return self.engine.up("test")

    def destroy(self) -> int:
        """Remove everything."""
        return self.engine.destroy("test")

    def names(self, kind: str) -> list[str]:
        """Return names of all buckets, queues or tables of the cloud."""
        clients: dict[str, Callable[[], list[str]]] = {
            "buckets": lambda: [bucket["Name"] for bucket in self.cloud.client("s3").list_buckets()["Buckets"]],
            "queues": lambda: [
                url.rpartition("/")[2] for url in self.cloud.client("sqs").list_queues().get("QueueUrls", [])
            ],
            "tables": lambda: self.cloud.client("dynamodb").list_tables()["TableNames"],
            "roles": lambda: [role["RoleName"] for role in self.cloud.client("iam").list_roles()["Roles"]],
        }
        return sorted(clients[kind]())


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCloud]:
    """Yield a running embedded cloud, without the local Rekognition."""
    with EmbeddedCloud.start(tmp_path_factory.mktemp("embedded"), rekognition=False) as started:
        yield started


@pytest.fixture
def stack(cloud: EmbeddedCloud, tmp_path: Path) -> Iterator[Stack]:
    """Yield an empty project, and remove the resources that a test leaves."""
    new_stack = Stack(tmp_path, cloud)
    yield new_stack
    new_stack.write("")
    new_stack.engine.up("test", {})
    new_stack.destroy()
