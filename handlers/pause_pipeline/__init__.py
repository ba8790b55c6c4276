"""The function that pauses the pipeline when its daily cost bound is reached."""
