"""The tags of every taggable resource."""

import pulumi


def tags(component: str) -> dict[str, str]:
    """Tags that tell which project, stack and component a resource is of."""
    return {"project": pulumi.get_project(), "stack": pulumi.get_stack(), "component": component}
