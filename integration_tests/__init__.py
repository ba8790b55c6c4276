"""Black-box tests: they see stack outputs, boto3 and HTTP, and nothing of the code they test."""
