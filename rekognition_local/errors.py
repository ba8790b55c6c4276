"""The errors the server answers with, as the real service names and words them.

::

    RekognitionError            code, message, HTTP status: what goes on the wire
    ├── ValidationError         a parameter breaks a constraint of the service model
    ├── SerializationError      a parameter has the wrong JSON type
    ├── InvalidParameterError   a parameter makes no sense, or the picture is smaller than 80 px
    ├── InvalidImageFormatError not a whole JPEG or PNG
    ├── ImageTooLargeError      too many bytes (S3) or pixels
    ├── InvalidS3ObjectError    the object cannot be read
    ├── ThroughputExceededError the quota per operation, or S3's
    ├── BusyError               this machine is too busy to answer in time
    ├── UnknownOperationError   no operation of Rekognition
    ├── NotImplementedHereError an operation of Rekognition that this server lacks
    ├── InternalError           ours
    └── RuleError               what a rule asks for
    ConfigurationError          a file or option given to the server is wrong (never on the wire)

Codes and messages: docs.aws.amazon.com/rekognition/latest/dg/error-handling.html, and what users report of the
service for the ones that page does not word.
"""


class RekognitionError(Exception):
    """An answer other than 200."""

    code = "InternalServerError"
    status = 500

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ValidationError(RekognitionError):
    """A parameter breaks a constraint of the service model (length, range, pattern, enumeration)."""

    code = "ValidationException"
    status = 400


class SerializationError(RekognitionError):
    """The body is not JSON, or a parameter has another JSON type than the model says."""

    code = "SerializationException"
    status = 400


class InvalidParameterError(RekognitionError):
    """A combination of parameters makes no sense, or the picture is too small."""

    code = "InvalidParameterException"
    status = 400

    def __init__(self, message: str = "Request has invalid parameters") -> None:
        super().__init__(message)


class InvalidImageFormatError(RekognitionError):
    """The picture is neither JPEG nor PNG, or is damaged."""

    code = "InvalidImageFormatException"
    status = 400

    def __init__(self, message: str = "Request has invalid image format") -> None:
        super().__init__(message)


class ImageTooLargeError(RekognitionError):
    """The picture has more bytes or pixels than the service takes."""

    code = "ImageTooLargeException"
    status = 400

    def __init__(self, message: str = "Image size is too large") -> None:
        super().__init__(message)


class InvalidS3ObjectError(RekognitionError):
    """The S3 object is missing, or may not be read."""

    code = "InvalidS3ObjectException"
    status = 400

    def __init__(
        self,
        message: str = "Unable to get object metadata from S3. Check object key, region and/or access permissions.",
    ) -> None:
        super().__init__(message)


class ThroughputExceededError(RekognitionError):
    """More calls a second than the quota of the operation allows."""

    code = "ProvisionedThroughputExceededException"
    status = 400

    def __init__(self, message: str = "Provisioned rate exceeded") -> None:
        super().__init__(message)


class BusyError(RekognitionError):
    """This machine is too busy to answer before the client's time-out; the call may be repeated."""

    code = "ThrottlingException"
    status = 400

    def __init__(self, message: str = "The local Rekognition is busy: try the call again") -> None:
        super().__init__(message)


class UnknownOperationError(RekognitionError):
    """The X-Amz-Target header names no operation of Rekognition."""

    code = "UnknownOperationException"
    status = 400


class NotImplementedHereError(RekognitionError):
    """Rekognition has this operation, this server does not."""

    code = "NotImplementedException"
    status = 501


class InternalError(RekognitionError):
    """Something broke on the server's side; the call may be repeated."""

    def __init__(self, message: str = "Internal server error") -> None:
        super().__init__(message)


class RuleError(RekognitionError):
    """The error that a rule asks for."""

    def __init__(self, code: str, message: str, status: int) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


class ConfigurationError(Exception):
    """An option, rules file, model or classes file of the server is wrong; the sentence says which and why."""

    code = "InvalidConfiguration"
