"""Previews on a deployed stack: each picture has them, whatever its format, and they go with its version."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from PIL import Image

from integration_tests import lanes
from integration_tests.api import ApiClient, Reply
from integration_tests.pictures import encoded, picture
from integration_tests.stack import DeployedStack, wait_for
from integration_tests.test_security import enter, refused

pytestmark = pytest.mark.needs("s3_on_eventbridge")

MakeKey = Callable[[str], str]


def preview(api: ApiClient, key: str, size: int) -> Reply:
    """Return the answer with the link to a preview, once it is there."""
    return wait_for(
        f"a preview of {key!r}",
        lambda: api.get("/image-url", {"key": key, "size": str(size)}),
        lambda answer: answer.status == 200 and "previews/" in answer.json["url"],
    )


@pytest.mark.parametrize(("fmt", "kind"), [("HEIF", "heic"), ("TIFF", "tiff"), ("BMP", "bmp"), ("JPEG", "jpeg")])
def test_picture_of_any_format_is_seen_as_small_webp_files(api: ApiClient, fmt: str, kind: str) -> None:
    content = encoded(Image.open(io.BytesIO(picture(kind, width=1700, height=200))), fmt)
    key = api.upload(content, f"picture.{kind}", f"image/{kind}")
    api.wait_for_result(key)

    for size in (480, 1600):
        shown = api.pool.request("GET", preview(api, key, size).json["url"])
        assert (shown.status, shown.headers["Content-Type"]) == (200, "image/webp")
        image = Image.open(io.BytesIO(shown.data))
        assert (image.format, max(image.size)) == ("WEBP", size)


def test_previews_go_with_their_version(stack: DeployedStack, key: MakeKey) -> None:
    uploaded = stack.upload(key("purged.jpg"), picture("purged"))
    stack.wait_for_result(uploaded)
    s3, previews = stack.client("s3"), stack.outputs["previewsBucket"]

    def count() -> int:
        answer = s3.list_objects_v2(Bucket=previews, Prefix=f"previews/{uploaded.key}/{uploaded.version_id}/")
        return int(answer["KeyCount"])

    wait_for("both previews", count, lambda files: files == 2)

    s3.delete_object(Bucket=stack.outputs["uploadBucket"], Key=uploaded.key, VersionId=uploaded.version_id)

    wait_for("the previews to be gone", count, lambda files: files == 0)


@pytest.mark.needs(*lanes.GUESTS)
def test_guest_sees_previews_of_own_pictures_alone(guest_stack: DeployedStack) -> None:
    guest, neighbour = enter(guest_stack), enter(guest_stack)
    uploaded = guest_stack.upload(f"uploads/{guest.id}/1/own.jpg", picture("own"))
    preview = {
        "Bucket": guest_stack.outputs["previewsBucket"],
        "Key": f"previews/{uploaded.key}/{uploaded.version_id}/480.webp",
    }
    wait_for(
        "the preview",
        lambda: guest_stack.client("s3").list_objects_v2(Bucket=preview["Bucket"], Prefix=preview["Key"])["KeyCount"],
        lambda count: count == 1,
    )

    assert guest.client("s3").get_object(**preview)["ContentType"] == "image/webp"
    assert refused(neighbour.client("s3").get_object, **preview)
