"""GuestAccess: what a visitor of the page may do with AWS by himself, without an API and without an account."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.policies import Statement, document
from components.tagging import tags

COGNITO = "cognito-identity.amazonaws.com"
GUEST = "${cognito-identity.amazonaws.com:sub}"  # in a policy: the id of the guest that asks


@dataclass(frozen=True)
class GuestAccessArgs:
    """Arguments of GuestAccess; guests work below `upload_prefix`, each below a part of it that has his id."""

    bucket_arn: pulumi.Input[str]
    table_arn: pulumi.Input[str]
    upload_prefix: str
    bucket_kms_key_arn: pulumi.Input[str] | None = None


class GuestAccess(pulumi.ComponentResource):
    """An identity pool for guests.

    A guest may put and get the objects below `<upload_prefix><his id>/`, and read the results of these keys one by one:
    nobody else's pictures and results, no list, no search, no deletion. (Search and counts are kept under names that
    all pictures share, so they cannot be given to one without giving them all.)

    In the flow that is allowed here, AWS narrows what guests can be given to a few services, S3 and DynamoDB among
    them. The other flow, where it does not, is off.
    https://docs.aws.amazon.com/cognito/latest/developerguide/iam-roles.html#access-policies-scope-down-services
    """

    identity_pool_id: pulumi.Output[str]
    role: aws.iam.Role

    def __init__(self, name: str, args: GuestAccessArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("labelstack:components:GuestAccess", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        pool = aws.cognito.IdentityPool(
            name,
            identity_pool_name=f"{name}-{pulumi.get_stack()}",
            allow_unauthenticated_identities=True,
            allow_classic_flow=False,
            tags=tags(name),
            opts=child,
        )
        trusted = Statement(
            actions=["sts:AssumeRoleWithWebIdentity"],
            principal={"Federated": COGNITO},
            condition={
                "StringEquals": {f"{COGNITO}:aud": pool.id},
                "ForAnyValue:StringLike": {f"{COGNITO}:amr": "unauthenticated"},
            },
        )
        self.role = aws.iam.Role(name, assume_role_policy=document([trusted]), tags=tags(name), opts=child)
        policy = aws.iam.RolePolicy(
            f"{name}-policy", role=self.role.name, policy=document(guest_statements(args)), opts=child
        )
        aws.cognito.IdentityPoolRoleAttachment(
            name,
            identity_pool_id=pool.id,
            roles={"unauthenticated": self.role.arn},
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
        )
        self.identity_pool_id = pool.id
        self.register_outputs({"identityPoolId": self.identity_pool_id})


def guest_statements(args: GuestAccessArgs) -> list[Statement]:
    """What a guest may do."""
    own_objects = pulumi.Output.concat(args.bucket_arn, "/", args.upload_prefix, GUEST, "/*")
    statements = [
        Statement(["s3:PutObject", "s3:GetObject"], [own_objects]),
        Statement(
            ["dynamodb:GetItem"],
            [args.table_arn],
            condition={
                "ForAllValues:StringLike": {"dynamodb:LeadingKeys": f"IMAGE#{args.upload_prefix}{GUEST}/*"},
                # Without it a request that names no key would pass: all of no values are alike.
                "Null": {"dynamodb:LeadingKeys": "false"},
            },
        ),
    ]
    if args.bucket_kms_key_arn is not None:
        statements.append(Statement(["kms:GenerateDataKey", "kms:Decrypt"], [args.bucket_kms_key_arn]))
    return statements
