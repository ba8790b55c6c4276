"""Tests that need neither a network nor an account; the folders mirror the source."""
