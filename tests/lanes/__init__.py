"""The parts of the integration tests that choose, pay and tidy up."""
