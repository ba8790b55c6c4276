"""Results: the document, the codes, and the table they live in.

The functions, the API and the `labelstack` command share this package; it needs boto3 and nothing else.
"""
