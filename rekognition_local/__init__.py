"""A Rekognition-compatible server for machines without AWS.

It speaks the AWS JSON 1.1 protocol, and analyses the real pixels with OpenCV. Rules can set answers, failures and
delays. ``OPERATIONS.md`` lists what it implements. It imports nothing of the rest of the project.
"""
