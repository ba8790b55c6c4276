"""The errors of pictures that cannot be decoded."""

from __future__ import annotations


class UnusablePictureError(Exception):
    """The same bytes will never do; `code` is a rejection code's name (`results.codes`), `detail` the finding."""

    def __init__(self, code: str, detail: str = "") -> None:
        self.code = code
        self.detail = detail
        super().__init__(f"{code} {detail}")


def damaged(detail: str = "") -> UnusablePictureError:
    """Return the error of a file whose structure contradicts itself or breaks off."""
    return UnusablePictureError("IMAGE_DAMAGED", detail)


def unsupported(detail: str) -> UnusablePictureError:
    """Return the error of a file that is whole, but of a kind that nothing here reads."""
    return UnusablePictureError("UNSUPPORTED_FORMAT", detail)


def too_small(width: int, height: int) -> UnusablePictureError:
    """Return the error of a picture below 80 pixels a side."""
    return UnusablePictureError("IMAGE_TOO_SMALL", f"It has {width} x {height} pixels")
