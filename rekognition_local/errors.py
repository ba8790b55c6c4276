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
    """An answer other than 200; `message` is the error's usual one where nothing else is said."""

    code = ""
    status = 400
    message = ""

    def __init__(self, message: str = "") -> None:
        self.message = message or self.message
        super().__init__(self.message)


class ValidationError(RekognitionError):
    """A parameter breaks a constraint of the service model (length, range, pattern, enumeration)."""

    code = "ValidationException"


class SerializationError(RekognitionError):
    """The body is not JSON, or a parameter has another JSON type than the model says."""

    code = "SerializationException"


class InvalidParameterError(RekognitionError):
    """A combination of parameters makes no sense, or the picture is too small."""

    code = "InvalidParameterException"
    message = "Request has invalid parameters"


class InvalidImageFormatError(RekognitionError):
    """The picture is neither JPEG nor PNG, or is damaged."""

    code = "InvalidImageFormatException"
    message = "Request has invalid image format"


class ImageTooLargeError(RekognitionError):
    """The picture has more bytes or pixels than the service takes."""

    code = "ImageTooLargeException"
    message = "Image size is too large"


class InvalidS3ObjectError(RekognitionError):
    """The S3 object is missing, or may not be read."""

    code = "InvalidS3ObjectException"
    message = "Unable to get object metadata from S3. Check object key, region and/or access permissions."


class ThroughputExceededError(RekognitionError):
    """More calls a second than the quota of the operation allows."""

    code = "ProvisionedThroughputExceededException"
    message = "Provisioned rate exceeded"


class BusyError(RekognitionError):
    """This machine is too busy to answer before the client's time-out; the call may be repeated."""

    code = "ThrottlingException"
    message = "The local Rekognition is busy: try the call again"


class UnknownOperationError(RekognitionError):
    """The X-Amz-Target header names no operation of Rekognition."""

    code = "UnknownOperationException"


class NotImplementedHereError(RekognitionError):
    """Rekognition has this operation, this server does not."""

    code = "NotImplementedException"
    status = 501


class InternalError(RekognitionError):
    """Something broke on the server's side; the call may be repeated."""

    code = "InternalServerError"
    status = 500
    message = "Internal server error"


class RuleError(RekognitionError):
    """The error that a rule asks for."""

    def __init__(self, code: str, message: str, status: int) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


class ConfigurationError(Exception):
    """An option, rules file, model or classes file of the server is wrong; the sentence says which and why."""

    code = "InvalidConfiguration"
