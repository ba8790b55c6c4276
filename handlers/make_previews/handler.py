"""The edge of `make_previews`: a message from the queue of previews."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from ..labelling import composition


def handle(event: dict[str, Any], context: LambdaContext) -> None:
    """Make the previews of a picture, or remove them."""
    composition.make_previews()(event, context)
