"""Website and WebsiteFiles alone."""

import json
from pathlib import Path
from typing import Any, cast

import pulumi
import pytest

from components.errors import InvalidArgumentError
from components.website import Website, WebsiteArgs
from components.website_files import WebsiteFiles, WebsiteFilesArgs
from tests.recording import ACCOUNT, PROJECT, REGION, Record, Resource, once, record

BUCKET = "site-0a1b2c3"
OBJECTS = f"arn:aws:s3:::{BUCKET}/*"
PAGE = '<!doctype html><meta http-equiv="Content-Security-Policy" content="default-src *"><title>x</title>\n'


@once
def hosted(**arguments: Any) -> Record:
    def program() -> None:
        site = Website("site", cast(WebsiteArgs, {"kind": "s3", **arguments}))
        pulumi.export("url", site.url)
        pulumi.export("origin", site.origin)

    return record(program)


def part(recorded: Record, kind: str) -> Resource:
    return recorded.single(f"aws:s3/bucket{kind}:Bucket{kind}")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a small site."""
    (tmp_path / "js").mkdir()
    (tmp_path / "index.html").write_text(PAGE)
    (tmp_path / "style.css").write_text("body {}")
    (tmp_path / "icon.svg").write_text("<svg/>")
    (tmp_path / "js" / "main.js").write_text("export {}")
    (tmp_path / ".hidden").write_text("not for the site")
    return tmp_path


def written(folder: Path, **arguments: Any) -> dict[str, dict[str, Any]]:
    """Return the inputs of the objects of a site, by key."""

    def program() -> None:
        WebsiteFiles(
            "site",
            cast(WebsiteFilesArgs, {"site": {"bucket_name": BUCKET}, "folder": folder, "config": {}, **arguments}),
        )

    objects = record(program).of("aws:s3/bucketObjectv2:BucketObjectv2")
    return {o.inputs["key"]: dict(o.inputs) for o in objects}


def test_hosted_site_shows_its_own_files_to_everybody_and_nothing_else() -> None:
    recorded = hosted()

    assert part(recorded, "Policy").policy()["Statement"] == [
        {"Effect": "Allow", "Principal": "*", "Action": ["s3:GetObject"], "Resource": OBJECTS}
    ]
    assert part(recorded, "PublicAccessBlock").inputs == {
        "bucket": BUCKET,
        "blockPublicAcls": True,
        "ignorePublicAcls": True,
        "blockPublicPolicy": False,
        "restrictPublicBuckets": False,
    }
    assert "site-access" in part(recorded, "Policy").dependencies


def test_hosted_site_has_an_index() -> None:
    recorded = hosted()

    assert part(recorded, "WebsiteConfiguration").inputs["indexDocument"] == {"suffix": "index.html"}
    assert recorded.outputs["origin"].startswith("http://site-hosting-0a1b2c3.s3-website.")
    assert recorded.outputs["url"] == f"{recorded.outputs['origin']}/"


def test_distributed_site_is_private_to_its_distribution() -> None:
    recorded = hosted(kind="cloudfront")

    block = part(recorded, "PublicAccessBlock").inputs
    assert [block[name] for name in ("blockPublicPolicy", "restrictPublicBuckets")] == [True, True]
    allowed, denied = part(recorded, "Policy").policy()["Statement"]
    assert allowed == {
        "Effect": "Allow",
        "Principal": {"Service": "cloudfront.amazonaws.com"},
        "Action": ["s3:GetObject"],
        "Resource": OBJECTS,
        "Condition": {"StringEquals": {"AWS:SourceArn": f"arn:aws:cloudfront::{ACCOUNT}:distribution/site-0a1b2c3"}},
    }
    assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert not recorded.of("aws:s3/bucketWebsiteConfiguration:BucketWebsiteConfiguration")


def test_distribution_signs_and_redirects_to_https() -> None:
    recorded = hosted(kind="cloudfront")

    distribution = recorded.single("aws:cloudfront/distribution:Distribution").inputs
    (origin,) = distribution["origins"]
    assert origin["originAccessControlId"] == "site-0a1b2c3"
    assert origin["domainName"] == f"{BUCKET}.s3.{REGION}.amazonaws.com"
    assert distribution["defaultRootObject"] == "index.html"
    behavior = distribution["defaultCacheBehavior"]
    assert behavior["viewerProtocolPolicy"] == "redirect-to-https"
    assert behavior["responseHeadersPolicyId"] == "site-0a1b2c3"
    assert recorded.outputs["url"] == "https://site-0a1b2c3.cloudfront.net/"


def test_distribution_adds_security_headers() -> None:
    policy = hosted(kind="cloudfront").single("aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy").inputs

    headers = policy["securityHeadersConfig"]
    content = headers["contentSecurityPolicy"]["contentSecurityPolicy"]
    assert "frame-ancestors 'none'" in content
    assert "unsafe" not in content
    assert "http:" not in content.replace("https:", "")
    assert headers["strictTransportSecurity"]["accessControlMaxAgeSec"] >= 31536000
    assert headers["frameOptions"]["frameOption"] == "DENY"
    assert headers["contentTypeOptions"] == {"override": True}
    assert headers["referrerPolicy"]["referrerPolicy"] == "no-referrer"


def test_headers_let_the_page_reach_an_emulator() -> None:
    recorded = hosted(kind="cloudfront", sources=["http://127.0.0.1:4566"])

    policy = recorded.single("aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy").inputs
    content = policy["securityHeadersConfig"]["contentSecurityPolicy"]["contentSecurityPolicy"]
    assert "connect-src 'self' blob: https: http://127.0.0.1:4566;" in content


@pytest.mark.parametrize(
    ("endpoint", "url", "origin"),
    [
        ("http://127.0.0.1:8081/{bucket}", f"http://127.0.0.1:8081/{BUCKET}/", "http://127.0.0.1:8081"),
        (
            "http://{bucket}.sites.localhost:80/",
            f"http://{BUCKET}.sites.localhost:80/",
            f"http://{BUCKET}.sites.localhost:80",
        ),
    ],
)
@pytest.mark.parametrize("kind", ["s3", "cloudfront"])
def test_an_emulator_has_addresses_of_its_own(kind: str, endpoint: str, url: str, origin: str) -> None:
    assert hosted(kind=kind, endpoint=endpoint).outputs == {"url": url, "origin": origin}


def test_an_endpoint_without_a_place_for_the_bucket_is_refused() -> None:
    with pytest.raises(
        InvalidArgumentError, match=r'endpoint is "http://x": expected an http or https URL with \{bucket\} in it'
    ):
        hosted(endpoint="http://x")


def test_files_have_their_types(folder: Path) -> None:
    assert {key: inputs["contentType"] for key, inputs in written(folder).items()} == {
        "index.html": "text/html; charset=utf-8",
        "style.css": "text/css; charset=utf-8",
        "icon.svg": "image/svg+xml",
        "js/main.js": "text/javascript; charset=utf-8",
        "config.json": "application/json",
    }


def test_files_that_keep_their_name_are_asked_for_each_time(folder: Path) -> None:
    caching = {key: inputs["cacheControl"] for key, inputs in written(folder).items()}

    assert {caching[key] for key in ("index.html", "style.css", "js/main.js")} == {"no-cache"}
    assert caching["config.json"] == "no-store"
    assert caching["icon.svg"] == "public, max-age=86400"


def test_a_changed_file_is_put_again(folder: Path) -> None:
    before = written(folder)["style.css"]["sourceHash"]
    (folder / "style.css").write_text("body { color: red }")

    assert written(folder)["style.css"]["sourceHash"] != before


def test_settings_are_written_beside_the_page(folder: Path) -> None:
    config = written(folder, config={"mode": "api", "apiUrl": "https://api.example/v1"})["config.json"]

    assert json.loads(config["content"]) == {"mode": "api", "apiUrl": "https://api.example/v1"}


def test_page_gets_the_policy_of_its_deployment(folder: Path) -> None:
    page = written(folder, connect=["https://api.example", "https://s3.example"], pictures=["https://s3.example"])[
        "index.html"
    ]["content"]

    assert "connect-src 'self' blob: https://api.example https://s3.example;" in page
    assert "img-src 'self' blob: https://s3.example;" in page
    assert "default-src *" not in page
    assert page.endswith("<title>x</title>\n")


def test_policy_allows_nothing_inline(folder: Path) -> None:
    page = written(folder)["index.html"]["content"]

    assert "script-src 'self'; style-src 'self';" in page
    assert "unsafe" not in page
    assert "data:" not in page


def test_the_projects_own_page_can_be_written() -> None:
    files = written(PROJECT / "web")

    assert {"index.html", "config.json", "js/main.js", "style.css"} <= set(files)
    assert files["index.html"]["content"].count("Content-Security-Policy") == 1


def test_a_page_without_a_place_for_its_policy_is_told(folder: Path) -> None:
    (folder / "index.html").write_text("<!doctype html>")

    with pytest.raises(InvalidArgumentError, match=r"folder is .*index\.html\": expected a page with one <meta"):
        written(folder)


def test_a_missing_page_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match=r"folder is .*: expected a folder with index\.html"):
        written(tmp_path)


@pytest.mark.parametrize(
    ("name", "said"), [("notes.docx", "expected files that a site has"), ("config.json", "expected no config.json")]
)
def test_a_file_that_does_not_belong_there_is_told(folder: Path, name: str, said: str) -> None:
    (folder / name).write_text("{}")

    with pytest.raises(InvalidArgumentError, match=said):
        written(folder)
