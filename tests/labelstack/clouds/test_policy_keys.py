"""Variables and leading keys in policies of the embedded cloud, by what guests may do under them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from labelstack.clouds import EmbeddedCloud

pytestmark = pytest.mark.abuse

ROOT = Path(__file__).resolve().parents[3]
GUEST = "${cognito-identity.amazonaws.com:sub}"


@dataclass(frozen=True)
class Guest:
    """Somebody with credentials of an identity pool."""

    id: str
    client: Callable[[str], Any]


@dataclass(frozen=True)
class Pool:
    """A pool whose guests may use keys below their id in a bucket and a table of one name."""

    id: str
    name: str
    cloud: EmbeddedCloud

    def guest(self) -> Guest:
        cognito = self.cloud.client("cognito-identity")
        identity = cognito.get_id(IdentityPoolId=self.id)["IdentityId"]
        credentials = cognito.get_credentials_for_identity(IdentityId=identity)["Credentials"]
        session: Any = boto3.Session(
            credentials["AccessKeyId"],
            credentials["SecretKey"],
            credentials["SessionToken"],
            region_name=self.cloud.region,
        )
        config = Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}, proxies={})
        return Guest(
            identity, lambda service: session.client(service, endpoint_url=self.cloud.endpoint_url, config=config)
        )


@pytest.fixture(scope="module")
def pool(cloud: EmbeddedCloud, numbers: Iterator[int]) -> Iterator[Pool]:
    """Yield a pool of guests."""
    name, cognito, iam = f"guests-{next(numbers)}", cloud.client("cognito-identity"), cloud.client("iam")
    cloud.client("s3").create_bucket(Bucket=name)
    keys = {"pk": "HASH", "sk": "RANGE"}
    cloud.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
        KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in keys.items()],
    )
    condition = {
        "ForAllValues:StringLike": {"dynamodb:LeadingKeys": [f"IMAGE#{GUEST}/*"]},
        "Null": {"dynamodb:LeadingKeys": "false"},
    }
    table = f"arn:aws:dynamodb:{cloud.region}:000000000000:table/{name}"
    statements = [
        {"Effect": "Allow", "Action": ["s3:PutObject"], "Resource": f"arn:aws:s3:::{name}/{GUEST}/*"},
        {
            "Effect": "Allow",
            "Action": ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan", "dynamodb:BatchGetItem"],
            "Resource": table,
            "Condition": condition,
        },
    ]
    trust = {"Effect": "Allow", "Principal": {"Federated": "cognito-identity.amazonaws.com"}, "Action": "sts:*"}
    role = iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )["Role"]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=policy)
    pool_id = cognito.create_identity_pool(IdentityPoolName=name, AllowUnauthenticatedIdentities=True)["IdentityPoolId"]
    cognito.set_identity_pool_roles(IdentityPoolId=pool_id, Roles={"unauthenticated": role["Arn"]})
    yield Pool(pool_id, name, cloud)
    cognito.delete_identity_pool(IdentityPoolId=pool_id)
    iam.delete_role_policy(RoleName=name, PolicyName="own")
    iam.delete_role(RoleName=name)
    cloud.client("dynamodb").delete_table(TableName=name)
    s3 = cloud.client("s3")
    for entry in s3.list_objects_v2(Bucket=name).get("Contents", []):
        s3.delete_object(Bucket=name, Key=entry["Key"])
    s3.delete_bucket(Bucket=name)


def refused(call: Callable[[], object]) -> bool:
    """Return whether a call is denied; other errors are raised."""
    try:
        call()
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("AccessDenied", "AccessDeniedException"):
            raise
        return True
    return False


def item(identity: str) -> dict[str, dict[str, str]]:
    return {"pk": {"S": f"IMAGE#{identity}/cat.png"}, "sk": {"S": "META"}}


def test_a_guest_writes_below_his_own_id_alone(pool: Pool) -> None:
    first, other = pool.guest(), pool.guest()
    key = f"{first.id}/cat.png"

    assert not refused(lambda: first.client("s3").put_object(Bucket=pool.name, Key=key, Body=b"x"))
    assert refused(lambda: other.client("s3").put_object(Bucket=pool.name, Key=key, Body=b"x"))
    assert refused(lambda: first.client("s3").put_object(Bucket=pool.name, Key="cat.png", Body=b"x"))


def test_a_variable_is_no_name_that_can_be_written(pool: Pool) -> None:
    guest = pool.guest()

    assert refused(lambda: guest.client("s3").put_object(Bucket=pool.name, Key=f"{GUEST}/cat.png", Body=b"x"))


def test_a_guest_reads_items_of_his_own_id_alone(pool: Pool) -> None:
    first, other = pool.guest(), pool.guest()

    assert not refused(lambda: first.client("dynamodb").get_item(TableName=pool.name, Key=item(first.id)))
    assert refused(lambda: other.client("dynamodb").get_item(TableName=pool.name, Key=item(first.id)))


def test_a_guest_queries_his_own_partition_alone(pool: Pool) -> None:
    guest = pool.guest()

    def query(identity: str) -> object:
        return guest.client("dynamodb").query(
            TableName=pool.name,
            KeyConditionExpression="#p = :p",
            ExpressionAttributeNames={"#p": "pk"},
            ExpressionAttributeValues={":p": item(identity)["pk"]},
        )

    assert not refused(lambda: query(guest.id))
    assert refused(lambda: query("somebody"))


def test_a_request_that_names_no_key_is_refused(pool: Pool) -> None:
    guest = pool.guest()
    batch = {pool.name: {"Keys": [item(guest.id)]}}

    assert refused(lambda: guest.client("dynamodb").scan(TableName=pool.name))
    assert refused(lambda: guest.client("dynamodb").batch_get_item(RequestItems=batch))


@contextmanager
def user_allowed(cloud: EmbeddedCloud, name: str, **statement: Any) -> Iterator[Any]:
    """Yield a session of a user with one statement."""
    iam = cloud.client("iam")
    iam.create_user(UserName=name)
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*", **statement}]}
    iam.put_user_policy(UserName=name, PolicyName="use", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    try:
        yield boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=cloud.region)
    finally:
        iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
        iam.delete_user_policy(UserName=name, PolicyName="use")
        iam.delete_user(UserName=name)


def test_batches_of_sqs_need_the_right_of_a_single_message(cloud: EmbeddedCloud, numbers: Iterator[int]) -> None:
    sqs, name = cloud.client("sqs"), f"batches-{next(numbers)}"
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    with user_allowed(cloud, name, Action=["sqs:SendMessage", "sqs:DeleteMessage"]) as session:
        user = session.client("sqs", endpoint_url=cloud.endpoint_url, config=Config(proxies={}))
        sent = user.send_message_batch(QueueUrl=queue, Entries=[{"Id": "1", "MessageBody": "x"}])
        received = sqs.receive_message(QueueUrl=queue)["Messages"][0]["ReceiptHandle"]
        entries = [{"Id": "1", "ReceiptHandle": received}]
        assert not sent.get("Failed")
        assert refused(lambda: user.change_message_visibility_batch(QueueUrl=queue, Entries=entries))
        assert not user.delete_message_batch(QueueUrl=queue, Entries=entries).get("Failed")
    sqs.delete_queue(QueueUrl=queue)


@pytest.mark.parametrize(("address", "expected"), [("127.0.0.1", False), ("203.0.113.1", True)])
def test_an_address_in_a_header_is_not_the_sender_s(
    cloud: EmbeddedCloud, numbers: Iterator[int], address: str, expected: bool
) -> None:
    condition = {"IpAddress": {"aws:SourceIp": address}}
    name = f"address-{next(numbers)}"
    with user_allowed(cloud, name, Action="s3:ListAllMyBuckets", Condition=condition) as session:
        user = session.client("s3", endpoint_url=cloud.endpoint_url, config=Config(proxies={}))
        claim = {"X-Forwarded-For": "203.0.113.1"}
        user.meta.events.register("before-send", lambda request, **_: request.headers.update(claim))

        assert refused(user.list_buckets) is expected


def test_leading_keys_of_requests() -> None:
    query = {"TableName": "t", "KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": {":p": {"S": "a"}}}
    longer = {"KeyConditionExpression": "pk = :p AND begins_with(sk, :s)"}
    keys_of_bodies: list[tuple[Any, list[str]]] = [
        ({"TableName": "t", "Key": {"pk": {"S": "a"}, "sk": {"S": "b"}}}, ["a"]),
        ({"TableName": "t", "Item": {"pk": {"S": "a"}, "n": {"N": "1"}}}, ["a"]),
        ({**query, **longer, "ExpressionAttributeValues": {":p": {"S": "a"}, ":s": {"S": "b"}}}, ["a"]),
        ({**query, "IndexName": "i"}, []),
        ({"TableName": "t"}, []),
        ({"TableName": "unknown", "Key": {"pk": {"S": "a"}}}, []),
        ([], []),
    ]
    code = (
        "import json, sys\nfrom labelstack.clouds.policy_keys import leading_keys\n"
        "def keys(body): return leading_keys(json.dumps(body).encode(), lambda table: 'pk' if table == 't' else None)\n"
        "print(json.dumps([list(keys(body)) for body in json.loads(sys.argv[1])]))"
    )
    bodies = json.dumps([body for body, _ in keys_of_bodies])

    # In a separate process, because importing ministack changes its process.
    done = subprocess.run([sys.executable, "-c", code, bodies], cwd=ROOT, capture_output=True, text=True, check=True)

    assert json.loads(done.stdout) == [keys for _, keys in keys_of_bodies]
