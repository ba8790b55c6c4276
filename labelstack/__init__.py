"""The `labelstack` command, with clouds, engines and clients of a deployed stack."""
