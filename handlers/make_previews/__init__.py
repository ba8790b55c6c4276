"""The function `make_previews`: S3 events from a queue of their own become previews."""
