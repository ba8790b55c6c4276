"""Tests of the program and its settings."""
