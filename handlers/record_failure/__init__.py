"""The function `record_failure`: what is left in the dead-letter queue becomes FAILED results."""
