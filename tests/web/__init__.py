"""Tests of the page in a real browser, against an in-memory double of the service."""
