"""Headers that applications add to SIP messages: checked, so that none can forge the dialog or another header."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from jambones.common.bus.calls import AlertType
from jambones.feature_server.calls.session import CallSession

_TOKEN = re.compile(r"[A-Za-z0-9.!%*_+`'~-]+")  # RFC 3261 section 25.1, token
_OURS = frozenset(
    {
        "via", "v", "call-id", "i", "cseq", "contact", "m", "content-length", "l", "content-type", "c", "max-forwards",
        "route", "record-route", "from", "f", "to", "t", "authorization", "proxy-authorization", "require", "supported",
        "k",
    }
)  # fmt: skip


def allowed_headers(headers: Mapping[str, Any] | None, call: CallSession) -> list[tuple[str, str]]:
    """`headers` without those an application may not set; each of these is an alert."""
    return sifted(headers, call.alert)


def sifted(headers: Mapping[str, Any] | None, alert: Callable[[AlertType, str], None]) -> list[tuple[str, str]]:
    """The same where there is no call yet."""
    allowed = []
    for name, value in (headers or {}).items():
        text = str(value)
        if (
            not _TOKEN.fullmatch(name)
            or name.lower() in _OURS
            or name.lower().startswith("x-jambones-")
            or any(char in text for char in "\r\n\0")
        ):
            alert("invalid-app-payload", f"header {name!r} may not be set; it was left out")
        else:
            allowed.append((name, text))
    return allowed
