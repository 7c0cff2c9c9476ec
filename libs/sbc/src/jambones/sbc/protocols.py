"""What carries the audio that a description is about: RTP profiles (RFC 3551, 3711, 4585, 5764) and their keys."""

import re

PROTOCOLS = frozenset({
    "RTP/AVP", "RTP/AVPF", "RTP/SAVP", "RTP/SAVPF", "UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF",
})  # fmt: skip
_AUDIO = re.compile(rb"^m=audio \S+ (\S+)", re.MULTILINE)


def protocols_of(sdp: bytes) -> list[str]:
    """Of its audio streams, in order."""
    return [found.decode("ascii", "replace") for found in _AUDIO.findall(sdp)]


def is_encrypted(protocol: str) -> bool:
    return "SAVP" in protocol


def has_keys(sdp: bytes) -> bool:
    """Whether it says how to agree on keys, in it (RFC 4568) or in a handshake (RFC 5763)."""
    return b"\na=crypto:" in sdp or b"\na=fingerprint:" in sdp
