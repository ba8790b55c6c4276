"""Tests of `labelstack doctor`'s checks."""
