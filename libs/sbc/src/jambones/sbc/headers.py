"""Headers across the edge: what passes, what is ours alone, and how ours are signed.

Two worlds meet here. Whatever comes from outside under a private name is deleted; the feature server believes the
private names only together with a signature made with the platform's internal key. Rows are (name, value) as the SIP
library gives them: compact forms resolved.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

HeaderList = list[tuple[str, str]]

PRIVATE_PREFIX = "x-jambones-"
MEDIA = "X-Jambones-Media"
"""Of an INVITE or 2xx to the feature server: `partial` when its media engine may leave the audio to rtpengine, or
`full;` and why not. Of a re-INVITE of the feature server: where the inside's audio is from now on, for us alone."""
PARTIAL, FULL = "partial", "full"
# Names by which applications know private facts; from outside they would be a forgery.
COMPATIBLE = frozenset({
    "x-account-sid", "x-application-sid", "x-voip-carrier-sid", "x-originating-carrier", "x-authenticated-user",
    "x-forwarded-for", "x-subspace-forwarded-for", "x-cid", "x-ms-teams-tenant-fqdn", "x-retain-call-sid",
    "x-trace-id", "x-call-sid", "x-jambonz-routing", "x-requested-carrier-sid", "x-preferred-from-user",
    "x-preferred-from-host", "x-override-to", "x-sip-proxy", "x-jambonz-srtp", "x-record-all-calls",
    "x-jambonz-fs-uuid", "x-ms-teams-fqdn",
})  # fmt: skip
# Every leg writes these itself: RFC 3261 (dialog, transport, capability), 3262, 3327, 4028.
OF_THE_LEG = frozenset({
    "via", "route", "record-route", "from", "to", "call-id", "cseq", "contact", "max-forwards", "content-length",
    "content-type", "authorization", "proxy-authorization", "www-authenticate", "proxy-authenticate",
    "authentication-info", "require", "proxy-require", "supported", "unsupported", "allow", "accept",
    "session-expires", "min-se", "path", "rseq", "rack", "server", "user-agent", "timestamp", "date", "retry-after",
})  # fmt: skip
# Bodies cross byte for byte inside a dialog, so what describes them crosses too.
_WITHIN_DIALOG = OF_THE_LEG - {"user-agent", "accept", "retry-after", "date"}


def is_private(name: str) -> bool:
    """Is this name ours, or one that applications trust?"""
    name = name.lower()
    return name.startswith(PRIVATE_PREFIX) or name in COMPATIBLE


def to_feature_server(headers: Iterable[tuple[str, str]], *, trusted: bool) -> HeaderList:
    """Headers of the far end's INVITE that go on to the feature server.

    Only a trunk (`trusted`) may assert an identity (RFC 3325); its User-Agent goes along for the application to see.
    """
    kept = OF_THE_LEG - {"user-agent"}
    return [
        (name, value)
        for name, value in headers
        if (low := name.lower()) not in kept and not is_private(low) and (trusted or low != "p-asserted-identity")
    ]


def to_far_end(headers: Iterable[tuple[str, str]]) -> HeaderList:
    """Headers of a feature server's response or BYE that the far end may see."""
    return [(name, value) for name, value in headers if (low := name.lower()) not in OF_THE_LEG and not is_private(low)]


def within_dialog(headers: Iterable[tuple[str, str]]) -> HeaderList:
    """Headers of a request inside a dialog (or of its response) as they cross, either way."""
    return [
        (name, value) for name, value in headers if (low := name.lower()) not in _WITHIN_DIALOG and not is_private(low)
    ]


def of_a_hangup(headers: Iterable[tuple[str, str]]) -> HeaderList:
    """Reason (RFC 3326) and the far end's own headers of a BYE or CANCEL."""
    return [
        (name, value) for name, value in to_far_end(headers) if name.lower() == "reason" or name[:2].lower() == "x-"
    ]


@dataclass(frozen=True, slots=True)
class PrivateFacts:
    """What the edge tells the feature server about a call."""

    account_sid: str
    application_sid: str
    origin: str  # trunk | user | siprec
    source: str  # ip:port;transport of the far end
    sip_call_id: str  # of the far end's dialog
    edge: str  # node id
    leg: str  # uuid of the leg, safe in bus subjects
    edge_uri: str
    trunk_sid: str | None = None
    trunk_name: str | None = None
    user: str | None = None
    """user@realm of a device that authenticated."""
    script: dict[str, Any] | None = None
    """What runs instead of the application's own script: {"verbs": […]} or {"call_hook": …}."""

    def headers(self) -> HeaderList:
        pairs = [
            ("X-Jambones-Account", self.account_sid),
            ("X-Jambones-App", self.application_sid),
            ("X-Jambones-Origin", self.origin),
            ("X-Jambones-Trunk", self.trunk_sid),
            ("X-Jambones-Trunk-Name", self.trunk_name),
            ("X-Jambones-User", self.user),
            ("X-Jambones-Script", encode_script(self.script) if self.script is not None else None),
            ("X-Jambones-Src", self.source),
            ("X-Jambones-Call", self.sip_call_id),
            ("X-Jambones-Edge", f"{self.edge};uri={self.edge_uri}"),
            ("X-Jambones-Leg", self.leg),
        ]
        return [(name, one_line(value)) for name, value in pairs if value]


def encode_script(script: dict[str, Any]) -> str:
    """A script as a header's value: base64 of its JSON."""
    return base64.b64encode(json.dumps(script, separators=(",", ":")).encode()).decode()


def media_row(stays: str) -> tuple[str, str]:
    """What a feature server is told of a call's media; `stays` is why it must stay in the path, if it must."""
    return MEDIA, f"{FULL};{stays}" if stays else PARTIAL


def one_line(value: str) -> str:
    """A trunk's name is free text: it must not write headers of its own."""
    return "".join(character if character.isprintable() else " " for character in value)


def sign(key: bytes, sip_call_id: str, stamp: int) -> str:
    """The value of X-Jambones-Sig: `t=<unix seconds>,v1=<hex>`, HMAC-SHA256 over `<unix seconds>.<Call-ID>`.

    The Call-ID is that of the dialog the header travels in, so a signature cannot be moved to another call.
    """
    digest = hmac.new(key, f"{stamp}.{sip_call_id}".encode(), hashlib.sha256).hexdigest()
    return f"t={stamp},v1={digest}"


def verify(key: bytes, value: str, sip_call_id: str, now: int, *, tolerance: int = 60) -> bool:
    """Is this a signature of ours for this Call-ID, not older or newer than `tolerance` seconds?"""
    fields = dict(part.partition("=")[::2] for part in value.split(","))
    try:
        stamp = int(fields.get("t", ""))
    except ValueError:
        return False
    if abs(now - stamp) > tolerance:
        return False
    return hmac.compare_digest(sign(key, sip_call_id, stamp), value)


def applications_seen(headers: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Application sids a request from outside already carries: a sign of a loop, trusted for nothing else."""
    names = {"x-jambones-app", "x-application-sid"}
    return tuple(value.strip() for name, value in headers if name.lower() in names)
