"""What rtpengine shall make of a session description for each kind of peer it goes *to*.

Every offer and every answer names everything for its receiver: what is left to the daemon follows the other side, and a
plain phone would be handed a browser's encryption. Tried against rtpengine 10.5.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from jambones.media.rtpengine.bencode import Encodable

Options = Mapping[str, Encodable]

_REPLACE = ("origin", "session-connection", "SDP-version", "username")  # keeps o= legal when the content changes
_ONE_SUITE = (  # leaves a=crypto with AES_CM_128_HMAC_SHA1_80 alone; unrestricted, NULL ciphers are offered as well
    "no-NULL_HMAC_SHA1_80", "no-NULL_HMAC_SHA1_32", "no-F8_128_HMAC_SHA1_80", "no-F8_128_HMAC_SHA1_32",
    "no-AEAD_AES_256_GCM", "no-AEAD_AES_128_GCM", "no-AES_256_CM_HMAC_SHA1_80", "no-AES_256_CM_HMAC_SHA1_32",
    "no-AES_192_CM_HMAC_SHA1_80", "no-AES_192_CM_HMAC_SHA1_32", "no-AES_CM_128_HMAC_SHA1_32",
)  # fmt: skip


@dataclass(frozen=True)
class Profile:
    """A kind of peer: the options of an offer, and of an answer, whose result it will receive."""

    name: str
    offer: Options
    answer: Options

    def options(self, command: str, extra: Options) -> dict[str, Encodable]:
        """The profile's options for `command` with `extra` on top; extra flags and replacements are added."""
        merged = dict(self.offer if command == "offer" else self.answer)
        for name, value in extra.items():
            option = name.replace("_", "-")
            before = merged.get(option)
            if option in {"flags", "replace"} and isinstance(before, tuple) and isinstance(value, tuple | list):
                merged[option] = tuple(dict.fromkeys((*before, *value)))
            else:
                merged[option] = value
        return merged


def _profile(name: str, options: Options, answer: Options | None = None) -> Profile:
    common = {"flags": ("port-latching",), "replace": _REPLACE, **options}
    return Profile(name, common, {**common, **(answer or {})})


_PLAIN_OPTIONS: Options = {
    "transport-protocol": "RTP/AVP",
    "ICE": "remove",
    "DTLS": "off",
    "SDES": ("off",),
    "rtcp-mux": ("demux",),
}

PLAIN = _profile("plain", _PLAIN_OPTIONS)
"""A carrier or phone with plain RTP. Add flag `strict-source` for trunks or `media-handover` for roaming users."""

SDES = _profile(
    "sdes",
    {
        **_PLAIN_OPTIONS,
        "transport-protocol": "RTP/SAVP",
        "SDES": _ONE_SUITE,
        "flags": ("port-latching", "strict-source"),
    },
    {"rtcp-mux": ("accept",)},
)
"""A carrier or phone with SRTP keys in the description (RFC 4568)."""

WEBRTC = _profile(
    "webrtc",
    {
        "transport-protocol": "UDP/TLS/RTP/SAVPF",
        "ICE": "force",
        "DTLS": "passive",
        "SDES": ("off",),
        "rtcp-mux": ("offer", "require"),
        "flags": ("port-latching", "generate-mid"),
    },
    {"ICE": "default", "DTLS": "active", "rtcp-mux": ("accept",)},
)
"""A browser: ICE, DTLS-SRTP, RTCP on the RTP port. Where we have the choice we are the DTLS client."""

FEATURE_SERVER = _profile("feature-server", _PLAIN_OPTIONS)
"""Our own media engine on the private network."""

P, S, W, F = PLAIN, SDES, WEBRTC, FEATURE_SERVER
