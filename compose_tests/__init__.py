"""The composed service, as a user of `docker compose` has it: `make compose-test`."""
