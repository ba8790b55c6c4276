"""The workflow's functions."""
