"""How a leg's audio is carried, and whether two of them may be carried past the media engine. Pure."""

from dataclasses import dataclass
from typing import Self

from jambones.sip.sdp import Direction, Negotiated

NOT_TOLD = "the SBC does not offer it"


@dataclass(frozen=True, slots=True)
class Carried:
    """What matters of a leg when its audio is to be left to rtpengine."""

    stays: str
    """Why its SBC cannot do without the media engine; empty when it can."""
    codec: str = ""
    numbers: tuple[int, int] = (0, 0)
    """Payload types of the codec, as sent and as received."""
    keys: tuple[int | None, int | None] = (None, None)
    """The same of telephone-event (RFC 4733)."""
    packet_ms: int = 20
    both_ways: bool = True
    """False on hold."""

    @classmethod
    def of(cls, agreed: Negotiated | None, stays: str) -> Self:
        if agreed is None:
            return cls(stays or "no media")
        return cls(
            stays,
            agreed.codec.name,
            (agreed.payload_type, agreed.receive_payload_type),
            (agreed.dtmf_payload_type, agreed.receive_dtmf_payload_type),
            agreed.ptime,
            agreed.direction is Direction.SENDRECV,
        )


def in_the_way(a: Carried, b: Carried) -> str:
    """Why the media engine must stay between the two; empty when rtpengines can pass packets on as they are."""
    for leg in (a, b):
        if leg.stays:
            return leg.stays
    if not (a.both_ways and b.both_ways):
        return "hold"
    if a.codec != b.codec or len({*a.numbers, *b.numbers}) > 1:
        return "codecs differ"
    if len({*a.keys, *b.keys}) > 1:
        return "telephone-event differs"
    return "" if a.packet_ms == b.packet_ms else "packet times differ"


def stays_of(media: str | None) -> str:
    """What X-Jambones-Media of an SBC says: why the media engine must stay, empty when it need not."""
    if media is None:
        return NOT_TOLD
    path, _, why = media.partition(";")
    return "" if path.strip() == "partial" else why.strip() or NOT_TOLD
