"""What the edge tells of a call, believed only with a signature made with the platform's internal key."""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Self

from jambones.sip.message import Request

TOLERANCE = 60  # seconds


@dataclass(frozen=True, slots=True)
class Facts:
    """The X-Jambones-* headers of an INVITE from an edge."""

    account_sid: str
    application_sid: str
    origin: str
    outside_call_id: str | None
    source: str | None
    trunk_name: str | None
    user: str | None = None
    """user@realm of a device that authenticated."""
    script: str | None = None
    """X-Jambones-Script: runs instead of the application, which may then be missing."""
    trunk_sid: str | None = None

    @classmethod
    def of(cls, invite: Request) -> Self | None:
        """None when the INVITE does not come from an edge."""
        header = invite.headers.get
        account, application = header("X-Jambones-Account"), header("X-Jambones-App")
        script = header("X-Jambones-Script")
        if not account or not (application or script):
            return None
        return cls(
            account,
            application or "",
            header("X-Jambones-Origin") or "trunk",
            header("X-Jambones-Call"),
            (header("X-Jambones-Src") or "").partition(";")[0] or None,
            header("X-Jambones-Trunk-Name"),
            header("X-Jambones-User"),
            script,
            header("X-Jambones-Trunk"),
        )


def signed(invite: Request, key: bytes, now: int) -> bool:
    """Whether X-Jambones-Sig is ours, for this very Call-ID, and no older or newer than a minute.

    Its form is `t=<unix seconds>,v1=<hex>`: HMAC-SHA256 over `<unix seconds>.<Call-ID>`.
    """
    value = invite.headers.get("X-Jambones-Sig") or ""
    stamp = dict(part.partition("=")[::2] for part in value.split(",")).get("t", "")
    if not stamp.isdecimal() or abs(now - int(stamp)) > TOLERANCE:
        return False
    return hmac.compare_digest(sign(key, invite.call_id, int(stamp)), value)


def sign(key: bytes, sip_call_id: str, now: int) -> str:
    """X-Jambones-Sig for an INVITE of ours; `now`: unix seconds."""
    digest = hmac.new(key, f"{now}.{sip_call_id}".encode(), hashlib.sha256).hexdigest()
    return f"t={now},v1={digest}"
