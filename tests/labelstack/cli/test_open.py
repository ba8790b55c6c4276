"""`labelstack open`."""

from __future__ import annotations

import webbrowser

import pytest

from tests.labelstack.cli.conftest import Run
from tests.labelstack.cli.fakes import OUTPUTS, FakeBackend

PAGE = "http://127.0.0.1:4600/site/"


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the addresses that the command opened in a browser. The browser refuses those with `nothing` in them."""
    urls: list[str] = []

    def open_url(url: str) -> bool:
        urls.append(url)
        return "nothing" not in url

    monkeypatch.setattr(webbrowser, "open", open_url)
    return urls


def test_opens_the_page(run: Run, backend: FakeBackend, opened: list[str]) -> None:
    backend.deployer.deployed["local"] = {**OUTPUTS, "websiteUrl": PAGE}

    result = run("open")

    assert (result.exit_code, result.stdout, opened) == (0, f"{PAGE}\n", [PAGE])


def test_prints_the_address_and_opens_nothing(run: Run, backend: FakeBackend, opened: list[str]) -> None:
    backend.deployer.deployed["local"] = {**OUTPUTS, "websiteUrl": PAGE}

    result = run("open", "--print")

    assert (result.exit_code, result.stdout, opened) == (0, f"{PAGE}\n", [])


def test_tells_where_no_browser_can_be_started(run: Run, backend: FakeBackend, opened: list[str]) -> None:
    backend.deployer.deployed["local"] = {**OUTPUTS, "websiteUrl": PAGE + "nothing"}

    result = run("open")

    assert result.exit_code == 0
    assert "no browser" in result.stderr


def test_stack_without_a_page_is_an_error_that_says_what_to_do(run: Run, opened: list[str]) -> None:
    result = run("open")

    assert result.exit_code == 1
    assert "stack 'local' has no page: set labelstack:website" in " ".join(result.stderr.split())
    assert opened == []
