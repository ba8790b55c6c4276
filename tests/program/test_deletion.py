"""The destruction of a stack leaves to AWS only what AWS deletes with something else."""

from __future__ import annotations

import pytest

from tests.recording import record_stack

# Source: each owner's Delete operation in AWS's API references. A role, a rule, an event source mapping and a log group
# are not among them: AWS deletes no role that has policies, no rule that has targets, and nothing else with a function.
GOES_WITH = {
    "aws:apigateway/deployment:Deployment": "aws:apigateway/restApi:RestApi",
    "aws:apigateway/methodSettings:MethodSettings": "aws:apigateway/restApi:RestApi",
    "aws:apigateway/stage:Stage": "aws:apigateway/restApi:RestApi",
    "aws:apigateway/usagePlanKey:UsagePlanKey": "aws:apigateway/usagePlan:UsagePlan",
    "aws:apigatewayv2/integration:Integration": "aws:apigatewayv2/api:Api",
    "aws:apigatewayv2/route:Route": "aws:apigatewayv2/api:Api",
    "aws:apigatewayv2/stage:Stage": "aws:apigatewayv2/api:Api",
    "aws:cognito/identityPoolRoleAttachment:IdentityPoolRoleAttachment": "aws:cognito/identityPool:IdentityPool",
    "aws:lambda/permission:Permission": "aws:lambda/function:Function",
    "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration": "aws:s3/bucket:Bucket",
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": "aws:s3/bucket:Bucket",
    "aws:s3/bucketNotification:BucketNotification": "aws:s3/bucket:Bucket",
    "aws:s3/bucketObjectv2:BucketObjectv2": "aws:s3/bucket:Bucket",
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": "aws:s3/bucket:Bucket",
    "aws:s3/bucketPolicy:BucketPolicy": "aws:s3/bucket:Bucket",
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": "aws:s3/bucket:Bucket",
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": "aws:s3/bucket:Bucket",
    "aws:s3/bucketVersioning:BucketVersioning": "aws:s3/bucket:Bucket",
    "aws:s3/bucketWebsiteConfiguration:BucketWebsiteConfiguration": "aws:s3/bucket:Bucket",
    "aws:sns/topicPolicy:TopicPolicy": "aws:sns/topic:Topic",
    "aws:sns/topicSubscription:TopicSubscription": "aws:sns/topic:Topic",
    "aws:sqs/queuePolicy:QueuePolicy": "aws:sqs/queue:Queue",
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": "aws:sqs/queue:Queue",
}
ALL = {
    "labelstack:apiAccess": "api_key",
    "labelstack:notifyQueues": '["arn:aws:sqs:us-east-1:123456789012:told"]',
    "labelstack:notifyEmails": '["a@example.org"]',
    "labelstack:alarmEmails": '["a@example.org"]',
}
OTHERS = {
    "labelstack:api": "http",
    "labelstack:apiAccess": "iam",
    "labelstack:pipeline": "workflow",
    "labelstack:guestAccess": "true",
    "labelstack:siteMode": "guest",
    "labelstack:website": "cloudfront",
}


@pytest.mark.parametrize("settings", [ALL, OTHERS], ids=["rest", "http"])
def test_what_goes_with_something_else_says_so(settings: dict[str, str]) -> None:
    resources = record_stack("local", settings).resources

    assert {(r.type, r.deleted_with) for r in resources if r.deleted_with} <= set(GOES_WITH.items())
    assert [f"{r.type} {r.name}" for r in resources if r.type in GOES_WITH and not r.deleted_with] == []


def test_every_kind_is_looked_at() -> None:
    types = {r.type for settings in (ALL, OTHERS) for r in record_stack("local", settings).resources}
    assert set(GOES_WITH) <= types
