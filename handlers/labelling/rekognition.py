"""The Rekognition adapter: pictures go by S3 reference or as bytes, errors come back in our words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    NoCredentialsError,
    ReadTimeoutError,
)

from handlers.labelling.detectors import Detector
from handlers.labelling.errors import (
    LabellingError,
    ObjectGoneError,
    PictureRejectedError,
    RekognitionDeniedError,
    RekognitionServerError,
    RekognitionThrottledError,
    RekognitionTimeoutError,
)
from handlers.labelling.ports import ConvertedObject, StoredObject
from handlers.results.codes import Code

if TYPE_CHECKING:
    from mypy_boto3_rekognition import RekognitionClient

_REJECTIONS: Final = {
    "InvalidImageFormatException": Code.IMAGE_DAMAGED,
    "ImageTooLargeException": Code.IMAGE_TOO_LARGE_BYTES,
}
_THROTTLES: Final = frozenset(
    {
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
    }
)
_DENIALS: Final = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "NotAuthorized",
        "OptInRequired",
        "UnrecognizedClientException",
    }
)


def client_config(timeout_s: float, connections: int) -> Config:
    """How the Rekognition client is built: it never tries again by itself, `recognition` does."""
    return Config(
        connect_timeout=timeout_s,
        read_timeout=timeout_s,
        max_pool_connections=connections,
        retries={"mode": "standard", "total_max_attempts": 1},
    )


class RekognitionService:
    """`Recogniser` by boto3."""

    def __init__(self, client: RekognitionClient) -> None:
        self._client = client

    def detect(self, detector: Detector, parameters: Mapping[str, Any], stored: StoredObject) -> Mapping[str, Any]:
        """One call of the detector's operation."""
        request: dict[str, Any] = {**parameters, "Image": _image(stored)}
        try:
            return self._call(detector, request)
        except ClientError as error:
            raise _translated(error) from error
        except (ReadTimeoutError, ConnectTimeoutError) as error:
            raise RekognitionTimeoutError(f"{detector.operation} did not answer in time") from error
        except NoCredentialsError as error:
            raise RekognitionDeniedError(str(error)) from error
        except BotoCoreError as error:
            raise RekognitionServerError(f"{detector.operation}: {error}") from error

    def _call(self, detector: Detector, request: dict[str, Any]) -> Mapping[str, Any]:
        match detector:
            case Detector.LABELS:
                return self._client.detect_labels(**request)
            case Detector.FACES:
                return self._client.detect_faces(**request)
            case Detector.MODERATION:
                return self._client.detect_moderation_labels(**request)
            case Detector.TEXT:
                return self._client.detect_text(**request)


def _image(stored: StoredObject) -> dict[str, Any]:
    if isinstance(stored, ConvertedObject):
        return {"Bytes": stored.jpeg}
    reference = {"Bucket": stored.bucket, "Name": stored.key}
    if stored.version_id:
        reference["Version"] = stored.version_id
    return {"S3Object": reference}


def _translated(error: ClientError) -> LabellingError:
    code = error.response["Error"].get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _REJECTIONS:
        return PictureRejectedError(_REJECTIONS[code])
    if code == "InvalidS3ObjectException":
        return ObjectGoneError(str(error))
    if code in _THROTTLES or status == 429:
        return RekognitionThrottledError(str(error))
    if code in _DENIALS or status in (401, 403):
        return RekognitionDeniedError(str(error))
    return RekognitionServerError(str(error))
