"""What the collector refuses, and how it says so.

CollectorError
├── BadRequest          400: the bytes are not what their headers say
├── Unauthorized        401: no key, or one that is not valid here
├── TooLarge            413: over the body limit
├── UnsupportedMedia    415: a content type or encoding we do not read
└── Busy                429 or 503, with Retry-After: come back later, nothing is lost
    └── SpoolFull       the bounded spool has no room
"""

from __future__ import annotations


class CollectorError(Exception):
    """Base of every refusal; carries the HTTP status and the gRPC code that OTLP/HTTP puts in the body."""

    status = 500
    grpc_code = 13


class BadRequest(CollectorError):
    """The body cannot be read as what its headers promise."""

    status = 400
    grpc_code = 3


class Unauthorized(CollectorError):
    """The request carries no valid key."""

    status = 401
    grpc_code = 16


class TooLarge(CollectorError):
    """The body is over the limit, before or after decompression."""

    status = 413
    grpc_code = 8


class UnsupportedMedia(CollectorError):
    """The content type or content encoding is not one we read."""

    status = 415
    grpc_code = 3


class Busy(CollectorError):
    """Not now: the sender keeps the data and comes back after `retry_after` seconds."""

    status = 503
    grpc_code = 14

    def __init__(self, message: str, retry_after: int = 5) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class SpoolFull(Busy):
    """The spool is at its limit; taking more would mean losing some."""

    status = 429
