"""A function that writes letters."""
