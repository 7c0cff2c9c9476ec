"""Making offers and answers for one audio stream: RFC 3264.

Pure: what this side can do comes in as `LocalMedia`, what was agreed goes out as `Negotiated`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from jambones.sip.sdp.model import (
    Attribute,
    Connection,
    Direction,
    Media,
    Origin,
    RtpMap,
    SessionDescription,
)

_PLAIN_RTP = frozenset({"RTP/AVP", "RTP/AVPF"})
_TELEPHONE_EVENT = "telephone-event"
_DIGITS = "0-15"  # RFC 4733: 0-9, *, #, A-D
_PTIMES = range(10, 201, 10)  # milliseconds of audio a packet may hold


class NotAcceptable(Exception):
    """No stream can be agreed on: answer `status` with a `Warning` header of `warning` (RFC 3261 section 20.43)."""

    def __init__(self, code: int, text: str, status: int = 488) -> None:
        super().__init__(text)
        self.status = status
        self.reason = text
        self.warning = f'{code} jambones "{text}"'


@dataclass(frozen=True)
class Codec:
    """An encoding this side can send and receive, and the payload type it gives it in its own offers."""

    name: str
    payload_type: int
    rate: int = 8000  # RTP clock, Hz
    channels: int = 1
    fmtp: str | None = None

    @property
    def rtpmap(self) -> RtpMap:
        return RtpMap(self.payload_type, self.name, self.rate, self.channels)


PCMU = Codec("PCMU", 0)
PCMA = Codec("PCMA", 8)
G722 = Codec("G722", 9)  # 16 kHz sound on an 8 kHz RTP clock (RFC 3551 section 4.5.2)
OPUS = Codec("opus", 96, 48000, 2, "useinbandfec=1")


@dataclass(frozen=True)
class LocalMedia:
    """What this side brings: where it receives, what it can code, in order of preference."""

    address: str
    port: int
    codecs: tuple[Codec, ...]
    dtmf: bool = True  # offer and accept telephone-event
    dtmf_payload_type: int = 101  # in our own offers; 8 kHz clock, the next number serves other clocks
    ptime: int = 20
    direction: Direction = Direction.SENDRECV
    rtcp_port: int | None = None  # None: the port after `port`
    rtcp_mux: bool = False  # accept or offer RTCP on the RTP port (RFC 5761)
    session_id: int = 1
    version: int = 1
    own_order: bool = False  # answer in our order of codecs instead of the offerer's


@dataclass(frozen=True)
class Negotiated:
    """What both sides agreed on, seen from this side.

    `payload_type` and `dtmf_payload_type` are those to send; the peer sends ours of the same encoding, which differ
    only when it answered our offer with other numbers. `ptime` is in milliseconds: that of the packets to send.
    """

    codec: Codec
    payload_type: int
    dtmf_payload_type: int | None
    remote_address: str
    remote_port: int
    ptime: int
    direction: Direction
    remote_rtcp: tuple[str, int] | None
    receive_payload_type: int
    receive_dtmf_payload_type: int | None = None
    dtmf_rate: int = 8000
    rtcp_mux: bool = False
    remote_fmtp: str | None = None
    remote_payloads: Mapping[int, RtpMap] = field(default_factory=dict, compare=False)


def offer(local: LocalMedia) -> SessionDescription:
    """A description that offers all codecs of `local`."""
    attributes: list[Attribute] = []
    formats: list[str] = []
    for codec in local.codecs:
        formats.append(str(codec.payload_type))
        attributes += _encoding(codec.rtpmap, codec.fmtp)
    if local.dtmf:
        for number, rate in enumerate(dict.fromkeys(codec.rate for codec in local.codecs), local.dtmf_payload_type):
            formats.append(str(number))
            attributes += _encoding(RtpMap(number, _TELEPHONE_EVENT, rate), _DIGITS)
    return _describe(local, (_audio(local, "RTP/AVP", tuple(formats), attributes, local.direction, local.ptime),))


def answer(
    offered: SessionDescription, local: LocalMedia, *, previous: SessionDescription | None = None
) -> tuple[SessionDescription, Negotiated]:
    """Our answer and what it agrees on; raises `NotAcceptable`.

    The first usable audio section gets one codec (and telephone-event with the offered number, which rtpengine and
    many gateways insist on); all other sections are refused in place with port 0. With `previous`, our last description
    in this dialog, the session's identity is kept and its version raised when anything changed.
    """
    refusals: list[NotAcceptable] = []
    sections: list[Media] = []
    agreed: Negotiated | None = None
    for media in offered.media:
        if agreed is None and media.kind == "audio" and not media.rejected:
            try:
                section, agreed = _accept(offered, media, local)
            except NotAcceptable as refusal:
                refusals.append(refusal)
            else:
                sections.append(section)
                continue
        sections.append(_refuse(media))
    if agreed is None:
        raise refusals[0] if refusals else NotAcceptable(304, "No audio in the offer")
    description = _describe(local, tuple(sections))
    if previous is not None:
        description = revised(previous, description)
    return description, agreed


def conclude(offered: SessionDescription, answered: SessionDescription, local: LocalMedia) -> Negotiated:
    """What the peer's answer to our offer agrees on; raises `NotAcceptable`."""
    mine = offered.audio()
    position = offered.media.index(mine) if mine is not None else 0
    if mine is None or len(answered.media) <= position or answered.media[position].rejected:
        raise NotAcceptable(304, "Audio was refused")
    return _agree(answered, answered.media[position], local, mine.rtpmap)


def revised(previous: SessionDescription, changed: SessionDescription) -> SessionDescription:
    """`changed` as the successor of `previous`: same identity, one version higher if anything differs (section 8)."""
    before = previous.origin
    origin = Origin(before.username, before.session_id, before.version, changed.origin.address, changed.origin.family)
    same = bytes(previous) == bytes(changed.with_origin(origin))
    return changed.with_origin(origin if same else replace(origin, version=before.version + 1))


def _accept(offered: SessionDescription, media: Media, local: LocalMedia) -> tuple[Media, Negotiated]:
    if media.proto.upper() not in _PLAIN_RTP:
        raise NotAcceptable(302, "Incompatible transport protocol")
    agreed = _agree(offered, media, local, {})
    formats = [str(agreed.payload_type)]
    attributes = _encoding(replace(agreed.codec.rtpmap, payload_type=agreed.payload_type), agreed.codec.fmtp)
    if agreed.dtmf_payload_type is not None:
        formats.append(str(agreed.dtmf_payload_type))
        attributes += _encoding(RtpMap(agreed.dtmf_payload_type, _TELEPHONE_EVENT, agreed.dtmf_rate), _DIGITS)
    section = _audio(
        local, media.proto, tuple(formats), attributes, agreed.direction, agreed.ptime, rtcp_mux=agreed.rtcp_mux
    )
    if (mid := media.get("mid")) is not None:
        section = replace(section, attributes=(Attribute("mid", mid), *section.attributes))  # RFC 5888 section 9.1
    return section, agreed


def _agree(remote: SessionDescription, media: Media, local: LocalMedia, mine: Mapping[int, RtpMap]) -> Negotiated:
    """Match the peer's audio section with ours; `mine` are the payload types of our offer, empty when we answer."""
    connection = remote.connection_of(media)
    if connection is None:
        raise NotAcceptable(301, "No address for the audio")
    found = _match_codec(media, local)
    if found is None:
        raise NotAcceptable(305, "No common codec")
    codec, payload_type = found
    dtmf = _match_dtmf(media, codec.rate) if local.dtmf else None
    mux = local.rtcp_mux and media.rtcp_mux
    if mux:
        rtcp_address, rtcp_port = connection.address, media.port
    else:
        address, rtcp_port = media.rtcp or (None, media.port + 1)
        rtcp_address = address or connection.address
    theirs = remote.direction_of(media).mirrored
    return Negotiated(
        codec=codec,
        payload_type=payload_type,
        dtmf_payload_type=dtmf.payload_type if dtmf else None,
        remote_address=connection.address,
        remote_port=media.port,
        ptime=_packet_time(media, local),
        direction=Direction.of(
            sends=theirs.sends and local.direction.sends, receives=theirs.receives and local.direction.receives
        ),
        remote_rtcp=(rtcp_address, rtcp_port) if rtcp_port <= 65535 else None,
        receive_payload_type=_number_of(mine, codec.rtpmap, payload_type),
        receive_dtmf_payload_type=_number_of(mine, dtmf, dtmf.payload_type) if dtmf else None,
        dtmf_rate=dtmf.rate if dtmf else codec.rate,
        rtcp_mux=mux,
        remote_fmtp=media.fmtp.get(payload_type),
        remote_payloads=media.rtpmap,
    )


def _match_codec(media: Media, local: LocalMedia) -> tuple[Codec, int] | None:
    common = [
        (codec, number)
        for number, encoding in media.rtpmap.items()
        for codec in local.codecs
        if codec.rtpmap.same_encoding(encoding)
    ]
    if local.own_order:
        common.sort(key=lambda pair: local.codecs.index(pair[0]))
    return common[0] if common else None


def _match_dtmf(media: Media, rate: int) -> RtpMap | None:
    """telephone-event on the codec's clock, else on any: phones exist that list it only at 8 kHz next to Opus."""
    events = [m for m in media.rtpmap.values() if m.name.lower() == _TELEPHONE_EVENT]
    return next((m for m in events if m.rate == rate), events[0] if events else None)


def _number_of(mine: Mapping[int, RtpMap], encoding: RtpMap, otherwise: int) -> int:
    return next((number for number, own in mine.items() if own.same_encoding(encoding)), otherwise)


def _packet_time(media: Media, local: LocalMedia) -> int:
    """What the peer asks for if it is a packet time we can make, else ours; never above its maximum."""
    wanted = media.ptime or local.ptime
    if wanted not in _PTIMES:
        wanted = local.ptime
    longest = media.maxptime
    return min(wanted, max(longest // 10 * 10, 10)) if longest else wanted


def _encoding(rtpmap: RtpMap, fmtp: str | None) -> list[Attribute]:
    attributes = [Attribute("rtpmap", str(rtpmap))]
    if fmtp:
        attributes.append(Attribute("fmtp", f"{rtpmap.payload_type} {fmtp}"))
    return attributes


def _audio(
    local: LocalMedia,
    proto: str,
    formats: tuple[str, ...],
    encodings: list[Attribute],
    direction: Direction,
    ptime: int,
    *,
    rtcp_mux: bool | None = None,
) -> Media:
    attributes = [*encodings, Attribute("ptime", str(ptime)), Attribute(direction.value)]
    if local.rtcp_port is not None:
        attributes.append(Attribute("rtcp", str(local.rtcp_port)))
    if local.rtcp_mux if rtcp_mux is None else rtcp_mux:
        attributes.append(Attribute("rtcp-mux"))
    return Media("audio", local.port, proto, formats, tuple(attributes))


def _refuse(media: Media) -> Media:
    """The section with port 0, its formats kept, since an m= line needs one (RFC 3264 section 6)."""
    mid = media.get("mid")
    return Media(media.kind, 0, media.proto, media.formats or ("0",), () if mid is None else (Attribute("mid", mid),))


def _describe(local: LocalMedia, media: tuple[Media, ...]) -> SessionDescription:
    connection = Connection.to(local.address)
    origin = Origin("-", local.session_id, local.version, connection.address, connection.family)
    return SessionDescription(origin, media, connection, name="jambones")
