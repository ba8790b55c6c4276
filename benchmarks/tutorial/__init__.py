"""The design that most tutorials show, for comparison: one message, one picture, one call, one `put_item`."""
