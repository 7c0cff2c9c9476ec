"""What a leg tells its owner: call events, in the order in which they happened."""

from dataclasses import dataclass, field
from typing import Literal

from jambones.sip.headers import Headers
from jambones.sip.message import Request


@dataclass(frozen=True, slots=True)
class Progress:
    """A provisional response above 100 came (outgoing leg). ``reliable``: it was sent under RFC 3262, and PRACKed."""

    status: int
    reason: str
    sdp: bytes | None
    headers: Headers
    reliable: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """The 2xx came (outgoing leg)."""

    status: int
    sdp: bytes | None
    headers: Headers


@dataclass(frozen=True, slots=True)
class Acked:
    """The ACK of our 2xx came (incoming leg); ``sdp`` is the answer when our 2xx made the offer."""

    sdp: bytes | None


@dataclass(frozen=True, slots=True)
class Offered:
    """A re-INVITE, or an UPDATE with an offer. ``sdp`` None: the peer asks us for an offer (re-INVITE only).

    Settle it with ``leg.accept_offer`` or ``leg.refuse_offer``. When we offered, the answer follows as ``Acked``.
    """

    sdp: bytes | None
    request: Request
    headers: Headers


@dataclass(frozen=True, slots=True)
class Requested:
    """Another request in the dialog (INFO, MESSAGE, NOTIFY, REFER …); settle it with ``leg.respond``."""

    request: Request


@dataclass(frozen=True, slots=True)
class Ended:
    """The leg is over; always the last event, and exactly one.

    ``by``: ``remote`` (BYE, CANCEL, a final failure response), ``local`` (our hangup), ``failure`` (no answer, no ACK,
    transport lost). ``status``: the final status for a call that was never answered, 200 for an ended conversation.
    ``headers`` are those of the message that ended it (Reason and others), empty when there was none.
    """

    by: Literal["remote", "local", "failure"]
    status: int
    reason: str
    headers: Headers = field(default_factory=Headers)


LegEvent = Progress | Answered | Acked | Offered | Requested | Ended


@dataclass(frozen=True, slots=True)
class Answer:
    """The final response to our re-INVITE. With a 2xx and no SDP sent by us, ``sdp`` is an offer: call ``leg.ack``."""

    status: int
    reason: str
    sdp: bytes | None
    headers: Headers

    @property
    def accepted(self) -> bool:
        return 200 <= self.status < 300


class LegEnded(Exception):
    """The leg is over, or the caller has gone: nothing can be sent on it."""

    def __init__(self, ended: Ended | None = None) -> None:
        super().__init__("the leg has ended" if ended is None else f"the leg has ended: {ended.status} {ended.reason}")
        self.ended = ended
