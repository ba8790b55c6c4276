"""Tests of `labelstack.repair`."""
