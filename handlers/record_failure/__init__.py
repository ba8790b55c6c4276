"""The function `record_failure`: it turns dead letters into FAILED results."""
