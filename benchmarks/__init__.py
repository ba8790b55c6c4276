"""Measurements: each prints a table and writes JSON. They see the stack through the integration tests' eyes."""
