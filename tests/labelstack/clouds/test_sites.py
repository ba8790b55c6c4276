"""Web sites of the embedded cloud's buckets, as a browser sees them."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from labelstack.clouds import EmbeddedCloud, sites

PAGE = b"<!doctype html><title>small</title>"


def get(cloud: EmbeddedCloud, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and body of the sites' server's answer."""
    connection = http.client.HTTPConnection(urlsplit(cloud.sites_url).netloc, timeout=60)
    try:
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def public(bucket: str) -> str:
    """Return a policy that lets everybody read a bucket's objects."""
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture
def bucket(cloud: EmbeddedCloud, numbers: Iterator[int]) -> Iterator[str]:
    """Yield a bucket with a page in it, private as yet."""
    s3, name = cloud.client("s3"), f"site-{next(numbers)}"
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="index.html", Body=PAGE, ContentType="text/html", CacheControl="no-cache")
    s3.put_object(Bucket=name, Key="js/a b.js", Body=b"export {}", ContentType="text/javascript")
    yield name
    for key in ("index.html", "js/a b.js"):
        s3.delete_object(Bucket=name, Key=key)
    s3.delete_bucket(Bucket=name)


@pytest.fixture
def hosted(cloud: EmbeddedCloud, bucket: str) -> str:
    """Return a bucket with website hosting that everybody may read."""
    s3 = cloud.client("s3")
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}})
    s3.delete_public_access_block(Bucket=bucket)
    s3.put_bucket_policy(Bucket=bucket, Policy=public(bucket))
    return bucket


def test_serves_the_index_with_its_type_and_caching(cloud: EmbeddedCloud, hosted: str) -> None:
    status, headers, body = get(cloud, f"/{hosted}/")

    assert (status, body) == (200, PAGE)
    assert (headers["content-type"], headers["cache-control"]) == ("text/html", "no-cache")
    assert "access-control-allow-origin" not in headers


def test_serves_files_by_their_encoded_names(cloud: EmbeddedCloud, hosted: str) -> None:
    status, headers, body = get(cloud, f"/{hosted}/js/a%20b.js?v=1")

    assert (status, headers["content-type"], body) == (200, "text/javascript", b"export {}")


def test_says_that_a_file_has_not_changed(cloud: EmbeddedCloud, hosted: str) -> None:
    etag = get(cloud, f"/{hosted}/")[1]["etag"]

    status, _, body = get(cloud, f"/{hosted}/", If_None_Match=etag)
    assert (status, body) == (304, b"")


def test_answers_head_without_a_body(cloud: EmbeddedCloud, hosted: str) -> None:
    status, headers, body = get(cloud, f"/{hosted}/", "HEAD")

    assert (status, headers["content-type"], body) == (200, "text/html", b"")


def test_sends_a_site_without_its_slash_there(cloud: EmbeddedCloud, hosted: str) -> None:
    status, headers, _ = get(cloud, f"/{hosted}")

    assert (status, headers["location"]) == (302, f"/{hosted}/")


def test_a_missing_file_is_missing(cloud: EmbeddedCloud, hosted: str) -> None:
    assert get(cloud, f"/{hosted}/nothing.js")[0] in (403, 404)


def test_a_page_for_errors_is_shown_with_the_status(cloud: EmbeddedCloud, hosted: str) -> None:
    configuration = {"IndexDocument": {"Suffix": "index.html"}, "ErrorDocument": {"Key": "index.html"}}
    cloud.client("s3").put_bucket_website(Bucket=hosted, WebsiteConfiguration=configuration)

    status, _, body = get(cloud, f"/{hosted}/nothing.js")
    assert status in (403, 404)
    assert body == PAGE


def test_hosting_shows_nothing_that_the_policy_does_not(cloud: EmbeddedCloud, bucket: str) -> None:
    configuration = {"IndexDocument": {"Suffix": "index.html"}}
    cloud.client("s3").put_bucket_website(Bucket=bucket, WebsiteConfiguration=configuration)

    assert get(cloud, f"/{bucket}/")[0] == 403


def test_a_bucket_without_a_site_has_none(cloud: EmbeddedCloud, bucket: str) -> None:
    status, _, body = get(cloud, f"/{bucket}/index.html")

    assert status == 404
    assert b"There is no web site" in body


def test_other_methods_are_refused(cloud: EmbeddedCloud, hosted: str) -> None:
    assert get(cloud, f"/{hosted}/", "DELETE")[0] == 501


def test_a_private_bucket_is_served_by_its_distribution(cloud: EmbeddedCloud, bucket: str) -> None:
    cloudfront = cloud.client("cloudfront")
    control = cloudfront.create_origin_access_control(
        OriginAccessControlConfig={
            "Name": bucket,
            "OriginAccessControlOriginType": "s3",
            "SigningBehavior": "always",
            "SigningProtocol": "sigv4",
        }
    )["OriginAccessControl"]["Id"]
    origin = {
        "Id": "site",
        "DomainName": f"{bucket}.s3.us-east-1.amazonaws.com",
        "OriginAccessControlId": control,
        "S3OriginConfig": {"OriginAccessIdentity": ""},
    }
    distribution = cloudfront.create_distribution(
        DistributionConfig={
            "CallerReference": bucket,
            "Comment": "",
            "Enabled": True,
            "DefaultRootObject": "index.html",
            "Origins": {"Quantity": 1, "Items": [origin]},
            "DefaultCacheBehavior": {
                "TargetOriginId": "site",
                "ViewerProtocolPolicy": "redirect-to-https",
                "CachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6",
                "ResponseHeadersPolicyId": "67f7725c-6f97-4210-82d7-5512b31e9d03",  # AWS's managed security headers
            },
        }
    )["Distribution"]
    assert get(cloud, f"/{bucket}/")[0] == 403  # the bucket does not let the distribution in yet
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "cloudfront.amazonaws.com"},
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
        "Condition": {"StringEquals": {"AWS:SourceArn": distribution["ARN"]}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    cloud.client("s3").put_bucket_policy(Bucket=bucket, Policy=policy)

    status, headers, body = get(cloud, f"/{bucket}/")

    assert (status, body) == (200, PAGE)
    assert headers["x-content-type-options"] == "nosniff"
    assert "strict-transport-security" in headers


class HostsEverything:
    """An S3 where each bucket has a site."""

    def get_bucket_website(self, Bucket: str) -> dict[str, object]:  # boto3's name
        return {"IndexDocument": {"Suffix": "index.html"}}


@pytest.fixture
def nobody_listens() -> Iterator[int]:
    """Yield a port that is bound, and that nobody answers on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_a_cloud_that_does_not_answer_is_told(nobody_listens: int) -> None:
    server = sites.serve(sites.Sites(nobody_listens, lambda _: HostsEverything()), 0)
    try:
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=60)
        connection.request("GET", "/any/")
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
    finally:
        server.shutdown()
        server.server_close()

    assert answer.status == 502
    assert b"The embedded cloud does not answer" in text


def test_a_port_that_is_taken_is_told(nobody_listens: int) -> None:
    with pytest.raises(OSError, match="in use"):
        sites.serve(sites.Sites(nobody_listens, lambda _: HostsEverything()), nobody_listens)
