"""What the plugin offers: its name, its version, its components."""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pulumi
from pulumi.provider.experimental import component_provider_host
from pulumi.provider.experimental.component import ComponentProvider

from component_provider.announcing import Notifications
from component_provider.front import GuestAccess, LabelApi, Website, WebsiteFiles
from component_provider.functions import PythonFunction
from component_provider.pipelines import ImageProcessor, LabelWorkflow
from component_provider.storage import ResultsBucket, ResultsStore, UploadBucket
from component_provider.tokens import PACKAGE
from component_provider.watching import Monitoring

SCHEMA = Path(__file__).with_name("schema.json")
COMPONENTS: list[type[pulumi.ComponentResource]] = [
    *(GuestAccess, ImageProcessor, LabelApi, LabelWorkflow, Monitoring, Notifications, PythonFunction),
    *(ResultsBucket, ResultsStore, UploadBucket, Website, WebsiteFiles),
]


def host() -> None:
    """Serve the components until Pulumi ends this process."""
    component_provider_host(COMPONENTS, PACKAGE, version=version(PACKAGE))


def schema() -> dict[str, Any]:
    """The plugin's schema, as Pulumi's analyzer reads it from the components."""
    text = ComponentProvider(COMPONENTS, PACKAGE, version=version(PACKAGE)).schema
    found: dict[str, Any] = json.loads(text or "{}")
    return found


def write_schema() -> None:
    """Write `schema.json` anew: `make provider-schema`."""
    SCHEMA.write_text(json.dumps(schema(), indent=2) + "\n")
