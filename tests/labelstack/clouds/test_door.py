"""The embedded cloud's admission: pages, names, keys, files."""

from __future__ import annotations

import hashlib
import http.client
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from labelstack.clouds import EmbeddedCloud
from labelstack.clouds.door import Door
from tests.labelstack.clouds.conftest import Deploy, invoke

pytestmark = pytest.mark.abuse

PORT = 4599
TOKEN = "of-the-owner"
FRIEND = "http://127.0.0.1:8080"
SIGNED = "X-Amz-Credential=a%2F20261128%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Signature=1"


async def never(*_: Any) -> None:
    raise AssertionError


def refusal(
    method: str = "POST", path: str = "/", query: str = "", host: str | None = f"127.0.0.1:{PORT}", **headers: str
) -> str | None:
    """Return the door's answer to a request."""
    raw_headers = {**({} if host is None else {"host": host}), **{k.replace("_", "-"): v for k, v in headers.items()}}
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in raw_headers.items()],
    }
    return Door(never, PORT, TOKEN, lambda: {FRIEND}).refusal(scope)


@pytest.mark.parametrize("host", [f"127.0.0.1:{PORT}", f"localhost:{PORT}", "LOCALHOST", f"bucket.localhost:{PORT}"])
def test_names_of_this_machine_are_its_own(host: str) -> None:
    assert refusal(host=host) is None


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        "evil.example",
        f"evil.example:{PORT}",
        f"127.0.0.1.evil.example:{PORT}",
        f"localhost.evil.example:{PORT}",
        f"evillocalhost:{PORT}",
        f"0.0.0.0:{PORT}",
        f"192.168.1.1:{PORT}",
        "127.0.0.1:1",
        f"127.0.0.1@evil.example:{PORT}",
        "dabc.cloudfront.net",
        f"api.execute-api.us-east-1.amazonaws.com:{PORT}",
        *(
            f"{name}.localhost:{PORT}"
            for name in ("evil.example/", "evil.example#", "evil.example?", "a@b", "a b", "a\t")
        ),
        *(f"{name}:{PORT}" for name in ("localhost.", ".localhost", "127.1", "2130706433", "0x7f.1", "0", "[::1]")),
        *(f"{name}:{PORT}" for name in ("[::ffff:127.0.0.1]", "127.0.0.1.nip.io", "127.0.0.2", "localhost\uff0e", "")),
        f"127.0.0.1:{PORT}, evil.example",
        f"127.0.0.1:{PORT}:{PORT}",
        "localhost:",
    ],
)
def test_other_names_are_refused(host: str | None) -> None:
    assert "use http://127.0.0.1:4599" in str(refusal(host=host))


@pytest.mark.parametrize("site", ["cross-site", "same-site", "same-origin"])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:8081", f"http://127.0.0.1:{PORT}"]
)
def test_pages_of_other_origins_are_refused(method: str, site: str, origin: str) -> None:
    assert "allowedOrigins" in str(refusal(method, origin=origin, sec_fetch_site=site))
    assert "allowedOrigins" in str(refusal(method, "/bucket/key", SIGNED, origin=origin))


def test_pages_that_the_stack_allows_may_ask() -> None:
    assert refusal(origin=FRIEND, sec_fetch_site="same-site") is None


@pytest.mark.parametrize("site", ["cross-site", "same-site", "same-origin", "something-new"])
def test_pages_that_do_not_name_themselves_read_presigned_objects_alone(site: str) -> None:
    assert refusal("GET", "/bucket/a.jpg", SIGNED, sec_fetch_site=site) is None
    assert refusal("GET", "/bucket/a.jpg", "AWSAccessKeyId=a&Signature=b&Expires=1", sec_fetch_site=site) is None
    for method, path, query in (
        ("GET", "/bucket/a.jpg", ""),
        ("GET", "/", f"Action=CreateUser&{SIGNED}"),
        ("GET", "/queue/name", f"Action=SendMessage&{SIGNED}"),
        ("GET", "/bucket", SIGNED),
        ("POST", "/bucket/a.jpg", SIGNED),
        ("GET", "/_aws/execute-api/api/stage/images", ""),
    ):
        assert "without an Origin header" in str(refusal(method, path, query, sec_fetch_site=site)), (method, path)


def test_an_address_that_is_typed_in_is_no_page() -> None:
    assert refusal("GET", "/_aws/execute-api/api/stage/health", sec_fetch_site="none") is None


@pytest.mark.parametrize(
    "path",
    [
        "/_ministack/reset",
        "/_ministack/config",
        "/_ministack/lambda-code/f",
        "/_ministack",
        "/_localstack/health",
        "/_aws/sqs/messages",
        "/health",
    ],
)
def test_control_paths_are_for_the_owner(path: str) -> None:
    assert "needs the owner's header" in str(refusal(path=path))
    assert "needs the owner's header" in str(refusal(path=path, x_labelstack_owner="guess"))
    assert "needs the owner's header" in str(refusal(path=path, x_labelstack_owner=""))
    assert refusal(path=path, x_labelstack_owner=TOKEN) is None


# --- a running cloud


def status(cloud: EmbeddedCloud, method: str, path: str, **headers: str) -> int:
    """Return the status of an answer to an unchanged request."""
    connection = http.client.HTTPConnection(urlsplit(cloud.endpoint_url).netloc, timeout=60)
    connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


SPELLED = [
    *(
        "//_ministack/reset",
        "/%5fministack/reset",
        "/./_ministack/reset",
        "/x/../_ministack/reset",
        "/_MINISTACK/reset",
    ),
    *("/_ministack%2freset", "/_aws/execute-api/../../_ministack/reset", "/_ministack;/reset", "/;/_ministack/reset"),
    *("/_aws/execute-api/%2e%2e/%2e%2e/_ministack/reset", "/_ministack/../_ministack/reset", "\\_ministack\\reset"),
    *("/_ministack/reset?x", "/_aws/lambda-url/../../_ministack/reset", "http://127.0.0.1/_ministack/reset"),
]


@pytest.mark.parametrize("path", SPELLED)
def test_other_spellings_of_a_control_path_control_nothing(cloud: EmbeddedCloud, path: str) -> None:
    cloud.client("s3").create_bucket(Bucket="survives")

    assert status(cloud, "POST", path) in (400, 403, 404, 405)

    cloud.client("s3").delete_bucket(Bucket="survives")


def test_the_emulator_does_not_see_what_is_refused(cloud: EmbeddedCloud) -> None:
    cloud.client("s3").create_bucket(Bucket="survives")

    assert status(cloud, "POST", "/_ministack/reset") == 403
    assert status(cloud, "POST", "/_ministack/reset", Host="evil.example", **cloud.owner_headers()) == 200
    cloud.client("s3").create_bucket(Bucket="survives")
    assert status(cloud, "POST", "/_ministack/reset", x_labelstack_owner="guess") == 403
    assert status(cloud, "GET", "/survives", Host="evil.example") == 403
    assert [bucket["Name"] for bucket in cloud.client("s3").list_buckets()["Buckets"]] == ["survives"]
    cloud.client("s3").delete_bucket(Bucket="survives")


def client_with(cloud: EmbeddedCloud, service: str, *keys: str) -> Any:
    """Return a client with these keys; unsigned without any."""
    signature = {} if keys else {"signature_version": UNSIGNED}
    return boto3.client(
        service,  # type: ignore[call-overload]  # the stubs know only literal names
        endpoint_url=cloud.endpoint_url,
        region_name=cloud.region,
        **dict(zip(("aws_access_key_id", "aws_secret_access_key", "aws_session_token"), keys, strict=False)),
        config=Config(retries={"total_max_attempts": 1}, **signature),
    )


CALLS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("s3", "list_buckets", {}),
    ("s3", "create_bucket", {"Bucket": "of-nobody"}),
    ("lambda", "list_functions", {}),
    ("iam", "list_roles", {}),
    ("dynamodb", "list_tables", {}),
    ("sqs", "list_queues", {}),
    ("sts", "get_caller_identity", {}),
    ("sts", "get_session_token", {}),
    ("ssm", "describe_parameters", {}),
    ("cognito-identity", "list_identity_pools", {"MaxResults": 1}),
)


@pytest.mark.parametrize(("service", "operation", "arguments"), CALLS)
def test_no_keys_but_its_own_open_it(
    cloud: EmbeddedCloud, service: str, operation: str, arguments: dict[str, Any]
) -> None:
    own = cloud.credentials()

    for keys in (("test", "test"), ("000000000000", "test"), (own.access_key, "test"), ("123456789012", "x"), ()):
        with pytest.raises(ClientError) as caught:
            getattr(client_with(cloud, service, *keys), operation)(**arguments)
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] in (400, 401, 403), keys
    getattr(client_with(cloud, service, own.access_key, own.secret_key), operation)(**arguments)
    if operation == "create_bucket":
        cloud.client("s3").delete_bucket(**arguments)


def test_nobody_without_keys_takes_a_role(cloud: EmbeddedCloud, deploy: Deploy) -> None:
    deploy("def handle(event, context):\n    pass\n")
    role = cloud.client("iam").list_roles()["Roles"][0]["Arn"]

    with pytest.raises(ClientError, match="MissingAuthenticationToken"):
        client_with(cloud, "sts").assume_role_with_web_identity(
            RoleArn=role, RoleSessionName="stranger", WebIdentityToken="token"
        )


def test_a_function_s_keys_do_not_follow_from_its_name(cloud: EmbeddedCloud, deploy: Deploy) -> None:
    source = "import os\ndef handle(event, context):\n    return os.environ['AWS_ACCESS_KEY_ID']\n"
    name = deploy(source)
    function = cloud.client("lambda").get_function(FunctionName=name)["Configuration"]
    known = hashlib.sha256(f"{function['FunctionArn']}:{function['Role']}".encode()).hexdigest()

    _, own = invoke(cloud, name)

    assert own.startswith("ASIA")
    assert own != f"ASIA{known[:16].upper()}"


def test_presigned_links_of_strangers_open_nothing(cloud: EmbeddedCloud) -> None:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="linked")
    s3.put_object(Bucket="linked", Key="a", Body=b"x")
    parameters = {"Bucket": "linked", "Key": "a"}

    for version in ("s3", "s3v4"):
        for keys in (("test", "test"), ("000000000000", "test"), (cloud.credentials().access_key, "guess")):
            signer = boto3.client(
                "s3",
                endpoint_url=cloud.endpoint_url,
                region_name=cloud.region,
                aws_access_key_id=keys[0],
                aws_secret_access_key=keys[1],
                config=Config(signature_version=version),
            )
            link = urlsplit(signer.generate_presigned_url("get_object", parameters))
            assert status(cloud, "GET", f"{link.path}?{link.query}") == 403, (version, keys)
    link = urlsplit(s3.generate_presigned_url("get_object", parameters))
    assert status(cloud, "GET", f"{link.path}?{link.query}") == 200
    s3.delete_object(Bucket="linked", Key="a")
    s3.delete_bucket(Bucket="linked")


def test_no_page_takes_a_function_s_events(cloud: EmbeddedCloud, deploy: Deploy) -> None:
    source = """
import http.client, os
def handle(event, context):
    statuses = []
    for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"], timeout=60)
        connection.request("GET", "/2018-06-01/runtime/invocation/next", headers=headers)
        statuses.append(connection.getresponse().status)
    return statuses
"""
    assert invoke(cloud, deploy(source)) == (None, [403, 403, 403])


def test_its_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with EmbeddedCloud.start(tmp_path) as cloud:
        cloud.client("s3").create_bucket(Bucket="some-files")
        shown = [path for path in (tmp_path, *tmp_path.rglob("*")) if not path.is_symlink()]
        open_to_others = [path for path in shown if path.stat().st_mode & 0o077]
        record = json.loads((tmp_path / "cloud.json").read_text())
        secrets = (record["keys"]["secret_key"], record["keys"]["owner_token"])
        logs = "".join(path.read_text() for path in cloud.log_folder.iterdir())

    assert open_to_others == []
    assert not any(secret in logs for secret in secrets)


def test_each_start_makes_its_keys_anew(cloud: EmbeddedCloud, tmp_path: Path) -> None:
    with EmbeddedCloud.start(tmp_path, rekognition=False) as other:
        ours, theirs = cloud.credentials(), other.credentials()

        assert ours.access_key != theirs.access_key
        assert ours.secret_key != theirs.secret_key
        assert cloud.owner_token != other.owner_token
        with pytest.raises(ClientError):
            client_with(other, "s3", ours.access_key, ours.secret_key).list_buckets()
