"""GuestAccess: the AWS rights of a page's visitor, without an API and without an account."""

from typing import Annotated

import pulumi
import pulumi_aws as aws
from pydantic import Field

from . import access, references
from .arguments import derive
from .component import RANDOM_SUFFIX, Component, TaggedArgs
from .policies import Statement, document
from .previews import Previews
from .references import BucketReference, DataArgs, TableReference

UPLOADS = "uploads/"
UploadPrefix = Annotated[
    pulumi.Input[str],
    # One folder: labels are counted for each first folder of the bucket.
    Field(
        UPLOADS, pattern=r"^[^/\s][^/]*/$", max_length=200, description="one folder with a / at its end, as uploads/"
    ),
]


class PrefixArgs(TaggedArgs, total=False):
    """Arguments of the components through which people upload."""

    upload_prefix: UploadPrefix
    """The folder for uploads, and the only one that the API shows."""


class GuestAccessArgs(PrefixArgs, DataArgs, total=False):
    """Arguments of GuestAccess."""

    previews: Previews | BucketReference | None
    """The `Previews` of the pictures, or their bucket's name and ARN: guests see those of their own pictures."""


class GuestAccess(Component):
    """An identity pool for guests.

    A guest may put and get the objects below `<upload_prefix><identity id>/`, and read the results of these keys one by
    one: no other guest's pictures and results, no list, no search, no deletion. (Search and counts have keys that all
    pictures share, so IAM cannot divide them.)

    The flow that is on here limits guests to a few services, S3 and DynamoDB among them. The other flow, which does
    not, is off.
    https://docs.aws.amazon.com/cognito/latest/developerguide/iam-roles.html#access-policies-scope-down-services
    """

    name_limit = 64 - RANDOM_SUFFIX

    identity_pool_id: pulumi.Output[str]
    """The identity pool's id."""
    role_name: pulumi.Output[str]
    """The name of the guests' role."""

    def __init__(self, name: str, args: GuestAccessArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        checked = self._start(name, args, opts)
        pool = aws.cognito.IdentityPool(
            name,
            identity_pool_name=f"{name}-{pulumi.get_stack()}",
            allow_unauthenticated_identities=True,
            allow_classic_flow=False,
            opts=self._child,
        )
        issuer = derive(_issuer, self._partition(), self._region())
        trusted = Statement(
            actions=["sts:AssumeRoleWithWebIdentity"],
            principal={"Federated": issuer},
            condition=issuer.apply(
                lambda known: {
                    "StringEquals": {f"{known}:aud": pool.id},
                    "ForAnyValue:StringLike": {f"{known}:amr": "unauthenticated"},
                }
            ),
        )
        self.role = aws.iam.Role(name, assume_role_policy=document([trusted]), opts=self._child)
        rights = document(_guest_statements(checked, issuer))
        policy = aws.iam.RolePolicy(f"{name}-policy", role=self.role.name, policy=rights, opts=self._child)
        aws.cognito.IdentityPoolRoleAttachment(
            name,
            identity_pool_id=pool.id,
            roles={"unauthenticated": self.role.arn},
            opts=self._with(pool, policy),
        )
        self.identity_pool_id, self.role_name = pool.id, self.role.name
        self.register_outputs({"identityPoolId": self.identity_pool_id})


def _issuer(partition: str, region: str) -> str:
    """Return the name that Cognito's identities have in policies.

    docs.aws.amazon.com/govcloud-us/latest/UserGuide/govcloud-cog.html; in China it has the region in it.
    """
    if partition == "aws-us-gov":
        return "cognito-identity-us-gov.amazonaws.com"
    return f"cognito-identity.{region}.amazonaws.com.cn" if partition == "aws-cn" else "cognito-identity.amazonaws.com"


def _guest_statements(args: GuestAccessArgs, issuer: pulumi.Output[str]) -> list[Statement]:
    """Return the rights of a guest."""
    bucket, table = references.bucket(args["bucket"]), references.read(args["table"], TableReference)
    guest = pulumi.Output.concat("${", issuer, ":sub}")  # in a policy: the id of the guest that asks
    own_objects = pulumi.Output.concat(bucket.arn, "/", args["upload_prefix"], guest, "/*")
    statements = [
        Statement(["s3:PutObject", "s3:GetObject"], [own_objects]),
        access.on_items(table["arn"], pulumi.Output.concat("IMAGE#", args["upload_prefix"], guest, "/*"), "GetItem"),
    ]
    if args["previews"] is not None:
        previews = references.bucket(args["previews"])
        own_previews = pulumi.Output.concat(previews.arn, "/previews/", args["upload_prefix"], guest, "/*")
        statements.append(Statement(["s3:GetObject"], [own_previews]))
    if bucket.kms_key_arn is not None:
        statements.append(Statement(["kms:GenerateDataKey", "kms:Decrypt"], [bucket.kms_key_arn]))
    return statements
