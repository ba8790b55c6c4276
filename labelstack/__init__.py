"""The `labelstack` command and what it drives: clouds, engines, clients of a deployed stack."""
