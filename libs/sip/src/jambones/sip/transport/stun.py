"""STUN binding requests on the SIP port, which keep a NAT open: RFC 5389, RFC 5626 section 4.4.2."""

import struct
from ipaddress import ip_address

_HEADER = struct.Struct("!HHI12s")
_COOKIE = 0x2112A442
_REQUEST, _SUCCESS, _ERROR = 0x0001, 0x0101, 0x0111
_ERROR_CODE, _UNKNOWN_ATTRIBUTES, _XOR_MAPPED_ADDRESS = 0x0009, 0x000A, 0x0020
# Comprehension-required ones we may pass over: USERNAME, MESSAGE-INTEGRITY, PRIORITY and USE-CANDIDATE (of ICE).
_KNOWN = frozenset({0x0006, 0x0008, 0x0024, 0x0025})


def answer(data: bytes, host: str, port: int) -> bytes | None:
    """The response to a binding request that came from ``host``:``port``; None when ``data`` is none."""
    if len(data) < 20:
        return None
    kind, length, cookie, transaction = _HEADER.unpack_from(data)
    if kind != _REQUEST or cookie != _COOKIE or length != len(data) - 20 or length % 4:
        return None
    unknown = _unknown_attributes(data)
    if unknown is None:
        return None
    if unknown:
        body = _attribute(_ERROR_CODE, struct.pack("!HBB", 0, 4, 20) + b"Unknown Attribute")
        body += _attribute(_UNKNOWN_ATTRIBUTES, struct.pack(f"!{len(unknown)}H", *unknown))
        return _HEADER.pack(_ERROR, len(body), _COOKIE, transaction) + body
    address = ip_address(host)
    mask = struct.pack("!I", _COOKIE) + transaction
    masked = bytes(byte ^ key for byte, key in zip(address.packed, mask, strict=False))
    family = 1 if address.version == 4 else 2
    body = _attribute(_XOR_MAPPED_ADDRESS, struct.pack("!BBH", 0, family, port ^ (_COOKIE >> 16)) + masked)
    return _HEADER.pack(_SUCCESS, len(body), _COOKIE, transaction) + body


def _unknown_attributes(data: bytes) -> list[int] | None:
    """Comprehension-required attributes we do not know (section 7.3.1); None when the message makes no sense."""
    unknown: list[int] = []
    at = 20
    while at < len(data):
        if at + 4 > len(data):
            return None
        kind, length = struct.unpack_from("!HH", data, at)
        if kind < 0x8000 and kind not in _KNOWN:
            unknown.append(kind)
        at += 4 + (length + 3) // 4 * 4
    return unknown if at == len(data) else None


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)
