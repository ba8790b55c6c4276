"""A Rekognition-compatible server for machines without AWS.

It speaks the AWS JSON 1.1 protocol, looks at the real pixels with OpenCV, and can be told by rules what to
answer, when to fail and how slowly. ``OPERATIONS.md`` lists what it implements. Nothing here imports the rest
of the project.
"""
