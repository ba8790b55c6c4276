"""Tests of labelstack.engines."""
