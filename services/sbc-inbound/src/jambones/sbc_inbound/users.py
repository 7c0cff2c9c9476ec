"""Calls of users: challenged, judged by the registrar, and sent where the device may call."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from jambones.common.bus.registrar import Authenticate, Authenticated
from jambones.common.errors import BusUnavailable, JambonesError
from jambones.common.ids import AccountSid
from jambones.sbc.decision import Decision, Reasons, Refusal
from jambones.sbc.registrations import Registrations
from jambones.sbc.tenants import Account
from jambones.sbc_inbound.destinations import DeviceRoute, destination
from jambones.sbc_inbound.identify import Caller, Match, TrunkCaller
from jambones.sbc_inbound.routing import Route, route
from jambones.sbc_inbound.tables import Gateway, Tables
from jambones.sip.message import Request

RETRY_AFTER = ("Retry-After", "5")


@dataclass(frozen=True, slots=True)
class Users:
    """Lets users in. One per process."""

    ask: Callable[[Authenticate], Awaitable[Authenticated]]
    """The registrar's verdict; raises BusUnavailable."""
    registrations: Registrations
    device_app_first: bool = False
    user_calling: bool = True
    trusted_edge: str | None = None
    """The id of this edge, where calls on a registered connection need no credentials."""

    def registered_from(self, host: str, address: str, port: int) -> bool:
        """Whether a device of the realm `host` is registered from that address and port."""
        return self.registrations.registered_from(host, address, port)

    async def admit(
        self,
        tables: Tables,
        account: Account,
        caller: Caller,
        invite: Request,
        applied: tuple[str, ...] = (),
        flow: str = "",
    ) -> Decision[Route | DeviceRoute | Refusal]:
        """A refusal of 401 carries challenges, and is no failure."""
        who = await self.verify(account, caller, invite, flow)
        if isinstance(who.result, Refusal):
            return Decision(who.result, who.reasons)
        where = self._where(tables, account, caller, who.result, applied)
        return Decision(where.result, who.reasons + where.reasons)

    async def verify(
        self, account: Account, caller: Caller, invite: Request, flow: str = ""
    ) -> Decision[Authenticated | Refusal]:
        """Who of the account's users, or of its trunks that have a password, sent this; 401 as in `admit`."""
        realm = (account.sip_realm or "").lower()
        reasons = Reasons()
        if (known := self._registered_on(flow, realm, invite)) is not None:
            reasons.passed("registered connection")
            return Decision(known, reasons.rules)
        question = Authenticate(
            account_sid=AccountSid(account.account_sid),
            realm=realm,
            method=invite.method,
            request_uri=str(invite.uri),
            transport=caller.transport,
            host=caller.address,
            port=caller.port,
            headers=tuple(invite.headers),
        )
        try:
            verdict = await self.ask(question)
        except BusUnavailable:
            return reasons.refused("authentication", Refusal(503, "no registrar answers", headers=(RETRY_AFTER,)))
        except JambonesError as exc:
            return reasons.refused("authentication", Refusal(exc.sip_status, "registrar failed"))
        if verdict.status != 200:
            refusal = Refusal(
                verdict.status, "challenged" if verdict.status == 401 else "not authenticated", verdict.reason,
                x_reason=verdict.x_reason, headers=verdict.headers,
            )  # fmt: skip
            return reasons.refused("authentication", refusal, verdict.cause)
        reasons.passed("authentication", verdict.cause)
        return Decision(verdict, reasons.rules)

    def _registered_on(self, flow: str, realm: str, invite: Request) -> Authenticated | None:
        """The verdict of the registration on this very connection; UDP has none, its sources can be forged."""
        if self.trusted_edge is None:
            return None
        user = invite.from_.uri.user_text
        for stored in self.registrations.on_flow(self.trusted_edge, flow):
            binding = stored.binding
            if binding.alive and binding.transport != "udp" and (binding.user, binding.realm) == (user, realm):
                return Authenticated(
                    status=200,
                    user=binding.aor,
                    application_sid=binding.application_sid,
                    call_hook=binding.call_hook,
                    call_status_hook=binding.call_status_hook,
                    allow_direct_app_calling=binding.allow_direct_app_calling,
                    allow_direct_queue_calling=binding.allow_direct_queue_calling,
                    allow_direct_user_calling=binding.allow_direct_user_calling,
                )
        return None

    def _where(
        self, tables: Tables, account: Account, caller: Caller, verdict: Authenticated, applied: tuple[str, ...]
    ) -> Decision[Route | DeviceRoute | Refusal]:
        if verdict.trunk_sid is not None:
            carrier = tables.carriers.get(verdict.trunk_sid)
            if carrier is None:
                return Reasons().refused("trunk", Refusal(403, "trunk not known"))
            match = Match(carrier, Gateway("", carrier.voip_carrier_sid, caller.address), 0)
            return route(tables, TrunkCaller((match,), account), caller.user, applied=applied)

        def registered(user: str) -> bool:
            return bool(self.registrations.of(user, account.sip_realm or ""))

        return destination(
            tables,
            account,
            verdict,
            caller.user,
            registered,
            applied=applied,
            device_app_first=self.device_app_first,
            user_calling=self.user_calling,
        )
