"""The IAM actions of the AWS provider to create, read, change, tag and delete each type of resource.

The sources: recorded calls of the provider (tests/labelstack/provider_calls.json), and AWS's Service Authorization
Reference for their actions and scopes (tests/labelstack/iam_actions.json).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

# In resources and conditions: {name} is the prefix of every name of the stack, {own} the bucket that a resource is of
# or is, {partition}, {region} and {account} where the stack is, and any other one an input of the resource.
BUCKET, OBJECTS = "arn:{partition}:s3:::{name}-*", "arn:{partition}:s3:::{own}/*"
QUEUE = "arn:{partition}:sqs:{region}:{account}:{name}-*"
TOPIC = "arn:{partition}:sns:{region}:{account}:{name}-*"
TABLE = "arn:{partition}:dynamodb:{region}:{account}:table/{name}-*"
ROLE = "arn:{partition}:iam::{account}:role/{name}-*"
FUNCTION = "arn:{partition}:lambda:{region}:{account}:function:{name}-*"
MAPPING = "arn:{partition}:lambda:{region}:{account}:event-source-mapping:*"
LOG_GROUPS = (
    "arn:{partition}:logs:{region}:{account}:log-group:/aws/lambda/{name}-*",
    "arn:{partition}:logs:{region}:{account}:log-group:/aws/vendedlogs/*/{name}-*",
)
RULE = "arn:{partition}:events:{region}:{account}:rule/{name}-*"
WEB_ACL = "arn:{partition}:wafv2:{region}:{account}:regional/webacl/{name}-*/*"
STATE_MACHINE = "arn:{partition}:states:{region}:{account}:stateMachine:{name}-*"
ALARM = "arn:{partition}:cloudwatch:{region}:{account}:alarm:{name}-*"
DASHBOARD = "arn:{partition}:cloudwatch::{account}:dashboard/{name}-*"
IDENTITY_POOL = "arn:{partition}:cognito-identity:{region}:{account}:identitypool/*"
KEY = "arn:{partition}:kms:{region}:{account}:key/*"
OF_FUNCTION = {"ArnLike": {"lambda:FunctionArn": FUNCTION}}
GATEWAY = "arn:{partition}:apigateway:{region}::"
STAGES = f"{GATEWAY}/restapis/*/stages/*"
GATEWAY_TAGS = f"{GATEWAY}/tags/*"
ANYTHING = "*"


@dataclass(frozen=True)
class Grant:
    """Actions (`s3:CreateBucket`) on resources, on a condition; `when` is an input that must be true for it."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    condition: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    when: str = ""


def on(resources: str | tuple[str, ...], service: str, actions: str, when: str = "") -> Grant:
    """Return a grant of one service's actions, their names separated by spaces."""
    scope = (resources,) if isinstance(resources, str) else resources
    return Grant(tuple(f"{service}:{action}" for action in actions.split()), scope, when=when)


def pass_role(service: str) -> Grant:
    """Hand one of the stack's roles to a service, and to no other."""
    return Grant(("iam:PassRole",), (ROLE,), {"StringEquals": {"iam:PassedToService": service}})


def gateway(*paths: str) -> tuple[Grant, ...]:
    """Return all methods below paths of API Gateway, whose ids nobody knows before; its actions are its methods."""
    below = tuple(f"{GATEWAY}{path}" for path in paths)
    return (on(below, "apigateway", "GET POST PUT PATCH DELETE"), on(GATEWAY_TAGS, "apigateway", "GET POST PUT DELETE"))


def rest() -> tuple[Grant, ...]:
    """Return the grants of a REST API and its parts."""
    return gateway("/restapis", "/restapis/*")


def http() -> tuple[Grant, ...]:
    """Return the grants of an HTTP API and its parts."""
    return gateway("/apis", "/apis/*")


GRANTS: Mapping[str, tuple[Grant, ...]] = {
    "aws:apigateway/account:Account": (
        on(f"{GATEWAY}/account", "apigateway", "GET PATCH"),
        pass_role("apigateway.amazonaws.com"),
    ),
    "aws:apigateway/apiKey:ApiKey": gateway("/apikeys", "/apikeys/*"),
    "aws:apigateway/deployment:Deployment": rest(),
    "aws:apigateway/methodSettings:MethodSettings": rest(),
    "aws:apigateway/restApi:RestApi": rest(),
    "aws:apigateway/stage:Stage": rest(),
    "aws:apigateway/usagePlan:UsagePlan": gateway("/usageplans", "/usageplans/*"),
    "aws:apigateway/usagePlanKey:UsagePlanKey": gateway("/usageplans", "/usageplans/*"),
    "aws:apigatewayv2/api:Api": http(),
    "aws:apigatewayv2/integration:Integration": http(),
    "aws:apigatewayv2/route:Route": http(),
    "aws:apigatewayv2/stage:Stage": (
        *http(),
        # Access logs of HTTP APIs are delivered by CloudWatch Logs, which scopes none of these.
        on(
            ANYTHING,
            "logs",
            "CreateLogDelivery GetLogDelivery UpdateLogDelivery DeleteLogDelivery ListLogDeliveries "
            "PutResourcePolicy DescribeResourcePolicies",
        ),
    ),
    "aws:cloudfront/distribution:Distribution": (
        on(ANYTHING, "cloudfront", "CreateDistribution"),
        on(
            "arn:{partition}:cloudfront::{account}:distribution/*",
            "cloudfront",
            "GetDistribution UpdateDistribution DeleteDistribution ListTagsForResource TagResource UntagResource",
        ),
    ),
    "aws:cloudfront/originAccessControl:OriginAccessControl": (
        on(ANYTHING, "cloudfront", "CreateOriginAccessControl"),
        on(
            "arn:{partition}:cloudfront::{account}:origin-access-control/*",
            "cloudfront",
            "GetOriginAccessControl UpdateOriginAccessControl DeleteOriginAccessControl",
        ),
    ),
    "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy": (
        on(ANYTHING, "cloudfront", "CreateResponseHeadersPolicy"),
        on(
            "arn:{partition}:cloudfront::{account}:response-headers-policy/*",
            "cloudfront",
            "GetResponseHeadersPolicy UpdateResponseHeadersPolicy DeleteResponseHeadersPolicy",
        ),
    ),
    "aws:cloudwatch/dashboard:Dashboard": (on(DASHBOARD, "cloudwatch", "PutDashboard GetDashboard DeleteDashboards"),),
    "aws:cloudwatch/eventRule:EventRule": (
        on(RULE, "events", "PutRule DescribeRule DeleteRule ListTagsForResource TagResource UntagResource"),
    ),
    "aws:cloudwatch/eventTarget:EventTarget": (on(RULE, "events", "PutTargets ListTargetsByRule RemoveTargets"),),
    "aws:cloudwatch/logGroup:LogGroup": (
        on(
            LOG_GROUPS,
            "logs",
            "CreateLogGroup DeleteLogGroup PutRetentionPolicy DeleteRetentionPolicy ListTagsForResource "
            "TagResource UntagResource",
        ),
        on(ANYTHING, "logs", "DescribeLogGroups"),
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": (
        on(
            ALARM,
            "cloudwatch",
            "PutMetricAlarm DescribeAlarms DeleteAlarms ListTagsForResource TagResource UntagResource",
        ),
    ),
    "aws:cognito/identityPool:IdentityPool": (
        on(ANYTHING, "cognito-identity", "CreateIdentityPool"),
        on(
            IDENTITY_POOL,
            "cognito-identity",
            "DescribeIdentityPool UpdateIdentityPool DeleteIdentityPool TagResource UntagResource ListTagsForResource",
        ),
    ),
    "aws:cognito/identityPoolRoleAttachment:IdentityPoolRoleAttachment": (
        on(IDENTITY_POOL, "cognito-identity", "GetIdentityPoolRoles"),
        on(ANYTHING, "cognito-identity", "SetIdentityPoolRoles"),
        pass_role("cognito-identity.amazonaws.com"),
    ),
    "aws:dynamodb/table:Table": (
        on(
            TABLE,
            "dynamodb",
            "CreateTable UpdateTable DeleteTable DescribeTable DescribeTimeToLive UpdateTimeToLive "
            "DescribeContinuousBackups UpdateContinuousBackups ListTagsOfResource TagResource UntagResource",
        ),
        on(KEY, "kms", "DescribeKey"),  # the provider compares the table's key with DynamoDB's own
    ),
    "aws:iam/role:Role": (
        on(
            ROLE,
            "iam",
            "CreateRole GetRole UpdateRole UpdateAssumeRolePolicy DeleteRole TagRole UntagRole ListRolePolicies "
            "ListAttachedRolePolicies ListInstanceProfilesForRole",
        ),
    ),
    "aws:iam/rolePolicy:RolePolicy": (on(ROLE, "iam", "PutRolePolicy GetRolePolicy DeleteRolePolicy"),),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": (
        on(ROLE, "iam", "ListAttachedRolePolicies"),
        Grant(
            ("iam:AttachRolePolicy", "iam:DetachRolePolicy"), (ROLE,), {"ArnEquals": {"iam:PolicyARN": "{policyArn}"}}
        ),
    ),
    "aws:lambda/eventSourceMapping:EventSourceMapping": (
        Grant(("lambda:CreateEventSourceMapping",), (ANYTHING,), OF_FUNCTION),
        Grant(("lambda:UpdateEventSourceMapping", "lambda:DeleteEventSourceMapping"), (MAPPING,), OF_FUNCTION),
        on(MAPPING, "lambda", "GetEventSourceMapping"),
        on(MAPPING, "lambda", "ListTags TagResource UntagResource"),
    ),
    "aws:lambda/function:Function": (
        on(
            FUNCTION,
            "lambda",
            "CreateFunction GetFunction GetFunctionCodeSigningConfig ListVersionsByFunction UpdateFunctionCode "
            "UpdateFunctionConfiguration DeleteFunction ListTags TagResource UntagResource",
        ),
        pass_role("lambda.amazonaws.com"),
    ),
    "aws:lambda/permission:Permission": (on(FUNCTION, "lambda", "AddPermission GetPolicy RemovePermission"),),
    "aws:s3/bucket:Bucket": (
        on(
            BUCKET,
            "s3",
            "CreateBucket DeleteBucket ListBucket GetAccelerateConfiguration GetBucketAcl GetBucketCORS "
            "GetBucketLocation GetBucketLogging GetBucketObjectLockConfiguration GetBucketPolicy "
            "GetBucketRequestPayment GetBucketTagging GetBucketVersioning GetBucketWebsite "
            "GetEncryptionConfiguration GetLifecycleConfiguration GetReplicationConfiguration "
            "ListTagsForResource PutBucketTagging TagResource UntagResource",
        ),
        # The deployer may delete only from a bucket that is destroyed with its contents.
        on("arn:{partition}:s3:::{own}", "s3", "ListBucketVersions", when="forceDestroy"),
        on(OBJECTS, "s3", "DeleteObject DeleteObjectVersion", when="forceDestroy"),
    ),
    "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration": (on(BUCKET, "s3", "GetBucketCORS PutBucketCORS"),),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": (
        on(BUCKET, "s3", "GetLifecycleConfiguration PutLifecycleConfiguration"),
    ),
    "aws:s3/bucketNotification:BucketNotification": (on(BUCKET, "s3", "GetBucketNotification PutBucketNotification"),),
    "aws:s3/bucketObjectv2:BucketObjectv2": (
        on(OBJECTS, "s3", "PutObject GetObject GetObjectTagging DeleteObject"),
        on("arn:{partition}:s3:::{own}", "s3", "ListBucket"),
    ),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": (
        on(BUCKET, "s3", "GetBucketOwnershipControls PutBucketOwnershipControls"),
    ),
    "aws:s3/bucketPolicy:BucketPolicy": (on(BUCKET, "s3", "GetBucketPolicy PutBucketPolicy DeleteBucketPolicy"),),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": (
        on(BUCKET, "s3", "GetBucketPublicAccessBlock PutBucketPublicAccessBlock"),
    ),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": (
        on(BUCKET, "s3", "GetEncryptionConfiguration PutEncryptionConfiguration"),
    ),
    "aws:s3/bucketVersioning:BucketVersioning": (on(BUCKET, "s3", "GetBucketVersioning PutBucketVersioning"),),
    "aws:s3/bucketWebsiteConfiguration:BucketWebsiteConfiguration": (
        on(BUCKET, "s3", "GetBucketLocation GetBucketWebsite PutBucketWebsite DeleteBucketWebsite"),
    ),
    "aws:sfn/stateMachine:StateMachine": (
        on(
            STATE_MACHINE,
            "states",
            "CreateStateMachine DescribeStateMachine UpdateStateMachine DeleteStateMachine "
            "ListStateMachineVersions ListTagsForResource TagResource UntagResource",
        ),
        # It has AWS check the definition before it makes or changes the machine; that is no resource yet.
        on(ANYTHING, "states", "ValidateStateMachineDefinition"),
        pass_role("states.amazonaws.com"),
    ),
    "aws:sns/topic:Topic": (
        on(
            TOPIC,
            "sns",
            "CreateTopic GetTopicAttributes SetTopicAttributes DeleteTopic ListTagsForResource TagResource "
            "UntagResource",
        ),
    ),
    "aws:sns/topicPolicy:TopicPolicy": (on(TOPIC, "sns", "GetTopicAttributes SetTopicAttributes"),),
    "aws:sns/topicSubscription:TopicSubscription": (
        on(TOPIC, "sns", "Subscribe ListSubscriptionsByTopic"),
        on(ANYTHING, "sns", "GetSubscriptionAttributes SetSubscriptionAttributes Unsubscribe"),
    ),
    "aws:sqs/queue:Queue": (
        on(
            QUEUE,
            "sqs",
            "CreateQueue GetQueueUrl GetQueueAttributes SetQueueAttributes DeleteQueue ListQueueTags TagQueue "
            "UntagQueue",
        ),
    ),
    "aws:sqs/queuePolicy:QueuePolicy": (on(QUEUE, "sqs", "GetQueueAttributes SetQueueAttributes"),),
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": (on(QUEUE, "sqs", "GetQueueAttributes SetQueueAttributes"),),
    "aws:wafv2/webAcl:WebAcl": (
        on(
            WEB_ACL,
            "wafv2",
            "CreateWebACL GetWebACL UpdateWebACL DeleteWebACL ListTagsForResource TagResource UntagResource",
        ),
    ),
    "aws:wafv2/webAclAssociation:WebAclAssociation": (
        on(WEB_ACL, "wafv2", "AssociateWebACL GetWebACL GetWebACLForResource"),
        on(STAGES, "wafv2", "AssociateWebACL DisassociateWebACL GetWebACLForResource"),
        on(STAGES, "apigateway", "SetWebACL"),
    ),
}
