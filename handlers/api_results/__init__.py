"""The function behind everything that is read."""
