"""The `labelstack` command: one module per group of commands."""

from labelstack.cli.app import main

__all__ = ["main"]
