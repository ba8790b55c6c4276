"""The deployed API as a program uses it: each kind of gateway, each kind of access."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from integration_tests.api import ApiClient
from integration_tests.pictures import picture, sample
from integration_tests.stack import DeployedStack, LocalRekognition, wait_for

MakeKey = Callable[[str], str]
NOTHING_ELSE: dict[str, list[Any]] = {"faces": [], "moderation": [], "text": []}


@pytest.fixture(params=["api", "keyed_api", "signed_api"], ids=["rest-open", "rest-api_key", "http-iam"])
def any_api(request: pytest.FixtureRequest) -> ApiClient:
    """Return each API in turn, with the credentials that it requires."""
    client = request.getfixturevalue(request.param)
    assert isinstance(client, ApiClient)
    return client


@pytest.fixture(params=["keyed_api", "signed_api"], ids=["rest-api_key", "http-iam"])
def closed_api(request: pytest.FixtureRequest) -> ApiClient:
    """Return the APIs that know their caller, and let the caller delete."""
    client = request.getfixturevalue(request.param)
    assert isinstance(client, ApiClient)
    return client


def counts(api: ApiClient) -> dict[str, int]:
    """Count the pictures of each label."""
    reply = api.get("/labels")
    assert reply.status == 200, reply
    return {label["name"]: label["count"] for label in reply.json["labels"]}


def keys_of(images: list[dict[str, object]]) -> list[object]:
    return [image["key"] for image in images]


def test_answers_that_it_is_well(any_api: ApiClient) -> None:
    reply = any_api.get("/health")

    assert (reply.status, reply.json) == (200, {"status": "ok"})


def test_upload_to_labels_to_search_to_picture(any_api: ApiClient) -> None:
    body = sample("cat.png")
    key = any_api.upload(body, "two cats.png", "image/png")

    result = any_api.wait_for_result(key)

    assert key.startswith("uploads/")
    assert key.endswith("/two cats.png")
    assert (result["status"], result["format"], result["sizeBytes"]) == ("LABELED", "PNG", len(body))
    assert "Cat" in {label["name"] for label in result["labels"]}
    assert any_api.post("/detect-labels", {"key": key}).json == result
    assert key in keys_of(any_api.every_page({"label": ["cat", "Pet"]}))
    assert counts(any_api)["Cat"] >= 1
    link = any_api.get("/image-url", {"key": key}).json["url"]
    shown = any_api.pool.request("GET", link)
    assert (shown.status, shown.headers["Content-Type"], shown.data) == (200, "image/png", body)


def test_is_pending_until_there_is_a_result(
    api: ApiClient, key: MakeKey, session_rekognition: LocalRekognition
) -> None:
    session_rekognition.set_rules([{"match": {"key": "*/slow-one.jpg"}, "delayMs": 1500}])
    uploaded = api.upload(picture(key("slow")), "slow one.jpg")

    pending = api.get("/result", {"key": uploaded})
    refused = api.get("/image-url", {"key": uploaded}).problem
    done = api.wait_for_result(uploaded)
    session_rekognition.set_rules([])

    assert (pending.status, pending.json) == (202, {"key": uploaded, "status": "PENDING"})
    assert pending.headers["retry-after"] == "1"
    assert refused == (409, "PICTURE_PENDING")
    assert done["status"] == "LABELED"


def test_unknown_picture_is_not_found(any_api: ApiClient) -> None:
    assert any_api.get("/result", {"key": "uploads/nothing.jpg"}).problem == (404, "PICTURE_NOT_FOUND")
    assert any_api.post("/detect-labels", {"key": "uploads/nothing.jpg"}).problem == (404, "PICTURE_NOT_FOUND")
    assert any_api.get("/image-url", {"key": "uploads/nothing.jpg"}).problem == (404, "PICTURE_NOT_FOUND")


def test_tells_why_a_file_is_rejected(api: ApiClient) -> None:
    key = api.upload(b"<script>alert(1)</script> is no picture", "page.jpg")

    result = api.wait_for_result(key)

    assert (result["status"], result["code"]) == ("REJECTED", "NOT_AN_IMAGE")
    assert "JPEG, PNG" in result["message"]
    assert key in keys_of(api.every_page({"status": "REJECTED"}))
    # No browser may take an upload for a page, whatever its content.
    link = api.pool.request("GET", api.get("/image-url", {"key": key}).json["url"])
    assert link.headers["Content-Type"] == "application/octet-stream"
    assert link.headers["Content-Disposition"] == "attachment"


def test_flagged_picture_is_shown_only_when_asked(
    api: ApiClient, key: MakeKey, session_rekognition: LocalRekognition
) -> None:
    session_rekognition.set_rules([{"match": {"key": "*/flagged.jpg"}, "moderation": ["Explicit Nudity"]}])
    uploaded = api.upload(picture(key("flagged")), "flagged.jpg")

    result = api.wait_for_result(uploaded)
    session_rekognition.set_rules([])

    assert "Explicit Nudity" in {flag["name"] for flag in result["moderation"]}
    assert api.get("/image-url", {"key": uploaded}).problem == (403, "PICTURE_FLAGGED")
    assert api.get("/image-url", {"key": uploaded, "showFlagged": "true"}).status == 200


def test_searches_by_labels_confidence_and_order_in_pages(
    api: ApiClient, key: MakeKey, session_rekognition: LocalRekognition
) -> None:
    def rule(number: int) -> dict[str, object]:
        even = [{"name": "Even Quokka", "confidence": 99}] if number % 2 == 0 else []
        labels = [{"name": "Quokka", "confidence": 80 + (7 * number) % 11}, *even]
        return {"match": {"key": f"*/quokka-{number}.jpg"}, "labels": labels, **NOTHING_ELSE}

    session_rekognition.set_rules([rule(number) for number in range(7)])
    uploaded = [api.upload(picture(key(f"{number}")), f"quokka-{number}.jpg") for number in range(7)]
    for picture_key in uploaded:
        api.wait_for_result(picture_key)
    session_rekognition.set_rules([])

    newest = api.every_page({"label": "quokka", "limit": "2"})
    surest = api.every_page({"label": "QUOKKA", "order": "confidence", "limit": "3"})
    both = api.every_page({"label": ["quokka", "even quokka"], "limit": "2"})
    sure = api.every_page({"label": "quokka", "minConfidence": "85.5", "limit": "2"})

    confidence = {picture_key: 80 + (7 * number) % 11 for number, picture_key in enumerate(uploaded)}
    assert sorted(map(str, keys_of(newest))) == sorted(uploaded)
    times = [image["processedAt"] for image in newest]
    assert times == sorted(times, reverse=True)
    assert keys_of(surest) == sorted(uploaded, key=lambda picture_key: -confidence[picture_key])
    assert set(keys_of(both)) == set(uploaded[::2])
    assert set(keys_of(sure)) == {picture_key for picture_key in uploaded if confidence[picture_key] >= 86}
    assert counts(api)["Quokka"] == 7
    assert counts(api)["Even Quokka"] == 4


def test_searches_by_words_names_faces_flags_and_dates_in_pages(
    api: ApiClient, session_rekognition: LocalRekognition
) -> None:
    face, name = {"confidence": 99}, f"dugong {uuid.uuid4().hex[:8]}"  # of this run alone
    rules: list[dict[str, object]] = [
        {"text": ["STOP", "DUGONG"], "faces": [], "moderation": []},
        {"text": ["stop"], "faces": [face], "moderation": ["Alcohol"]},
        {"text": ["no", "stopping"], "faces": [face, face], "moderation": []},
    ]
    session_rekognition.set_rules(
        [{"match": {"key": f"*/{name} {n}.jpg"}, "labels": [name.title()], **rule} for n, rule in enumerate(rules)]
    )
    uploaded = [api.upload(picture(f"{name} {n}"), f"{name} {n}.jpg") for n in range(len(rules))]
    days = {api.wait_for_result(picture_key)["uploadedAt"][:10] for picture_key in uploaded}
    session_rekognition.set_rules([])

    searches = {
        "text:stop": [0, 1],
        "text:dugong": [0],
        f'name:"{name}"': [0, 1, 2],
        f'name:"{name} 1"': [1],
        "faces:none": [0],
        "faces:one": [1],
        "faces:group": [2],
        "flagged:yes": [1],
        "-flagged:yes -faces:none": [2],
        f"from:{min(days)} to:{max(days)}": [0, 1, 2],
        f"from:{max(days)} -text:stop": [2],
        "to:2020-01-01": [],
    }
    for text, numbers in searches.items():
        matches = keys_of(api.every_page({"q": f'"{name}" {text}', "limit": "1"}))
        assert sorted(map(str, matches)) == sorted(uploaded[n] for n in numbers), text
    # Without a label, by words, by the date and by the listing.
    for text in (
        "text:dugong",
        f'name:"{name} 0"',
        f'from:{min(days)} name:"{name}" -text:stopping faces:none',
        "-cat",
    ):
        assert uploaded[0] in keys_of(api.every_page({"q": text})), text
    refused = api.get("/images", {"q": "dugong faces:two"})
    assert refused.problem == (400, "INVALID_QUERY")
    assert "faces is none or one or group" in refused.json["detail"]


def test_lists_all_pictures_newest_first_in_pages(api: ApiClient, key: MakeKey) -> None:
    uploaded = [api.upload(picture(key(f"{number}")), f"page-{number}.jpg") for number in range(3)]
    for picture_key in uploaded:
        api.wait_for_result(picture_key)

    images = api.every_page({"limit": "2"})

    assert len(set(keys_of(images))) == len(images), "each picture once"
    assert set(uploaded) <= set(keys_of(images))
    times = [image["processedAt"] for image in images]
    assert times == sorted(times, reverse=True)
    queries: tuple[dict[str, str], ...] = (
        {},
        {"status": "LABELED"},
        {"status": "REJECTED"},
        {"order": "taken"},
        {"q": "faces:none"},
    )
    for query in (*queries, {"q": "flagged:no"}, {"label": counted(api)}):
        pages = api.every_page({**query, "limit": "100"})
        assert api.get("/images", {**query, "limit": "1"}).json["total"] == len(pages), query


def counted(api: ApiClient) -> str:
    """Return the label of the most pictures."""
    return str(api.get("/labels").json["labels"][0]["name"])


def test_labels_a_picture_anew_and_deletes_it_with_its_result(closed_api: ApiClient) -> None:
    key = closed_api.upload(sample("cat.png"), "gone.png", "image/png")
    first = closed_api.wait_for_result(key)
    reply = closed_api.post("/relabel", {"key": key})
    assert (reply.status, reply.json["status"]) == (202, "RELABELLING")
    anew = wait_for(
        "another result", lambda: closed_api.get("/result", {"key": key}).json, lambda result: result != first
    )
    assert anew["processedAt"] > reply.json["requestedAt"] > first["processedAt"]
    assert (anew["status"], anew["versionId"], anew["reused"]) == ("LABELED", first["versionId"], False)
    before = counts(closed_api)["Cat"]

    reply = closed_api.delete(key)

    assert (reply.status, reply.json) == (202, {"key": key, "status": "DELETING"})
    last = wait_for(
        "the result to go", lambda: closed_api.get("/result", {"key": key}), lambda answer: answer.status == 404
    )
    assert last.problem == (404, "PICTURE_DELETED")
    assert key not in keys_of(closed_api.every_page({"label": "cat"}))
    assert counts(closed_api).get("Cat", 0) == before - 1
    assert closed_api.delete(key).problem == (404, "PICTURE_NOT_FOUND")


@pytest.mark.needs("iam_enforced")
@pytest.mark.abuse
def test_deleting_and_labelling_anew_are_never_open(api: ApiClient) -> None:
    key = api.upload(picture("stays"), "stays.jpg")
    api.wait_for_result(key)

    assert api.delete(key).problem == (401, "UNAUTHORIZED")
    assert api.post("/relabel", {"key": key}).problem == (401, "UNAUTHORIZED")
    assert ApiClient(api.url, api_key="guessed").delete(key).status == 401
    assert api.get("/result", {"key": key}).status == 200


@pytest.mark.parametrize("path", ["/labels", "/images", "/health", "/result?key=uploads/a"])
def test_wants_the_key_for_everything(keyed_api: ApiClient, path: str) -> None:
    for caller in (ApiClient(keyed_api.url), ApiClient(keyed_api.url, api_key="guessed")):
        assert caller.send("GET", path).status == 403


@pytest.mark.needs("gateway_responses")
def test_gateway_refuses_as_the_functions_do(keyed_api: ApiClient) -> None:
    assert ApiClient(keyed_api.url).send("GET", "/labels").problem == (403, "FORBIDDEN")


@pytest.mark.parametrize("path", ["/labels", "/images", "/health", "/result", "/no/such/path"])
def test_wants_a_signature_for_everything(signed_api: ApiClient, path: str) -> None:
    # The gateway of an HTTP API answers this itself, in words that AWS does not let a program change.
    assert ApiClient(signed_api.url).send("GET", path).status == 403


def test_gives_pictures_of_its_own_prefix_only(
    api: ApiClient, stack: DeployedStack, key: MakeKey, session_rekognition: LocalRekognition
) -> None:
    session_rekognition.set_rules([{"match": {"key": "*numbat*"}, "labels": ["Numbat", "Secret"], **NOTHING_ELSE}])
    outside = [
        stack.upload(name, picture(name))
        for name in (key("numbat.jpg"), "a-secret-numbat.jpg", "uploads-secret/numbat.jpg", "zz/secret-numbat.jpg")
    ]
    stack.wait_for_results(outside)
    inside = api.upload(picture(key("inside")), "numbat.jpg")
    api.wait_for_result(inside)
    session_rekognition.set_rules([])

    assert counts(api)["Numbat"] == 1
    for order in ("newest", "confidence", "taken"):
        assert keys_of(api.every_page({"label": "numbat", "order": order, "limit": "1"})) == [inside]
        assert keys_of(api.every_page({"label": ["numbat", "secret"], "order": order, "limit": "1"})) == [inside]
    listed = api.every_page({"limit": "3"})
    assert {str(listed_key).partition("/")[0] for listed_key in keys_of(listed)} == {"uploads"}
    for upload in outside:
        assert api.get("/result", {"key": upload.key}).problem == (404, "PICTURE_NOT_FOUND")
        assert api.get("/image-url", {"key": upload.key}).problem == (404, "PICTURE_NOT_FOUND")
