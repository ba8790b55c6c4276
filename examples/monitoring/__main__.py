"""Monitoring of an ImageProcessor: alarms with what to do, the topic that they tell, and a dashboard."""

import pulumi

from components import ImageProcessor, Monitoring, ResultsStore, UploadBucket

pictures = UploadBucket("pictures", {"protect_data": False})
results = ResultsStore("results", {"protect_data": False})
labels = ImageProcessor("labels", {"bucket": pictures, "table": results})
watch = Monitoring("watch", {"pipeline": labels, "daily_cost_bound_usd": 5})

pulumi.export("bucket", pictures.name)
pulumi.export("alarmTopicArn", watch.topic_arn)
pulumi.export("dashboardName", watch.dashboard_name)
