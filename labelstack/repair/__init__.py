"""Finding and mending what went wrong: bucket and table compared, pictures asked for again, jobs that go on."""
