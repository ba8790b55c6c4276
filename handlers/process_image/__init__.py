"""The function `process_image`: S3 events from the queue become results."""
