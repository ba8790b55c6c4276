"""Resources in the cloud have the program's properties, and changes reach them."""

from __future__ import annotations

import json
import textwrap
from typing import Any

import pytest

from labelstack.errors import DeployError
from tests.labelstack.engines.conftest import Stack

BUCKET = """
bucket = aws.s3.Bucket("b", force_destroy=True)
pulumi.export("bucket", bucket.bucket)
"""


def test_bucket_is_configured_as_set(stack: Stack) -> None:
    program = """
    aws.s3.BucketVersioning("v", bucket=bucket.bucket, versioning_configuration={"status": "Enabled"})
    aws.s3.BucketServerSideEncryptionConfiguration("e", bucket=bucket.bucket,
        rules=[{"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}])
    aws.s3.BucketPublicAccessBlock("p", bucket=bucket.bucket, block_public_acls=True, block_public_policy=True,
        ignore_public_acls=True, restrict_public_buckets=True)
    aws.s3.BucketOwnershipControls("o", bucket=bucket.bucket, rule={"object_ownership": "BucketOwnerEnforced"})
    aws.s3.BucketLifecycleConfiguration("l", bucket=bucket.bucket, rules=[{"id": "old", "status": "Enabled",
        "filter": {"prefix": "tmp/"}, "expiration": {"days": 7},
        "noncurrent_version_expiration": {"noncurrent_days": 3},
        "abort_incomplete_multipart_upload": {"days_after_initiation": 2}}])
    aws.s3.BucketCorsConfiguration("c", bucket=bucket.bucket, cors_rules=[{"allowed_methods": ["PUT"],
        "allowed_origins": ["https://example.com"], "max_age_seconds": 60}])
    """
    name = stack.up(BUCKET + textwrap.dedent(program)).outputs["bucket"]

    s3 = stack.cloud.client("s3")
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    encryption = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert encryption["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert all(s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"].values())
    ownership = s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]["Rules"]
    assert ownership == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"] == [
        {
            "ID": "old",
            "Status": "Enabled",
            "Filter": {"Prefix": "tmp/"},
            "Expiration": {"Days": 7},
            "NoncurrentVersionExpiration": {"NoncurrentDays": 3},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2},
        }
    ]
    assert s3.get_bucket_cors(Bucket=name)["CORSRules"][0]["AllowedOrigins"] == ["https://example.com"]


def test_bucket_setting_that_left_the_program_is_taken_back(stack: Stack) -> None:
    cors = 'aws.s3.BucketCorsConfiguration("c", bucket=bucket.bucket, cors_rules=[{"allowed_methods": ["PUT"], '
    cors += '"allowed_origins": ["*"]}])'
    name = stack.up(BUCKET + cors).outputs["bucket"]

    assert stack.up(BUCKET).deleted == 1
    s3 = stack.cloud.client("s3")
    try:
        rules = s3.get_bucket_cors(Bucket=name)["CORSRules"]
    except s3.exceptions.ClientError as error:
        rules = error.response["Error"]["Code"]
    assert rules == "NoSuchCORSConfiguration"


def test_bucket_s_events_reach_the_queue(stack: Stack) -> None:
    outputs = stack.up(
        BUCKET
        + """
queue = aws.sqs.Queue("q")
policy = aws.sqs.QueuePolicy("p", queue_url=queue.url, policy=pulumi.Output.json_dumps({"Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:SendMessage",
    "Resource": queue.arn, "Condition": {"ArnEquals": {"aws:SourceArn": bucket.arn}}}]}))
aws.s3.BucketNotification("n", bucket=bucket.bucket, queues=[{"queue_arn": queue.arn, "events": ["s3:ObjectCreated:*"],
    "filter_prefix": "in/"}], opts=pulumi.ResourceOptions(depends_on=[policy]))
pulumi.export("url", queue.url)
"""
    ).outputs
    s3, sqs = stack.cloud.client("s3"), stack.cloud.client("sqs")
    for key in ("out/not", "in/yes"):
        s3.put_object(Bucket=outputs["bucket"], Key=key, Body=b"x")

    keys: list[str] = []
    while not keys or keys[-1] != "in/yes":  # each receive waits, and fails the test when nothing comes
        messages = sqs.receive_message(QueueUrl=outputs["url"], WaitTimeSeconds=5, MaxNumberOfMessages=10)["Messages"]
        for body in [json.loads(message["Body"]) for message in messages]:
            keys += [record["s3"]["object"]["key"] for record in body.get("Records", [])]

    assert keys == ["in/yes"]


def test_table_has_indexes_expiry_and_recovery(stack: Stack) -> None:
    name = stack.up(
        """
        table = aws.dynamodb.Table("t", billing_mode="PAY_PER_REQUEST", hash_key="pk", range_key="sk",
            attributes=[{"name": n, "type": "S"} for n in ("pk", "sk", "gsi1pk")],
            global_secondary_indexes=[{"name": "gsi1", "hash_key": "gsi1pk", "projection_type": "INCLUDE",
                "non_key_attributes": ["label"]}],
            ttl={"attribute_name": "expiresAt", "enabled": True}, point_in_time_recovery={"enabled": True},
            server_side_encryption={"enabled": True}, tags={"own": "yes"})
        pulumi.export("name", table.name)
        """
    ).outputs

    dynamodb = stack.cloud.client("dynamodb")
    table = dynamodb.describe_table(TableName=name["name"])["Table"]
    assert [key["AttributeName"] for key in table["KeySchema"]] == ["pk", "sk"]
    assert table["GlobalSecondaryIndexes"][0]["Projection"] == {
        "ProjectionType": "INCLUDE",
        "NonKeyAttributes": ["label"],
    }
    ttl = dynamodb.describe_time_to_live(TableName=name["name"])["TimeToLiveDescription"]
    assert (ttl["AttributeName"], ttl["TimeToLiveStatus"]) == ("expiresAt", "ENABLED")
    backups = dynamodb.describe_continuous_backups(TableName=name["name"])["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    assert dynamodb.list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"] == [{"Key": "own", "Value": "yes"}]


def test_table_s_expiry_and_tags_are_updated_in_place(stack: Stack) -> None:
    table = "t = aws.dynamodb.Table('t', billing_mode='PAY_PER_REQUEST', hash_key='a', tags={}, ttl={},"
    table += " attributes=[{{'name': 'a', 'type': 'S'}}])\npulumi.export('name', t.name)"
    name = stack.up(table.format("{'x': '1'}", "{'attribute_name': 'e', 'enabled': True}")).outputs["name"]

    second = stack.up(table.format("{'y': '2'}", "{'attribute_name': 'e', 'enabled': False}"))

    assert (second.updated, second.outputs["name"]) == (1, name)
    dynamodb = stack.cloud.client("dynamodb")
    status = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]["TimeToLiveStatus"]
    assert status == "DISABLED"
    arn = dynamodb.describe_table(TableName=name)["Table"]["TableArn"]
    assert dynamodb.list_tags_of_resource(ResourceArn=arn)["Tags"] == [{"Key": "y", "Value": "2"}]


def test_role_has_policies_of_every_kind(stack: Stack) -> None:
    document = json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}]}
    )
    program = f"""
        role = aws.iam.Role("r", assume_role_policy='''{document}''')
        aws.iam.RolePolicy("inline", role=role.name, policy='''{document}''')
        managed = "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
        aws.iam.RolePolicyAttachment("attached", role=role.name, policy_arn=managed)
        pulumi.export("name", role.name)
        """

    name = stack.up(program).outputs["name"]
    changed = stack.up(program.replace("s3:ListAllMyBuckets", "s3:GetObject"))

    iam = stack.cloud.client("iam")
    [inline] = iam.list_role_policies(RoleName=name)["PolicyNames"]
    stored = iam.get_role_policy(RoleName=name, PolicyName=inline)["PolicyDocument"]
    assert stored["Statement"][0]["Action"] == "s3:GetObject"
    assert len(iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]) == 1
    assert (changed.updated, changed.unchanged) == (2, 1)


def test_log_group_keeps_events_as_long_as_set(stack: Stack) -> None:
    group = "pulumi.export('name', aws.cloudwatch.LogGroup('g', name='/own/group', retention_in_days={}).name)"
    stack.up(group.format(7))
    stack.up(group.format(14))

    [described] = stack.cloud.client("logs").describe_log_groups(logGroupNamePrefix="/own/group")["logGroups"]
    assert described["retentionInDays"] == 14


def test_topic_delivers_what_its_subscription_s_filter_lets_through(stack: Stack) -> None:
    program = """
    topic = aws.sns.Topic("t", display_name="Results", tags={"own": "yes"})
    queue = aws.sqs.Queue("q")
    aws.sqs.QueuePolicy("p", queue_url=queue.url, policy=pulumi.Output.json_dumps({"Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage",
        "Resource": queue.arn, "Condition": {"ArnEquals": {"aws:SourceArn": topic.arn}}}]}))
    aws.sns.TopicSubscription("s", topic=topic.arn, protocol="sqs", endpoint=queue.arn, raw_message_delivery=True,
        filter_policy='{"status": ["STATUS"]}')
    pulumi.export("topic", topic.arn)
    pulumi.export("url", queue.url)
    """
    stack.up(program.replace("STATUS", "FAILED"))
    second = stack.up(program.replace("STATUS", "LABELED"))

    outputs, sns = second.outputs, stack.cloud.client("sns")
    for status in ("FAILED", "LABELED"):
        attributes = {"status": {"DataType": "String", "StringValue": status}}
        sns.publish(TopicArn=outputs["topic"], Message=status, MessageAttributes=attributes)
    answer = stack.cloud.client("sqs").receive_message(
        QueueUrl=outputs["url"], WaitTimeSeconds=5, MaxNumberOfMessages=10
    )
    assert second.updated == 1
    assert [message["Body"] for message in answer["Messages"]] == ["LABELED"]
    assert sns.get_topic_attributes(TopicArn=outputs["topic"])["Attributes"]["DisplayName"] == "Results"


def test_queue_feeds_the_function_and_the_mapping_changes_in_place(stack: Stack) -> None:
    statement = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    program = f"""
        queue, done = aws.sqs.Queue("q", visibility_timeout_seconds=60), aws.sqs.Queue("done")
        role = aws.iam.Role("r", assume_role_policy='''{trust}''')
        aws.iam.RolePolicy("p", role=role.name, policy=pulumi.Output.json_dumps({{"Version": "2012-10-17", "Statement":
            [{{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": done.arn}}]}}))
        source = "import boto3, os\\ndef handle(event, context):\\n  for record in event['Records']:\\n    "
        source += "boto3.client('sqs').send_message(QueueUrl=os.environ['DONE'], MessageBody=record['body'])\\n"
        worker = aws.lambda_.Function("f", role=role.arn, handler="m.handle", timeout=10,
            runtime=pulumi.Config("labelstack").require("runtime"),
            code=pulumi.AssetArchive({{"m.py": pulumi.StringAsset(source)}}),
            environment={{"variables": {{"DONE": done.url}}}})
        mapping = aws.lambda_.EventSourceMapping("m", event_source_arn=queue.arn, function_name=worker.arn,
            batch_size=SIZE, function_response_types=["ReportBatchItemFailures"],
            scaling_config={{"maximum_concurrency": 2}})
        pulumi.export("urls", [queue.url, done.url])
        pulumi.export("mapping", mapping.uuid)
        """
    first = stack.up(program.replace("SIZE", "5"))
    second = stack.up(program.replace("SIZE", "7"))

    source, done = second.outputs["urls"]
    sqs = stack.cloud.client("sqs")
    sqs.send_message(QueueUrl=source, MessageBody="hello")
    [message] = sqs.receive_message(QueueUrl=done, WaitTimeSeconds=15)["Messages"]
    assert message["Body"] == "hello"
    assert second.outputs["mapping"] == first.outputs["mapping"]
    mapping = stack.cloud.client("lambda").get_event_source_mapping(UUID=second.outputs["mapping"])
    assert mapping["BatchSize"] == 7
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": 2}


ALARM = """
    aws.cloudwatch.MetricAlarm("slow", alarm_description="{text}", namespace="AWS/Lambda", metric_name="Duration",
        dimensions={{"FunctionName": "f"}}, period=300, extended_statistic="p99", evaluation_periods=3,
        datapoints_to_alarm=2, threshold=1500.5, comparison_operator="GreaterThanThreshold",
        treat_missing_data="notBreaching", evaluate_low_sample_count_percentiles="ignore",
        alarm_actions=["arn:aws:sns:us-east-1:000000000000:a"], ok_actions=["arn:aws:sns:us-east-1:000000000000:b"],
        tags={tags})
"""


def test_alarm_is_configured_as_set_and_changes_in_place(stack: Stack) -> None:
    stack.up(ALARM.format(text="first", tags='{"team": "a", "old": "x"}'))
    cloudwatch = stack.cloud.client("cloudwatch")
    (alarm,) = cloudwatch.describe_alarms(AlarmNamePrefix="slow-")["MetricAlarms"]
    assert {name: alarm[name] for name in ("Namespace", "MetricName", "Period", "EvaluationPeriods", "Threshold")} == {
        "Namespace": "AWS/Lambda",
        "MetricName": "Duration",
        "Period": 300,
        "EvaluationPeriods": 3,
        "Threshold": 1500.5,
    }
    assert (alarm["ExtendedStatistic"], alarm["DatapointsToAlarm"], alarm["TreatMissingData"]) == (
        *("p99", 2),
        "notBreaching",
    )
    assert alarm["Dimensions"] == [{"Name": "FunctionName", "Value": "f"}]
    assert (alarm["AlarmActions"], alarm["OKActions"]) == (
        ["arn:aws:sns:us-east-1:000000000000:a"],
        ["arn:aws:sns:us-east-1:000000000000:b"],
    )

    assert stack.up(ALARM.format(text="second", tags='{"team": "b"}')).updated == 1

    (changed,) = cloudwatch.describe_alarms(AlarmNamePrefix="slow-")["MetricAlarms"]
    assert (changed["AlarmArn"], changed["AlarmDescription"]) == (alarm["AlarmArn"], "second")
    assert cloudwatch.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"] == [{"Key": "team", "Value": "b"}]


def test_alarm_on_an_expression_is_sent_with_its_metrics(stack: Stack) -> None:
    sent: list[dict[str, Any]] = []
    cloudwatch = stack.cloud.client("cloudwatch")
    # The embedded cloud forgets an alarm's queries, so this looks at the requests.
    cloudwatch.meta.events.register(
        "provide-client-params.cloudwatch.PutMetricAlarm", lambda params, **_: sent.append(params)
    )

    stack.up(
        """
    aws.cloudwatch.MetricAlarm("cost", evaluation_periods=1, threshold=5, comparison_operator="GreaterThanThreshold",
        metric_queries=[{"id": "usd", "expression": "calls * 0.001", "label": "USD", "return_data": True},
            {"id": "calls", "metric": {"namespace": "N", "metric_name": "Calls", "dimensions": {"service": "s"},
                "period": 86400, "stat": "Sum", "unit": "Count"}}])
    """
    )

    assert sent[0]["Metrics"] == [
        {"Id": "usd", "Expression": "calls * 0.001", "Label": "USD", "ReturnData": True},
        {
            "Id": "calls",
            "ReturnData": False,
            "MetricStat": {
                "Metric": {
                    "MetricName": "Calls",
                    "Namespace": "N",
                    "Dimensions": [{"Name": "service", "Value": "s"}],
                },
                "Period": 86400,
                "Stat": "Sum",
                "Unit": "Count",
            },
        },
    ]


def test_dashboard_is_put_changed_and_removed(stack: Stack) -> None:
    program = """
    import json
    aws.cloudwatch.Dashboard("d", dashboard_name="small", dashboard_body=json.dumps({{"widgets": [{widget}]}}))
    """
    cloudwatch = stack.cloud.client("cloudwatch")
    stack.up(program.format(widget=""))

    widget = '{"type": "text", "properties": {"markdown": "here"}}'
    assert stack.up(program.format(widget=widget)).updated == 1
    assert json.loads(cloudwatch.get_dashboard(DashboardName="small")["DashboardBody"]) == {
        "widgets": [json.loads(widget)]
    }

    stack.up("")
    assert cloudwatch.list_dashboards()["DashboardEntries"] == []


def test_dashboard_that_is_no_json_names_the_property(stack: Stack) -> None:
    with pytest.raises(
        DeployError, match=r"d \(aws:cloudwatch/dashboard:Dashboard\), property dashboardBody: .*not JSON"
    ):
        stack.up('aws.cloudwatch.Dashboard("d", dashboard_name="small", dashboard_body="{widgets")')
