"""What a feature server asks for: the INVITE's private headers as plain values, or why they are no order.

The entry checks of a call, in order: signature, account, kind of target, the target itself. Pure.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from jambones.common.private import Private
from jambones.sbc import headers
from jambones.sbc.decision import Decision, Reasons, Refusal
from jambones.sbc.tenants import Account
from jambones.sip.grammar import GrammarError
from jambones.sip.message import Request
from jambones.sip.uri import Uri

Kind = Literal["phone", "user", "sip"]
KINDS: Mapping[str, Kind] = {"phone": "phone", "user": "user", "sip": "sip"}
FEATURE_SERVERS_ONLY = "only feature servers may call out"


@dataclass(frozen=True, slots=True)
class Login:
    """User name and password towards the far end; never printed."""

    username: str
    password: Private[str]


@dataclass(frozen=True, slots=True)
class Order:
    """A call that a feature server wants placed."""

    account: Account
    kind: Kind
    target: Uri
    from_user: str
    """The wanted user part of From, unescaped; empty: nobody's."""
    display: str | None = None
    from_host: str | None = None
    trunk: str | None = None
    """The trunk that the application wants: its sid."""
    in_trunk: str | None = None
    """The trunk that the parent call came in on."""
    to_user: str | None = None
    """Replaces the user part of the Request-URI of a registered device."""
    proxy: Uri | None = None
    """The next hop for a SIP URI."""
    srtp: bool = False
    login: Login | None = None
    feature_server: str | None = None
    """The node that asks."""
    call_sid: str | None = None
    application_sid: str | None = None
    trace_id: str | None = None
    parent_call_id: str | None = None

    @property
    def number(self) -> str:
        """The dialled number as routing compares it: no parameters, no leading plus before digits."""
        return _compared(self.target.user_text)

    @property
    def caller(self) -> str:
        """The wanted calling number in the same form."""
        return _compared(self.from_user)


def _compared(user: str) -> str:
    user = user.split(";", 1)[0]
    return user[1:] if user.startswith("+") and user[1:].isdigit() else user


def is_signed(invite: Request, key: bytes | None, now: int) -> bool:
    """Whether a feature server of ours sent this; without a key there is nothing to check."""
    if key is None:
        return True
    return headers.verify(key, invite.headers.get("X-Jambones-Sig") or "", invite.call_id, now)


def order_of(
    invite: Request, accounts: Mapping[str, Account], *, key: bytes | None, now: int
) -> Decision[Order | Refusal]:
    """Read and check an INVITE of the private side. `now`: unix seconds; `accounts` by sid."""
    reasons = Reasons()
    header = invite.headers.get
    if not is_signed(invite, key, now):
        return reasons.refused("signature", Refusal(403, "not signed", x_reason=FEATURE_SERVERS_ONLY))
    reasons.passed("signature", "" if key is not None else "none is asked for")
    sid = (header("X-Jambones-Account") or "").strip()
    account = accounts.get(sid)
    if account is None:
        return reasons.refused("account", Refusal(403, "no account", x_reason="X-Jambones-Account missing or unknown"))
    if not account.is_active:
        inactive = Refusal(
            503,
            "account inactive",
            x_reason="Account exists but is inactive",
            account_sid=sid,
            alert="account is inactive or suspended",
        )
        return reasons.refused("account is active", inactive)
    reasons.passed("account", about=[sid])
    kind = KINDS.get((header("X-Jambones-Route") or "").strip().lower())
    if kind is None:
        unknown = Refusal(403, "no kind of target", x_reason="X-Jambones-Route missing or unknown", account_sid=sid)
        return reasons.refused("target", unknown)
    try:
        order = _order(invite, account, kind)
    except GrammarError:
        bad = Refusal(400, "bad target", x_reason="a header of the call cannot be read", account_sid=sid)
        return reasons.refused("target", bad)
    if kind != "phone" and not (order.target.is_sip and order.target.host and (kind == "sip" or order.target.user)):
        bad = Refusal(400, "bad target", x_reason="the target is no SIP address", account_sid=sid)
        return reasons.refused("target", bad)
    if kind == "phone" and not order.number:
        return reasons.refused("target", Refusal(404, "no number", x_reason="no number", account_sid=sid))
    return reasons.matched("target", kind, order, about=[sid])


def _order(invite: Request, account: Account, kind: Kind) -> Order:
    """Raises GrammarError."""

    def plain(name: str) -> str | None:
        rows = invite.headers.get_all(name)
        return (rows[-1].strip() or None) if rows else None  # what is said last is more special

    wanted = plain("X-Jambones-From-User")
    proxy = plain("X-Jambones-Proxy")
    if proxy is not None and ":" not in proxy.partition("@")[0].partition(".")[0]:
        proxy = f"sip:{proxy}"
    return Order(
        account=account,
        kind=kind,
        target=invite.uri,
        from_user=wanted if wanted is not None else invite.from_.uri.user_text,
        display=invite.from_.display,
        from_host=plain("X-Jambones-From-Host"),
        trunk=plain("X-Jambones-Trunk"),
        in_trunk=plain("X-Jambones-In-Trunk"),
        to_user=plain("X-Jambones-To-User"),
        proxy=Uri.parse(proxy) if proxy is not None else None,
        srtp=(plain("X-Jambones-Srtp") or "").lower() == "sdes",
        login=_login(plain("X-Jambones-Auth")),
        feature_server=(plain("X-Jambones-Fs") or "").partition(";")[0] or None,
        call_sid=plain("X-Jambones-Call-Sid"),
        application_sid=plain("X-Jambones-App"),
        trace_id=plain("X-Jambones-Trace"),
        parent_call_id=plain("X-Jambones-Parent"),
    )


def _login(text: str | None) -> Login | None:
    """`text` is the base64 of user:password. Raises GrammarError, which does not show it."""
    if text is None:
        return None
    try:
        username, colon, password = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as exc:
        raise GrammarError("auth") from exc
    if not colon or not username:
        raise GrammarError("auth")
    return Login(username, Private(password))
