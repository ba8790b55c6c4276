"""Labelling: from an S3 event to a terminal result.

`processing` and `failure` are the use-cases; they see S3, Rekognition and DynamoDB through `ports`. The adapters are
`s3_objects`, `rekognition` and `sqs_batch`; nothing else here touches AWS.
"""
