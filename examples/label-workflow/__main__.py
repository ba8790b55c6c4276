"""LabelWorkflow with a bucket and a table: a state machine turns pictures into labels, a branch for each detector."""

import pulumi

from components import LabelWorkflow, ResultsStore, UploadBucket

pictures = UploadBucket("pictures", {"protect_data": False})
results = ResultsStore("results", {"protect_data": False})
workflow = LabelWorkflow("labels", {"bucket": pictures, "table": results, "detectors": ["labels", "faces"]})

pulumi.export("bucket", pictures.name)
pulumi.export("table", results.name)
pulumi.export("stateMachineArn", workflow.state_machine_arn)
