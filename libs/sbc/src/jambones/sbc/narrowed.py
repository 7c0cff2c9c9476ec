"""A description that was an offer once, as the answer to another offer: RFC 3264 section 6.

When only one side of a call moves its audio, rtpengine alone gets a new offer and answer; the other side's part of it
is what that side described last, without the codecs that are not on offer now.
"""

from dataclasses import replace

from jambones.sip.sdp import Attribute, Media, RtpMap, SdpError, SessionDescription

_OF_A_FORMAT = frozenset({"rtpmap", "fmtp", "rtcp-fb"})


def narrowed(described: bytes, offer: bytes) -> bytes:
    """`described` with those encodings of its audio that `offer` has; untouched when none is left, or unreadable."""
    try:
        theirs, ours = SessionDescription.parse(described), SessionDescription.parse(offer)
    except SdpError:
        return described
    audio, offered = theirs.audio(), ours.audio()
    if audio is None or offered is None:
        return described
    wanted = list(offered.rtpmap.values())
    kept = {str(number) for number, encoding in audio.rtpmap.items() if _among(encoding, wanted)}
    if not kept or kept == set(audio.formats):
        return described
    return bytes(replace(theirs, media=tuple(_only(each, kept) if each is audio else each for each in theirs.media)))


def _among(encoding: RtpMap, wanted: list[RtpMap]) -> bool:
    return any(encoding.same_encoding(each) for each in wanted)


def _only(audio: Media, kept: set[str]) -> Media:
    formats = tuple(each for each in audio.formats if each in kept)
    return replace(audio, formats=formats, attributes=tuple(a for a in audio.attributes if _stays(a, kept)))


def _stays(attribute: Attribute, kept: set[str]) -> bool:
    return attribute.name.lower() not in _OF_A_FORMAT or (attribute.value or "").partition(" ")[0] in {*kept, "*"}
