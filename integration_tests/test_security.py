"""Nobody may do more than allowed: with upload URLs, from other origins, as a guest."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import boto3
import pytest
import urllib3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from integration_tests.api import ApiClient, Reply
from integration_tests.pictures import picture
from integration_tests.stack import DeployedStack, wait_for
from integration_tests.test_least_privilege import Role
from labelstack.clouds import EmbeddedCloud

pytestmark = pytest.mark.abuse

ANOTHER_ORIGIN = "https://elsewhere.example"


def s3_code(reply: Reply) -> tuple[int, str]:
    """Return status and error code of an answer of S3."""
    text = reply.body.decode()
    return reply.status, text.partition("<Code>")[2].partition("</Code>")[0]


def origin_of(stack: DeployedStack) -> str:
    """Return the page's web origin."""
    return "/".join(str(stack.outputs["websiteUrl"]).split("/")[:3])


def from_elsewhere(stack: DeployedStack) -> dict[str, str]:
    """Return headers of another site's page that the embedded cloud's door lets pass, so that the stack judges it."""
    owner = stack.cloud.owner_headers() if isinstance(stack.cloud, EmbeddedCloud) else {}
    return {"Origin": ANOTHER_ORIGIN, **owner}


# --- upload URLs


def test_upload_url_takes_one_picture_once(api: ApiClient) -> None:
    body = picture("once")
    grant = api.grant(len(body))

    assert api.put(grant, body).status == 200
    assert s3_code(api.put(grant, body)) == (412, "PreconditionFailed")


@pytest.mark.parametrize("content_type", ["text/html", "image/svg+xml", "image/x-icon", "application/octet-stream", ""])
def test_other_content_types_are_refused(api: ApiClient, content_type: str) -> None:
    reply = api.post("/generate-upload-url", {"fileName": "a", "contentType": content_type, "sizeBytes": 8})

    assert reply.problem == (400, "INVALID_REQUEST")


def test_more_than_100_mb_are_refused(api: ApiClient) -> None:
    body = {"fileName": "a.jpg", "contentType": "image/jpeg", "sizeBytes": 100 * 1024 * 1024 + 1}

    assert api.post("/generate-upload-url", body).problem == (400, "INVALID_REQUEST")


@pytest.mark.needs("presigned_signatures")
@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"x" * 101, {}),
        (b"x" * 99, {}),
        (b"", {}),
        (b"x" * 100, {"Content-Type": "text/html"}),
        (b"x" * 100, {"If-None-Match": '"other"'}),
    ],
    ids=["longer", "shorter", "empty", "another type", "another condition"],
)
def test_another_upload_than_the_signed_one_is_refused(api: ApiClient, body: bytes, headers: dict[str, str]) -> None:
    assert s3_code(api.put(api.grant(100), body, headers)) == (403, "SignatureDoesNotMatch")


@pytest.mark.needs("presigned_signatures")
@pytest.mark.parametrize(
    "key",
    [
        "uploads/mine.jpg",
        "uploads/../private/a.jpg",
        "../private/a.jpg",
        "private/a.jpg",
        "/uploads/a.jpg",
        "uploads//a.jpg",
    ],
)
def test_keys_cannot_be_chosen(api: ApiClient, key: str) -> None:
    body = picture("key")
    grant = api.grant(len(body))
    url = grant["url"].replace(grant["key"], key)

    assert api.put({**grant, "url": url}, body).status in (400, 403)


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "..",
        "/",
        "a/../../b",
        "..\\..\\b.jpg",
        "%2e%2e%2fb",
        "a\x00b",
        "${filename}",
        "<b>.jpg",
        "\u202e",
    ],
)
def test_file_names_cannot_escape(api: ApiClient, name: str) -> None:
    key = api.grant(8, name)["key"]

    folder, random, last = key.split("/")
    assert folder == "uploads"
    assert len(random) == 32
    assert last not in ("", ".", "..")
    assert not set(last) & set('<>"&%\\\x00')


def test_each_upload_url_has_a_key_of_its_own(api: ApiClient) -> None:
    assert len({api.grant(8, "same.jpg")["key"] for _ in range(5)}) == 5


def test_a_link_shows_the_version_that_was_judged(stack: DeployedStack, api: ApiClient) -> None:
    judged, later = picture("judged"), picture("later")
    key = api.upload(judged)
    first = api.wait_for_result(key)
    link = api.get("/image-url", {"key": key}).json["url"]

    stack.client("s3").put_object(Bucket=stack.outputs["uploadBucket"], Key=key, Body=later)

    wait_for(
        "a result of the later version",
        lambda: api.get("/result", {"key": key}).json,
        lambda result: result["versionId"] != first["versionId"],
    )
    assert api.pool.request("GET", link).data == judged
    assert api.pool.request("GET", api.get("/image-url", {"key": key}).json["url"]).data == later


@pytest.mark.needs("presigned_signatures")
def test_expired_and_altered_upload_urls_are_refused(api: ApiClient) -> None:
    body = picture("altered")
    grant = api.grant(len(body))
    url = grant["url"]
    date, signature = (re.search(rf"{name}=(\w+)", url) for name in ("X-Amz-Date", "X-Amz-Signature"))
    assert date
    assert signature
    other = signature[1][:-1] + ("0" if signature[1][-1] != "0" else "1")

    for changed in (
        url.replace("X-Amz-Expires=300", "X-Amz-Expires=3000"),
        url.replace(date[1], "20200101T000000Z"),
        url.replace(signature[1], other),
        url.replace("content-length%3B", ""),
        url.replace("%3Bif-none-match", ""),
        url.partition("?")[0],
    ):
        assert changed != url
        assert api.put({**grant, "url": changed}, body).status in (400, 403), changed


@pytest.mark.needs("iam_enforced")
def test_nobody_reads_or_writes_the_bucket_without_credentials(api: ApiClient) -> None:
    body = picture("private")
    grant = api.grant(len(body))
    assert api.put(grant, body).status == 200
    address = grant["url"].partition("?")[0]
    bucket = address.removesuffix(quote(grant["key"]))

    for method, url in (("GET", address), ("PUT", address), ("DELETE", address), ("GET", bucket)):
        assert api.pool.request(method, url).status == 403, (method, url)


# --- other origins


@pytest.mark.parametrize("which", ["stack", "guest_stack"], ids=["rest", "http"])
def test_answers_are_readable_for_the_page_alone(request: pytest.FixtureRequest, which: str) -> None:
    stack = request.getfixturevalue(which)
    client: ApiClient = request.getfixturevalue("api" if which == "stack" else "signed_api")

    own = client.get("/health", Origin=origin_of(stack))
    foreign = client.send("GET", "/health", headers=from_elsewhere(stack))

    assert own.headers["access-control-allow-origin"] == origin_of(stack)
    assert foreign.headers.get("access-control-allow-origin") not in ("*", ANOTHER_ORIGIN)


@pytest.mark.parametrize("path", ["/generate-upload-url", "/images", "/nowhere"])
def test_preflights_of_other_origins_are_not_granted(stack: DeployedStack, api: ApiClient, path: str) -> None:
    preflight = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}

    foreign = api.send("OPTIONS", path, headers={**from_elsewhere(stack), **preflight})

    assert foreign.headers.get("access-control-allow-origin") not in ("*", ANOTHER_ORIGIN)


@pytest.mark.needs("iam_enforced", "gateway_responses")
def test_gateways_own_errors_are_readable_for_the_page_alone(stack: DeployedStack, api: ApiClient) -> None:
    reply = api.send("DELETE", "/images", query="key=uploads/a", headers=from_elsewhere(stack))

    assert reply.problem == (401, "UNAUTHORIZED")
    assert reply.headers["access-control-allow-origin"] == origin_of(stack)


def test_bucket_grants_the_page_alone(stack: DeployedStack, api: ApiClient) -> None:
    url = api.grant(8)["url"]

    def preflight(origin: str) -> Reply:
        headers = {**from_elsewhere(stack), "Origin": origin, "Access-Control-Request-Method": "PUT"}
        answer = api.pool.request("OPTIONS", url, headers=headers)
        return Reply(answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.data)

    assert preflight(origin_of(stack)).headers["access-control-allow-origin"] == origin_of(stack)
    refused = preflight(ANOTHER_ORIGIN)
    assert refused.status == 403
    assert "access-control-allow-origin" not in refused.headers


# --- guests


@dataclass(frozen=True)
class Guest:
    """A visitor of the page without an account, and what he can call."""

    id: str
    credentials: Credentials
    endpoint_url: str | None
    region: str

    def client(self, service: str) -> Any:
        """Return a client with the guest's credentials."""
        return boto3.client(
            service,  # type: ignore[call-overload]  # the stubs know only literal names
            endpoint_url=self.endpoint_url,
            region_name=self.region,
            aws_access_key_id=self.credentials.access_key,
            aws_secret_access_key=self.credentials.secret_key,
            aws_session_token=self.credentials.token,
            config=Config(retries={"total_max_attempts": 1}),
        )


def enter(stack: DeployedStack) -> Guest:
    """Become a guest, as the page does."""
    cognito = boto3.client(
        "cognito-identity",
        endpoint_url=stack.cloud.endpoint_url,
        region_name=stack.cloud.region,
        config=Config(signature_version=UNSIGNED),
    )
    identity = cognito.get_id(IdentityPoolId=stack.outputs["identityPoolId"])["IdentityId"]
    answer = cognito.get_credentials_for_identity(IdentityId=identity)["Credentials"]
    credentials = Credentials(answer["AccessKeyId"], answer["SecretKey"], answer["SessionToken"])
    return Guest(identity, credentials, stack.cloud.endpoint_url, stack.cloud.region)


@pytest.fixture(scope="module")
def guest(guest_stack: DeployedStack) -> Guest:
    """Return a guest."""
    return enter(guest_stack)


@pytest.fixture(scope="module")
def neighbour(guest_stack: DeployedStack) -> str:
    """Return the key of another guest's picture, labelled."""
    other = enter(guest_stack)
    key = f"uploads/{other.id}/1/private.jpg"
    guest_stack.wait_for_result(guest_stack.upload(key, picture("neighbour")))
    return key


def refused(call: Callable[..., object], **arguments: Any) -> bool:
    """Return whether IAM refuses a call; any other outcome fails the test."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    answer = caught.value.response
    code = answer["Error"].get("Code", "")
    assert code in {"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation", "403"}, (
        answer
    )
    return True


def test_guest_uploads_and_reads_his_own(guest_stack: DeployedStack, guest: Guest) -> None:
    bucket, table = guest_stack.outputs["uploadBucket"], guest_stack.outputs["resultsTable"]
    key, body = f"uploads/{guest.id}/1/own.jpg", picture("own")
    guest.client("s3").put_object(Bucket=bucket, Key=key, Body=body, ContentType="image/jpeg")
    dynamodb = guest.client("dynamodb")

    item = wait_for(
        "the guest's own result",
        lambda: dynamodb.get_item(TableName=table, Key={"pk": {"S": f"IMAGE#{key}"}, "sk": {"S": "META"}}).get("Item"),
        bool,
    )

    assert item["status"] == {"S": "LABELED"}
    assert guest.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read() == body


def test_guest_cannot_touch_other_objects(guest_stack: DeployedStack, guest: Guest, neighbour: str) -> None:
    s3, bucket = guest.client("s3"), guest_stack.outputs["uploadBucket"]
    own = f"uploads/{guest.id}/2/own.jpg"
    s3.put_object(Bucket=bucket, Key=own, Body=picture("own 2"))

    dynamodb, table = guest.client("dynamodb"), guest_stack.outputs["resultsTable"]
    spelled = (neighbour.upper(), f"/{neighbour}", neighbour.replace("/", "//", 1), neighbour.replace("/1/", "/1/./"))
    escaped = (
        f"uploads/{guest.id}%2f..%2f{neighbour}",
        f"uploads/{guest.id}\\..\\{neighbour}",
        "uploads/*/1/private.jpg",
    )
    outside = (
        "a.jpg",
        "uploads/a.jpg",
        f"uploads/{guest.id}x/a.jpg",
        f"uploads/{guest.id}",
        f"private/{guest.id}/a.jpg",
    )
    for key in (neighbour, *spelled, *escaped, *outside, "uploads/${cognito-identity.amazonaws.com:sub}/a.jpg"):
        assert refused(s3.put_object, Bucket=bucket, Key=key, Body=b"x")
        assert refused(s3.get_object, Bucket=bucket, Key=key)
        place = {"pk": {"S": f"IMAGE#{key}"}, "sk": {"S": "META"}}
        assert refused(dynamodb.get_item, TableName=table, Key=place)
    # S3 takes a key as it is written: this is another one than the neighbour's.
    climbing = f"uploads/{guest.id}/../{neighbour.removeprefix('uploads/')}"
    s3.put_object(Bucket=bucket, Key=climbing, Body=b"x")
    assert guest_stack.client("s3").get_object(Bucket=bucket, Key=neighbour)["Body"].read() == picture("neighbour")
    link = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": neighbour})
    assert urllib3.request("GET", link, retries=False).status == 403
    for key in (neighbour, own):
        form = s3.generate_presigned_post(bucket, key)
        fields = {**form["fields"], "key": neighbour, "file": ("a", b"x")}
        assert urllib3.request("POST", form["url"], fields=fields, retries=False).status == 403
    assert refused(s3.create_multipart_upload, Bucket=bucket, Key=neighbour)
    assert refused(s3.delete_objects, Bucket=bucket, Delete={"Objects": [{"Key": neighbour}]})
    assert refused(s3.put_object_tagging, Bucket=bucket, Key=own, Tagging={"TagSet": []})
    assert refused(s3.get_object_attributes, Bucket=bucket, Key=neighbour, ObjectAttributes=["ETag"])
    assert refused(s3.delete_object, Bucket=bucket, Key=own)
    assert refused(s3.delete_object, Bucket=bucket, Key=neighbour)
    assert refused(s3.list_objects_v2, Bucket=bucket)
    assert refused(s3.list_object_versions, Bucket=bucket)
    assert refused(s3.copy_object, Bucket=bucket, Key=own, CopySource={"Bucket": bucket, "Key": neighbour})
    assert refused(s3.get_bucket_policy, Bucket=bucket)
    assert refused(s3.put_object, Bucket=guest_stack.outputs["websiteBucket"], Key="index.html", Body=b"x")
    assert refused(s3.list_buckets)


def test_guest_cannot_read_or_write_other_results(guest_stack: DeployedStack, guest: Guest, neighbour: str) -> None:
    dynamodb, table = guest.client("dynamodb"), guest_stack.outputs["resultsTable"]
    own = {"pk": {"S": f"IMAGE#uploads/{guest.id}/1/own.jpg"}, "sk": {"S": "META"}}
    other = {"pk": {"S": f"IMAGE#{neighbour}"}, "sk": {"S": "META"}}
    counters = {"pk": {"S": "LABELCOUNTS"}, "sk": {"S": "uploads/#00"}}
    of_own, in_index = {":pk": own["pk"]}, {":pk": {"S": "STATUS#LABELED"}}

    assert refused(dynamodb.get_item, TableName=table, Key=other)
    assert refused(dynamodb.get_item, TableName=table, Key=counters)
    for partition in (
        "CURSORKEYS",
        f"ATTEMPT#uploads/{guest.id}/1/own.jpg",
        f"IMAGE#uploads/{guest.id}",
        "CONTENT#e#1",
    ):
        assert refused(dynamodb.get_item, TableName=table, Key={"pk": {"S": partition}, "sk": {"S": "META"}})
    assert refused(dynamodb.batch_get_item, RequestItems={table: {"Keys": [own, other]}})
    assert refused(dynamodb.transact_get_items, TransactItems=[{"Get": {"TableName": table, "Key": other}}])
    assert refused(dynamodb.scan, TableName=table)
    for values, index in ((of_own, {}), (in_index, {"IndexName": "gsi2"})):
        names = {"KeyConditionExpression": f"{'gsi2pk' if index else 'pk'} = :pk", "ExpressionAttributeValues": values}
        assert refused(dynamodb.query, TableName=table, **names, **index)
    assert refused(dynamodb.put_item, TableName=table, Item=own)
    assert refused(dynamodb.delete_item, TableName=table, Key=own)
    assert refused(
        dynamodb.update_item,
        TableName=table,
        Key=own,
        UpdateExpression="SET a = :a",
        ExpressionAttributeValues={":a": {"S": "x"}},
    )
    assert refused(dynamodb.execute_statement, Statement=f'SELECT * FROM "{table}"')
    assert refused(dynamodb.describe_table, TableName=table)


@pytest.mark.parametrize(
    ("service", "operation", "arguments"),
    [
        ("sqs", "send_message", {"QueueUrl": "{queueUrl}", "MessageBody": "{}"}),
        ("sqs", "receive_message", {"QueueUrl": "{queueUrl}"}),
        ("sqs", "purge_queue", {"QueueUrl": "{deadLetterQueueUrl}"}),
        ("lambda", "invoke", {"FunctionName": "{processorFunction}"}),
        ("lambda", "get_function", {"FunctionName": "{processorFunction}"}),
        ("lambda", "list_functions", {}),
        ("logs", "describe_log_groups", {}),
        ("iam", "list_roles", {}),
        ("iam", "create_user", {"UserName": "guest"}),
        ("apigatewayv2", "get_apis", {}),
        ("apigateway", "get_api_keys", {"includeValues": True}),
        ("cognito-identity", "delete_identity_pool", {"IdentityPoolId": "{identityPoolId}"}),
        ("rekognition", "detect_labels", {"Image": {"Bytes": b"x"}}),
        ("sns", "list_topics", {}),
        ("secretsmanager", "list_secrets", {}),
        ("ssm", "describe_parameters", {}),
        ("cloudwatch", "describe_alarms", {}),
        ("sts", "get_session_token", {}),
        ("sts", "assume_role", {"RoleArn": "arn:aws:iam::000000000000:role/any", "RoleSessionName": "guest"}),
        ("cognito-identity", "list_identities", {"IdentityPoolId": "{identityPoolId}", "MaxResults": 10}),
        ("cognito-identity", "describe_identity", {"IdentityId": "us-east-1:00000000-0000-0000-0000-000000000000"}),
        ("rekognition", "detect_labels", {"Image": {"S3Object": {"Bucket": "{uploadBucket}", "Name": "a.jpg"}}}),
        ("events", "put_events", {"Entries": [{"Source": "aws.s3", "DetailType": "Object Created", "Detail": "{}"}]}),
        ("kms", "list_keys", {}),
        ("s3", "list_objects_v2", {"Bucket": "{previewsBucket}"}),
        ("s3", "put_object", {"Bucket": "{previewsBucket}", "Key": "previews/a/b/480.webp", "Body": b"x"}),
        ("s3", "get_object", {"Bucket": "{previewsBucket}", "Key": "previews-of-long-keys/a/b/480.webp"}),
        ("s3", "list_objects_v2", {"Bucket": "{resultsBucket}"}),
    ],
)
def test_guest_is_refused_everywhere_else(
    guest_stack: DeployedStack, guest: Guest, service: str, operation: str, arguments: dict[str, Any]
) -> None:
    request = {
        name: guest_stack.outputs[value[1:-1]]
        if isinstance(value, str) and value[0] == "{" and len(value) > 2
        else value
        for name, value in arguments.items()
    }

    assert refused(getattr(guest.client(service), operation), **request)


def test_guest_cannot_call_the_api(guest_stack: DeployedStack, guest: Guest) -> None:
    as_guest = ApiClient(guest_stack.outputs["apiUrl"], credentials=guest.credentials, region=guest.region)

    assert as_guest.get("/labels").status == 403


def test_guest_needs_each_of_his_rights(guest_stack: DeployedStack, guest: Guest) -> None:
    s3, dynamodb = guest.client("s3"), guest.client("dynamodb")
    key = f"uploads/{guest.id}/rights.jpg"
    of_own = {"Bucket": guest_stack.outputs["uploadBucket"], "Key": key}
    item = {"pk": {"S": f"IMAGE#{key}"}, "sk": {"S": "META"}}
    calls: dict[str, Callable[[], object]] = {
        "s3:PutObject": lambda: s3.put_object(**of_own, Body=b"x"),
        "s3:GetObject": lambda: s3.get_object(**of_own),
        "dynamodb:GetItem": lambda: dynamodb.get_item(TableName=guest_stack.outputs["resultsTable"], Key=item),
    }
    pool = guest_stack.outputs["identityPoolId"]
    roles = guest_stack.client("cognito-identity").get_identity_pool_roles(IdentityPoolId=pool)["Roles"]
    role = Role(guest_stack, roles["unauthenticated"])
    assert role.rights == set(calls)

    for right, call in calls.items():
        with role.without(right):
            assert refused(call)
        call()


def test_wrong_secret_is_refused(guest_stack: DeployedStack, signed_api: ApiClient, guest: Guest) -> None:
    forged = Credentials(guest.credentials.access_key, "x" * 40, guest.credentials.token)
    caller = ApiClient(signed_api.url, credentials=forged, region=guest.region)

    assert caller.get("/health").status == 403


# --- text that is markup


def test_markup_in_answers_is_json_and_nothing_else(api: ApiClient, stack: DeployedStack) -> None:
    key = "uploads/markup/<img src=x onerror=alert(1)>.jpg"
    stack.wait_for_result(stack.upload(key, picture("markup")))

    reply = api.get("/result", {"key": key})

    assert reply.json["key"] == key
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["x-content-type-options"] == "nosniff"
