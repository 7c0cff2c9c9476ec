"""Dry runs of routing: where a call would go, each rule with its verdict, from the processes that route calls.

Whoever asks says for which tenant. Details that name other tenants' things do not leave the process that answers.
"""

from typing import ClassVar, Literal

from pydantic import BaseModel, Field

from jambones.common.bus.control import Reply
from jambones.common.bus.event import Question
from jambones.common.ids import AccountSid, ServiceProviderSid
from jambones.common.private import Private

RuleVerdict = Literal["passed", "matched", "missed", "refused"]
Verdict = Literal["accepted", "refused", "authenticate", "elsewhere"]
"""`authenticate`: a user of a realm, who is asked for credentials. `elsewhere`: another tenant's call."""


class RuleSeen(Reply):
    """One rule that was looked at, in order."""

    name: str
    verdict: RuleVerdict
    detail: str = ""


class GatewaySeen(Reply):
    """A gateway that matched (inbound), or one of those that would be tried, in order (outbound)."""

    voip_carrier_sid: str
    carrier: str
    sip_gateway_sid: str
    address: str
    detail: str = ""


class LimitSeen(Reply):
    """A limit of calls at once."""

    scope: str
    """edge, account or service provider."""
    sid: str | None = None
    calls: int
    """In progress now."""
    limit: int | None = None
    """None is no limit."""

    @property
    def reached(self) -> bool:
        return self.limit is not None and self.calls >= self.limit


class Explanation(Reply):
    """What would happen; only things that the tenant may see are named."""

    verdict: Verdict
    status: int | None = None
    """The SIP status that the caller would get when it is refused."""
    reason: str = ""
    """The text that goes with the status (X-Reason)."""
    rules: tuple[RuleSeen, ...] = ()
    number: str | None = None
    """The number as routing compares it."""
    account_sid: str | None = None
    application_sid: str | None = None
    application: str | None = None
    voip_carrier_sid: str | None = None
    carrier: str | None = None
    gateways: tuple[GatewaySeen, ...] = ()
    limits: tuple[LimitSeen, ...] = ()
    feature_server: str | None = None
    servers: tuple[str, ...] = ()
    """Why this feature server; for the platform only."""
    node: str = ""
    """Who answered."""


class _ExplainQuestion(Question[Explanation]):
    REPLY: ClassVar[type[BaseModel]] = Explanation

    viewer_service_provider_sid: ServiceProviderSid | None = None
    viewer_account_sid: AccountSid | None = None
    """Neither: the platform, which sees everything."""


class ExplainInbound(_ExplainQuestion):
    """A call from `address` to `number`; without a number only who is calling is looked at. Edges answer."""

    SUBJECT: ClassVar[str] = "explain.inbound"

    number: Private[str] | None = None
    address: str
    port: int = Field(5060, ge=1, le=65535)
    transport: Literal["udp", "tcp", "tls", "ws", "wss"] = "udp"
    host: str | None = None
    """The host of the Request-URI; None: an address of the edge, as carriers send."""


class ExplainOutbound(_ExplainQuestion):
    """A call of `account_sid` to `target`: a number, user@realm or a SIP URI. Egresses answer."""

    SUBJECT: ClassVar[str] = "explain.outbound"

    account_sid: AccountSid
    target: Private[str]
    caller: Private[str] | None = None
    trunk: str | None = None
    """The carrier that the application names."""
