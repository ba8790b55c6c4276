"""The workflow's functions, one module each: `start` runs executions, the others are their steps."""
