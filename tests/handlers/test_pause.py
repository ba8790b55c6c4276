"""The function that pauses the pipeline."""

from __future__ import annotations

from typing import Any

import pytest

from handlers.environment import EnvironmentVariableError
from handlers.pause_pipeline import handler

from .lambda_context import lambda_context


class FakeLambda:
    """Event source mappings by their ids."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []

    def update_event_source_mapping(self, **request: Any) -> dict[str, Any]:
        """Remember the request."""
        self.requests.append(request)
        return {"State": "Disabling"}


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> FakeLambda:
    """Return the function's client of Lambda."""
    fake = FakeLambda()
    monkeypatch.setattr(handler, "_client", lambda: fake)
    return fake


@pytest.mark.parametrize("event", [{}, {"alarmData": {"alarmName": "daily-cost"}}])
def test_takes_nothing_more_from_the_queue(
    client: FakeLambda, monkeypatch: pytest.MonkeyPatch, event: dict[str, Any]
) -> None:
    monkeypatch.setenv("EVENT_SOURCE_MAPPING_ID", "m-1")

    assert handler.handle(event, lambda_context()) == {"state": "Disabling"}
    assert client.requests == [{"UUID": "m-1", "Enabled": False}]


def test_fails_where_it_was_deployed_wrongly(client: FakeLambda, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EVENT_SOURCE_MAPPING_ID", raising=False)

    with pytest.raises(EnvironmentVariableError, match="EVENT_SOURCE_MAPPING_ID"):
        handler.handle({}, lambda_context())
    assert client.requests == []
