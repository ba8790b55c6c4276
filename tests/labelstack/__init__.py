"""Tests of the `labelstack` command and what it drives."""
