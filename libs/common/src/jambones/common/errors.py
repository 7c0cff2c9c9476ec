"""Errors that know their verdict: what to answer on SIP and HTTP, and the words for the log."""

from typing import Any, ClassVar


class JambonesError(Exception):
    """The root of our own errors.

    A subclass names its verdict in class variables; what it knows besides goes into `data`, which is logged as
    attributes. Wherever a request ends (SIP, HTTP, bus) one place turns the error into an answer.
    """

    sip_status: ClassVar[int] = 500
    http_status: ClassVar[int] = 500
    reason: ClassVar[str] = "internal error"

    def __init__(self, message: str = "", /, **data: Any) -> None:
        super().__init__(message or self.reason)
        self.message = message or self.reason
        self.data = data

    def __str__(self) -> str:
        return self.message


class Unavailable(JambonesError):
    """Something we depend on does not answer now; asking again later may help."""

    sip_status = 503
    http_status = 503
    reason = "service unavailable"
    retry_after = 5  # seconds, for the Retry-After header


class BusUnavailable(Unavailable):
    """NATS is away, nobody serves the subject, or no answer came in time."""

    reason = "bus unavailable"


class NotFound(JambonesError):
    """What was asked for does not exist, or not for this tenant."""

    sip_status = 404
    http_status = 404
    reason = "not found"


class Conflict(JambonesError):
    """Somebody else was first."""

    sip_status = 491
    http_status = 409
    reason = "conflict"


class Invalid(JambonesError):
    """What was sent cannot be used."""

    sip_status = 400
    http_status = 400
    reason = "invalid"
