"""Reading the environment of the API's functions: each variable by its type, an error that names it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit


class EnvironmentVariableError(Exception):
    """A variable of the function is missing or wrong: the function was deployed wrongly, no request can help."""


@dataclass(frozen=True)
class Variables:
    """The function's environment variables."""

    values: Mapping[str, str]

    def text(self, name: str) -> str:
        """A text that is not empty."""
        value = self.values.get(name, "")
        if not value.strip():
            raise EnvironmentVariableError(f"{name} is not set: expected a text that is not empty")
        return value

    def integer(self, name: str, least: int, most: int) -> int:
        """A whole number within bounds, which belong to them."""
        value = self.text(name)
        if not value.isdecimal() or not least <= int(value) <= most:
            raise EnvironmentVariableError(f"{name} is {value!r}: expected a whole number from {least} to {most}")
        return int(value)

    def origins(self) -> frozenset[str]:
        """ALLOWED_ORIGIN: web origins with commas between them; unset, no page of another origin may read answers."""
        return frozenset(part.strip() for part in self.values.get("ALLOWED_ORIGIN", "").split(",") if part.strip())

    def public_s3_endpoint(self) -> str | None:
        """PUBLIC_S3_ENDPOINT_URL: where those who get links reach S3, if that is not where the function does."""
        value = self.values.get("PUBLIC_S3_ENDPOINT_URL")
        if value is not None and (urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).netloc):
            raise EnvironmentVariableError(f"PUBLIC_S3_ENDPOINT_URL is {value!r}: expected a URL")
        return value
