"""sip:refer: ask the far end to call somebody else, and tell the application how that goes."""

import asyncio

from jambones.common.verbs.sip_refer import SipRefer
from jambones.feature_server.calls.collaborators import VerbFailed
from jambones.feature_server.calls.leg import CallEvent, Transferred
from jambones.feature_server.calls.referral import BadTarget
from jambones.feature_server.calls.session import CallSession
from jambones.feature_server.verbs.registry import Needs, runs
from jambones.feature_server.verbs.sip_headers import allowed_headers

PATIENCE = 15.0  # seconds between two notifications
_NOTIFIED = 64


@runs(SipRefer, Needs.ANSWERED)
async def sip_refer(verb: SipRefer, call: CallSession) -> None:
    """Ends with the outcome of the transfer, or when nothing more is heard of it."""
    notified: asyncio.Queue[Transferred] = asyncio.Queue(_NOTIFIED)

    def on_event(event: CallEvent) -> None:
        if isinstance(event, Transferred) and not notified.full():
            notified.put_nowait(event)

    with call.listening(on_event):
        try:
            reply = await call.leg.refer(
                verb.refer_to,
                by=verb.referred_by,
                by_name=verb.referred_by_display_name,
                headers=allowed_headers(verb.headers, call),
            )
        except BadTarget as exc:
            raise VerbFailed("invalid-app-payload", exc.message) from exc
        if reply.status != 202:
            await call.ask(verb.action_hook, refer_status=reply.status)
            return
        try:
            final = await _outcome(verb, call, notified)
        except asyncio.CancelledError:
            if call.ending is not None:
                call.tell(verb.action_hook, refer_status=202)
            raise
    if final is None:
        await call.ask(verb.action_hook, refer_status=202)
    else:
        await call.ask(verb.action_hook, refer_status=202, final_referred_call_status=final)


async def _outcome(verb: SipRefer, call: CallSession, notified: "asyncio.Queue[Transferred]") -> int | None:
    while True:
        try:
            async with asyncio.timeout(PATIENCE):
                event = await notified.get()
        except TimeoutError:
            return None
        if event.status is not None:
            call.tell(verb.event_hook, event="transfer-status", call_status=event.status)
            if event.status >= 200:
                return event.status
        if event.over:
            return None
