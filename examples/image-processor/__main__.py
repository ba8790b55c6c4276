"""ImageProcessor with a bucket and a table: pictures become labels; no API, no page."""

import pulumi

from components import ImageProcessor, ResultsStore, UploadBucket

pictures = UploadBucket("pictures", {"protect_data": False})
results = ResultsStore("results", {"protect_data": False})
processor = ImageProcessor("labels", {"bucket": pictures, "table": results})

pulumi.export("bucket", pictures.name)
pulumi.export("table", results.name)
pulumi.export("deadLetterQueueUrl", processor.dead_letter_queue_url)
