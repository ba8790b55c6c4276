"""A double of Cognito, S3 and DynamoDB as a guest's browser meets them; every signature is checked with botocore."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from .double import Double, application

GUEST = "eu-central-1:0f0e0d0c-1111-2222-3333-444455556666"
KEYS = Credentials("ASIAGUEST", "very/secret+key", "session+token/=")


@dataclass
class GuestDouble:
    """The requests to the guest's endpoints."""

    double: Double
    refused: list[str] = field(default_factory=list)
    puts: list[str] = field(default_factory=list)
    skewed: int = 0
    """The number of requests refused for a wrong time."""
    identities: int = 0
    lost_identity: bool = False


def address_of(request: Request) -> str:
    """Return the address as it was sent: percent-encoding is part of the signature."""
    return f"{request.url.scheme}://{request.headers['host']}{request.scope['raw_path'].decode()}"


def is_signed(request: Request, body: bytes, service: str) -> bool:
    """Return whether botocore, given the same request and time, comes to the same signature."""
    sent = request.headers["authorization"]
    names = sent.split("SignedHeaders=")[1].split(",")[0].split(";")
    headers = {name: request.headers[name] for name in names if name != "host"}
    aws = AWSRequest(request.method, address_of(request), headers, None if service == "s3" else body)
    aws.context["timestamp"] = headers["x-amz-date"]
    signer: Any = (S3SigV4Auth if service == "s3" else SigV4Auth)(KEYS, service, "eu-central-1")
    canonical = signer.canonical_request(aws)
    expected = signer.signature(signer.string_to_sign(aws, canonical), aws)
    return headers.get("x-amz-security-token") == KEYS.token and sent.endswith(f"Signature={expected}")


def is_skewed(request: Request) -> bool:
    """Return whether the request was signed more than 15 minutes from now, which AWS refuses."""
    sent = datetime.strptime(request.headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return abs(datetime.now(UTC) - sent) > timedelta(minutes=15)


def is_presigned(request: Request) -> bool:
    """Return whether a link's signature is right."""
    unsigned = "&".join(part for part in request.url.query.split("&") if not part.startswith("X-Amz-Signature="))
    aws = AWSRequest("GET", f"{address_of(request)}?{unsigned}")
    aws.context["timestamp"] = request.query_params["X-Amz-Date"]
    signer: Any = S3SigV4QueryAuth(KEYS, "s3", "eu-central-1")
    expected = signer.signature(signer.string_to_sign(aws, signer.canonical_request(aws)), aws)
    return bool(request.query_params["X-Amz-Signature"] == expected)


def wire(value: Any) -> dict[str, Any]:
    """Return a plain value as DynamoDB sends it."""
    match value:
        case bool():
            return {"BOOL": value}
        case int() | float():
            return {"N": str(value)}
        case str():
            return {"S": value}
        case list():
            return {"L": [wire(item) for item in value]}
        case dict():
            return {"M": {name: wire(item) for name, item in value.items()}}
    raise TypeError(type(value))


def guest_application(guest: GuestDouble) -> Starlette:
    """Return the page in guest mode, and its endpoints under /aws."""
    double = guest.double

    async def cognito(request: Request) -> Response:
        operation = request.headers["x-amz-target"].split(".")[1]
        if operation == "GetId":
            guest.identities += 1
            return JSONResponse({"IdentityId": GUEST})
        if guest.lost_identity:
            guest.lost_identity = False
            return JSONResponse({"__type": "ResourceNotFoundException", "message": "Identity not found."}, 400)
        credentials = {"AccessKeyId": KEYS.access_key, "SecretKey": KEYS.secret_key, "SessionToken": KEYS.token}
        return JSONResponse({"IdentityId": GUEST, "Credentials": credentials | {"Expiration": time.time() + 3600}})

    async def dynamodb(request: Request) -> Response:
        body = await request.body()
        if is_skewed(request):
            guest.skewed += 1
            return JSONResponse({"__type": "x#InvalidSignatureException", "message": "Signature expired"}, 400)
        if not is_signed(request, body, "dynamodb"):
            guest.refused.append("GetItem")
            return JSONResponse({"__type": "x#AccessDeniedException", "Message": "bad signature"}, 400)
        key = (await request.json())["Key"]["pk"]["S"].removeprefix("IMAGE#")
        picture = double.pictures.get(key)
        return JSONResponse({"Item": wire(double.result(picture))["M"]} if picture else {})

    async def put(request: Request) -> Response:
        content = await request.body()
        if is_skewed(request):
            guest.skewed += 1
            now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
            error = f"<Error><Code>RequestTimeTooSkewed</Code><ServerTime>{now}</ServerTime></Error>"
            return Response(error, 403)
        if not is_signed(request, content, "s3"):
            guest.refused.append("PutObject")
            return Response("<Error><Code>SignatureDoesNotMatch</Code></Error>", 403)
        guest.puts.append(request.path_params["key"])
        double.put(request.path_params["key"], content, request.headers["content-type"])
        return Response()

    async def get_object(request: Request) -> Response:
        picture = double.pictures.get(request.path_params["key"])
        if not picture or not is_presigned(request):
            guest.refused.append("GetObject")
            return Response(status_code=403)
        return Response(picture.content, media_type=picture.content_type)

    routes = [
        Route("/cognito", cognito, methods=["POST"]),
        Route("/dynamodb/", dynamodb, methods=["POST"]),
        Route("/s3/pictures/{key:path}", put, methods=["PUT"]),
        Route("/s3/pictures/{key:path}", get_object),
    ]
    return Starlette(routes=[Mount("/aws", routes=routes), Mount("/", application(double))])
