"""One module per subject, one class per resource type. A new module here is found by itself."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from labelstack.engines.provisioners.base import REGISTRY, Provisioner


@cache
def find(token: str) -> Provisioner | None:
    """Return the provisioner of a type token, `aws:sqs/queue:Queue`; None when there is none."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return REGISTRY.get(token)
