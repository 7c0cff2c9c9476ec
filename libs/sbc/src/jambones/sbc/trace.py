"""The SIP messages of a call in the log, at debug, for accounts that are logged at debug: one line a message.

Whether a call is followed is found out once, when its account is known; a call that is not costs nothing after that.
"""

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

import structlog

from jambones.common import logs
from jambones.common.private import token
from jambones.sip.leg import IncomingLeg
from jambones.sip.message import Message, Request, Response
from jambones.sip.redaction import Redaction
from jambones.sip.transport import Address

log = structlog.get_logger(__name__)

_OURS = frozenset(
    f"x-jambones-{name}"
    for name in (
        "account", "app", "call-sid", "edge", "fs", "gateway", "in-trunk", "leg", "media", "origin", "retry-elsewhere",
        "route", "src", "srtp", "tenant", "trace", "trunk",
    )
)  # fmt: skip
"""Our headers that name things of the platform; others of ours carry numbers, names, scripts and signatures."""
_REDACTION = Redaction(token, _OURS)


@dataclass(slots=True)
class Trace:
    """Writes the messages of one call."""

    account_sid: str
    leg: str
    call_sid: str | None = None
    """May become known later."""

    def __call__(self, direction: Literal["in", "out"], message: Message, remote: Address, again: bool) -> None:
        if not logs.verbosity.debugs(self.account_sid):
            return
        log.debug(
            "SIP message",
            account_sid=self.account_sid,
            call_sid=self.call_sid,
            leg=self.leg,
            direction=direction,
            transport=remote.transport,
            remote=f"{remote.host}:{remote.port}",
            again=again,
            sip_call_id=message.headers.get("Call-ID"),
            **_what(message),
            text=_REDACTION.text(message),
        )


_current: ContextVar[Trace | None] = ContextVar("trace", default=None)


def begin(came_in: IncomingLeg, account_sid: str, leg: str, call_sid: str | None = None) -> None:
    """The account of the call that this task sees to is known: follow its legs, if the account is logged at debug."""
    if logs.verbosity.debugs(account_sid):
        trace = Trace(account_sid, leg, call_sid)
        _current.set(trace)
        came_in.follow(trace)


def current() -> Trace | None:
    """The trace of this task's call, for the legs that it begins."""
    return _current.get()


def forget() -> None:
    """Begin as nobody's task: a task may descend from another call's, by a connection opened for that one."""
    _current.set(None)


def _what(message: Message) -> dict[str, str | int]:
    if isinstance(message, Request):
        return {"method": message.method}
    assert isinstance(message, Response)
    cseq = message.headers.get("CSeq") or ""
    return {"status": message.status, "method": cseq.rpartition(" ")[2]}
