"""The words rtpengine 10.5 understands in an offer or answer.

The daemon only logs a word it does not know, so a typo would silently change nothing: we refuse it here.
"""

import re
from collections.abc import Mapping, Sequence

from jambones.media.rtpengine.bencode import Encodable


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SUITES = _words(
    "AES_CM_128_HMAC_SHA1_80 AES_CM_128_HMAC_SHA1_32 AES_192_CM_HMAC_SHA1_80 AES_192_CM_HMAC_SHA1_32 "
    "AES_256_CM_HMAC_SHA1_80 AES_256_CM_HMAC_SHA1_32 AEAD_AES_128_GCM AEAD_AES_256_GCM "
    "F8_128_HMAC_SHA1_80 F8_128_HMAC_SHA1_32 NULL_HMAC_SHA1_80 NULL_HMAC_SHA1_32"
)
_PROTOCOLS = _words("RTP/AVP RTP/AVPF RTP/SAVP RTP/SAVPF UDP/TLS/RTP/SAVP UDP/TLS/RTP/SAVPF accept")

_FREE = re.compile(r"[^\x00-\x20]{1,256}")
_CODEC = re.compile(r"[A-Za-z0-9.-]+(?:/[0-9]+)*(?:/[A-Za-z0-9=;/-]*)?")
_WORD = re.compile(r"[A-Za-z0-9_.:-]+")

# Options that are a list of words.
LISTS: Mapping[str, frozenset[str] | re.Pattern[str]] = {
    "flags": _words(
        "trust-address SIP-source-address asymmetric unidirectional strict-source media-handover "
        "reset port-latching no-port-latching record-call no-rtcp-attribute full-rtcp-attribute loop-protect "
        "always-transcode single-codec reuse-codecs allow-transcoding all pad-crypto generate-mid "
        "strip-extmap original-sendrecv inject-DTMF detect-DTMF generate-RTCP RTCP-mirror debug pierce-NAT NAT-wait "
        "trickle-ICE reject-ICE symmetric-codecs asymmetric-codecs no-jitter-buffer no-redis-update SIPREC"
    ),
    "replace": _words("origin session-connection SDP-version username session-name zero-address"),
    "direction": _WORD,
    "received-from": _WORD,
    "rtcp-mux": _words("offer require demux accept reject"),
    "SDES": _words(
        "off pad lifetime static unencrypted_srtp unencrypted_srtcp unauthenticated_srtp encrypted_srtp "
        "encrypted_srtcp authenticated_srtp"
    )
    | {f"no-{suite}" for suite in _SUITES},
    "OSRTP": _words("offer accept"),
    "T.38": _words("decode force stop no-ECM no-V.17 no-V.27ter no-V.29 no-V.34 no-IAF FEC"),
    "supports": frozenset({"load limit"}),
    "from-tags": _FREE,
}

# Options that are one word.
WORDS: Mapping[str, frozenset[str] | re.Pattern[str]] = {
    "ICE": _words("remove force default force-relay force_relay optional"),
    "ICE-lite": _words("forward offer backward answer both off"),
    "DTLS": _words("off no disable passive active"),
    "DTLS-reverse": _words("passive active"),
    "DTLS-fingerprint": _words("sha-1 sha-224 sha-256 sha-384 sha-512"),
    "transport-protocol": _PROTOCOLS,
    "address-family": _words("IP4 IP6 inet inet6 ipv4 ipv6"),
    "drop-traffic": _words("start stop"),
    "endpoint-learning": _words("off immediate delayed heuristic"),
    "media-echo": _words("blackhole forward backwards both"),
    "DTMF-security": _words("drop silence tone random zero DTMF off"),
    "media-address": _WORD,
    "interface": _WORD,
    "label": _FREE,
    "set-label": _FREE,
    "via-branch": _FREE,
    "metadata": re.compile(r"[^\x00]{0,4096}"),
    "xmlrpc-callback": _WORD,
}

# Options that are a number, with their bounds.
NUMBERS: Mapping[str, range] = {
    "ptime": range(1, 1001),
    "ptime-reverse": range(1, 1001),
    "TOS": range(256),
    "delete-delay": range(86_401),
    "delay-buffer": range(60_001),
    "DTMF-delay": range(60_001),
}

# Words of the `codec` dictionary; each takes a list of codec names or `all` / `full`.
CODEC_ACTIONS = _words("strip except offer transcode mask consume accept ignore set")


class UnknownWord(ValueError):
    """An option or word that rtpengine would silently ignore: a mistake in our own code."""


def wire_name(option: str) -> str:
    """The option's name on the wire; underscores of Python keywords count as hyphens."""
    return option.replace("_", "-")


def check(options: Mapping[str, Encodable]) -> dict[str, Encodable]:
    """The options under their wire names; raises `UnknownWord`."""
    checked: dict[str, Encodable] = {}
    for given, value in options.items():
        option = wire_name(given)
        if option in LISTS:
            checked[option] = [_word(option, word, LISTS[option]) for word in _sequence(option, value)]
        elif option in WORDS:
            checked[option] = _word(option, value, WORDS[option])
        elif option in NUMBERS:
            if not isinstance(value, int) or value not in NUMBERS[option]:
                raise UnknownWord(f"{option} is not a number in its bounds")
            checked[option] = value
        elif option == "codec":
            checked[option] = _codecs(value)
        else:
            raise UnknownWord(f"no option {given!r}")
    return checked


def _sequence(option: str, value: Encodable) -> Sequence[Encodable]:
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        raise UnknownWord(f"{option} takes a list")
    return value


def _word(option: str, word: Encodable, allowed: frozenset[str] | re.Pattern[str]) -> str:
    if isinstance(word, str):
        known = allowed.fullmatch(word) is not None if isinstance(allowed, re.Pattern) else word in allowed
        if known:
            return word
    raise UnknownWord(f"{option} has no word {word!r}")


def _codecs(value: Encodable) -> dict[str, Encodable]:
    if not isinstance(value, Mapping) or not set(value) <= CODEC_ACTIONS:
        raise UnknownWord("codec takes a dictionary of " + ", ".join(sorted(CODEC_ACTIONS)))
    return {action: [_word(action, c, _CODEC) for c in _sequence(action, codecs)] for action, codecs in value.items()}
