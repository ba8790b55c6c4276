"""GuestAccess alone."""

from typing import Any, cast

import pulumi

from components.guest_access import GuestAccess, GuestAccessArgs
from tests.recording import Record, record

GUEST = "${cognito-identity.amazonaws.com:sub}"


def guest_access(**arguments: Any) -> Record:
    def program() -> None:
        bucket, table = (
            {"name": "pictures", "arn": "arn:aws:s3:::pictures"},
            {"name": "results", "arn": "arn:aws:dynamodb:eu-west-1:1:table/results"},
        )
        args = {"bucket": bucket | arguments, "table": table}
        pulumi.export("pool", GuestAccess("guests", cast(GuestAccessArgs, args)).identity_pool_id)

    return record(program)


def test_guest_may_work_with_his_own_pictures_and_results_alone() -> None:
    assert guest_access().single("aws:iam/rolePolicy:RolePolicy").policy()["Statement"] == [
        {
            "Effect": "Allow",
            "Action": ["s3:PutObject", "s3:GetObject"],
            "Resource": f"arn:aws:s3:::pictures/uploads/{GUEST}/*",
        },
        {
            "Effect": "Allow",
            "Action": ["dynamodb:GetItem"],
            "Resource": "arn:aws:dynamodb:eu-west-1:1:table/results",
            "Condition": {
                "ForAllValues:StringLike": {"dynamodb:LeadingKeys": f"IMAGE#uploads/{GUEST}/*"},
                "Null": {"dynamodb:LeadingKeys": "false"},
            },
        },
    ]


def test_guest_may_use_the_buckets_key() -> None:
    statements = guest_access(kms_key_arn="arn:key").single("aws:iam/rolePolicy:RolePolicy").policy()["Statement"]

    assert statements[-1] == {
        "Effect": "Allow",
        "Action": ["kms:GenerateDataKey", "kms:Decrypt"],
        "Resource": "arn:key",
    }


def test_role_is_for_guests_of_this_pool() -> None:
    recorded = guest_access()

    (statement,) = recorded.single("aws:iam/role:Role").policy("assumeRolePolicy")["Statement"]
    assert statement["Principal"] == {"Federated": "cognito-identity.amazonaws.com"}
    assert statement["Action"] == ["sts:AssumeRoleWithWebIdentity"]
    assert statement["Condition"] == {
        "StringEquals": {"cognito-identity.amazonaws.com:aud": recorded.outputs["pool"]},
        "ForAnyValue:StringLike": {"cognito-identity.amazonaws.com:amr": "unauthenticated"},
    }


def test_pool_gives_guests_that_role_and_lets_nobody_choose_another() -> None:
    recorded = guest_access()

    pool = recorded.single("aws:cognito/identityPool:IdentityPool").inputs
    assert (pool["allowUnauthenticatedIdentities"], pool["allowClassicFlow"]) == (True, False)
    attached = recorded.single("aws:cognito/identityPoolRoleAttachment:IdentityPoolRoleAttachment")
    assert list(attached.inputs["roles"]) == ["unauthenticated"]
    assert attached.inputs["roles"]["unauthenticated"].endswith(":role/guests-0a1b2c3")
    assert "guests-policy" in attached.dependencies
