"""Labelling: from an S3 event to a terminal result.

`pipeline` is the whole way. The adapters are `s3_objects`, `rekognition` and `outbox`, the edges `sqs_queue` and
`workflow`; `composition` puts each function together.
"""
