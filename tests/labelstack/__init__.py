"""Tests of the `labelstack` command, its clouds and its engines."""
