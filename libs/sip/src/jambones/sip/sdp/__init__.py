"""Session descriptions and their negotiation: RFC 8866 (SDP), RFC 3264 (offer/answer)."""

from jambones.sip.sdp.model import (
    Attribute,
    Connection,
    Direction,
    Media,
    Origin,
    RtpMap,
    SdpError,
    SessionDescription,
)
from jambones.sip.sdp.offer_answer import (
    G722,
    OPUS,
    PCMA,
    PCMU,
    Codec,
    LocalMedia,
    Negotiated,
    NotAcceptable,
    answer,
    conclude,
    offer,
    revised,
)

__all__ = [
    "G722",
    "OPUS",
    "PCMA",
    "PCMU",
    "Attribute",
    "Codec",
    "Connection",
    "Direction",
    "LocalMedia",
    "Media",
    "Negotiated",
    "NotAcceptable",
    "Origin",
    "RtpMap",
    "SdpError",
    "SessionDescription",
    "answer",
    "conclude",
    "offer",
    "revised",
]
