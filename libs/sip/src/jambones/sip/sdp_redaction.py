"""A session description as it may be shown: media and addresses, no keys, no names (RFC 8866, 4568, 8122, 8839)."""

import re
from collections.abc import Callable

MASK = "***"
_LINES_SHOWN = frozenset("vtbcmrz")
_ATTRIBUTES = frozenset({
    "candidate", "crypto", "end-of-candidates", "extmap", "fingerprint", "fmtp", "group", "ice-lite", "ice-options",
    "ice-ufrag", "inactive", "maxptime", "mid", "msid-semantic", "ptime", "recvonly", "remote-candidates", "rtcp",
    "rtcp-fb", "rtcp-mux", "rtcp-mux-only", "rtcp-rsize", "rtpmap", "sendonly", "sendrecv", "setup", "silenceSupp",
    "tls-id",
})  # fmt: skip
_CUT_AFTER = {"crypto": 2, "fingerprint": 1, "tls-id": 0}
"""Of these only so many words are shown: the tag and the suite, the hash's name."""
_ORIGIN = re.compile(r"(\S+) (\d+) (\d+) (IN IP[46] [0-9A-Za-z.:\-]+)")


def lines(sdp: bytes, hide: Callable[[str], str]) -> list[str]:
    """Its lines. What is not known to be harmless is masked; ``hide`` makes a token of the originator's name."""
    return [_line(line, hide) for line in sdp.decode("utf-8", "replace").splitlines() if line]


def _line(line: str, hide: Callable[[str], str]) -> str:
    kind, equals, value = line.partition("=")
    if not equals or len(kind) != 1:
        return MASK
    if kind in _LINES_SHOWN or (kind == "s" and value in {"-", " ", ""}):
        return line
    if kind == "o":
        origin = _ORIGIN.fullmatch(value)
        if origin is None:
            return f"o={MASK}"
        name = origin[1] if origin[1] == "-" else hide(origin[1])
        return f"o={name} {origin[2]} {origin[3]} {origin[4]}"
    if kind != "a":
        return f"{kind}={MASK}"
    name, colon, rest = value.partition(":")
    if name not in _ATTRIBUTES:
        return f"a={name if re.fullmatch(r'[A-Za-z][A-Za-z-]{0,30}', name) else MASK}{f':{MASK}' if colon else ''}"
    if name in _CUT_AFTER and colon:
        words = rest.split()[: _CUT_AFTER[name]]
        return f"a={name}:{' '.join([*words, MASK])}"
    return line
