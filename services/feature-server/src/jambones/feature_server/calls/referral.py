"""REFER both ways, between SIP and the verb engine: RFC 3515, 3892."""

import re
from typing import Any

from jambones.common.errors import JambonesError
from jambones.feature_server.calls.leg import LegGone
from jambones.sip import events as sip
from jambones.sip.address import NameAddr
from jambones.sip.grammar import GrammarError
from jambones.sip.half import Leg as SipHalf
from jambones.sip.refer import ReferTo, Sipfrag, send_progress, wants_progress
from jambones.sip.uri import Uri


class BadTarget(JambonesError):
    """What an application wants to refer to is no address."""

    sip_status = 400
    http_status = 400
    reason = "bad refer target"


class SipReferral:
    """A REFER that waits for its answer. Raises GrammarError when its Refer-To cannot be read."""

    def __init__(self, dialog: SipHalf, event: sip.Requested) -> None:
        self._dialog, self._event = dialog, event
        self._settled = False
        request = event.request
        to = ReferTo.of(request)
        by = request.headers.get("Referred-By")
        details: dict[str, Any] = {
            "sip_refer_to": request.headers.get("Refer-To"),
            "refer_to_user": to.uri.user_text,
            "sip_referred_by": by,
            "referred_by_user": _user(by),
            "sip_user_agent": request.headers.get("User-Agent"),
        }
        for name, value in request.headers:
            if name[:2].lower() == "x-" and not name.lower().startswith("x-jambones-"):
                details[name.lower().replace("-", "_")] = value
        self.details = {name: value for name, value in details.items() if value is not None}

    async def accept(self) -> None:
        """202, then the one notification: done (spec: the platform does not tell how the new script fares)."""
        if self._settled:
            return
        self._settled = True
        wanted = wants_progress(self._event.request)
        await self._dialog.respond(self._event, 202, headers=() if wanted else [("Refer-Sub", "false")])
        if not wanted:
            return
        try:
            await send_progress(self._dialog, Sipfrag(200, "OK"))
        except sip.LegEnded as exc:
            raise LegGone from exc

    async def refuse(self, status: int) -> None:
        if not self._settled:
            self._settled = True
            await self._dialog.respond(self._event, status)


def refer_target(text: str, dialog: SipHalf, host: str | None = None) -> ReferTo:
    """A URI as it is; a bare number or user at `host`, else at that of the far end's Contact. Raises BadTarget."""
    try:
        return ReferTo.to(_uri(text, dialog, host))
    except GrammarError as exc:
        raise BadTarget("referTo is no SIP address") from exc


def referrer(text: str | None, name: str | None, dialog: SipHalf, host: str | None = None) -> NameAddr:
    """Who refers; without `text` our side of the dialog. Raises BadTarget."""
    try:
        if text:
            return NameAddr(_uri(text, dialog, host), display=name)
        ours = NameAddr.parse(dialog.dialog.local) if dialog.dialog is not None else None
        return NameAddr(ours.uri if ours is not None else dialog.invite.to.uri, display=name)
    except GrammarError as exc:
        raise BadTarget("referredBy is no SIP address") from exc


def _uri(text: str, dialog: SipHalf, host: str | None) -> Uri:
    if re.match(r"(?i)(sips?|tel):", text):
        return Uri.parse(text)
    if text.startswith("<"):
        return NameAddr.parse(text).uri
    if host is None and dialog.dialog is not None and dialog.dialog.target is not None:
        host = dialog.dialog.target.host
    return Uri.parse(f"sip:{text}" if "@" in text else f"sip:{text}@{host or dialog.source.host}")


def _user(referred_by: str | None) -> str | None:
    try:
        return NameAddr.parse(referred_by).uri.user_text if referred_by else None
    except GrammarError:
        return None
