"""How a call ends: who, with what status, and what the far end is told."""

from dataclasses import dataclass, field
from typing import Self

from jambones.feature_server.calls.leg import Ended, Headers
from jambones.feature_server.calls.reasons import Cause, EndedBy

LONGEST = 200  # characters of a text that goes into a header


def one_line(text: str) -> str:
    """`text` as the value of a header: what an application wrote may be in it."""
    return " ".join(text.replace("\0", " ").split())[:LONGEST]


@dataclass(frozen=True, slots=True)
class Ending:
    """The one decision that ends a call.

    `status` and `reason` are what an unanswered call is refused with, and what the last status event of such a call
    says. `gone` means that there is nobody left to tell.
    """

    by: EndedBy
    cause: str
    status: int = 200
    reason: str = "OK"
    headers: Headers = ()
    gone: bool = False
    received: dict[str, str] = field(default_factory=dict)

    @classmethod
    def platform(
        cls, cause: Cause, *, status: int = 603, reason: str = "", headers: Headers = (), tell: bool = True
    ) -> Self:
        """Our side ends it; with `tell` the far end reads the cause in X-Reason."""
        extra = (("X-Reason", str(cause)),) if tell else ()
        return cls(EndedBy.PLATFORM, str(cause), status, reason, (*headers, *extra))

    @classmethod
    def remote(cls, ended: Ended) -> Self:
        """The leg has told us."""
        return cls(ended.by, ended.cause or "hung up", ended.status, ended.reason, (), True, dict(ended.headers))
