"""The edge of `make_previews`: a message from the queue of previews."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any

from ..environment import Variables
from ..labelling import composition

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from ..labelling.previews import PreviewFunction


def handle(event: dict[str, Any], context: LambdaContext) -> None:
    """Make the previews of a picture, or remove them."""
    _function().handle(event, context)


@cache
def _function() -> PreviewFunction:
    return composition.make_previews(Variables(os.environ))
