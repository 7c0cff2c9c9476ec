"""A REGISTER as data, and what is wrong with it before anybody is asked (RFC 3261 section 10.3).

Pure: bytes and addresses in, values and refusals out.
"""

from dataclasses import dataclass
from typing import Self

from jambones.sbc.decision import Refusal
from jambones.sbc.prefixes import parse_address
from jambones.sip.address import NameAddr
from jambones.sip.grammar import GrammarError
from jambones.sip.message import Request

MAX_CONTACTS = 10
MAX_USER = 128
MAX_CONTACT = 1024


@dataclass(frozen=True, slots=True)
class AskedContact:
    """One Contact of the request. `expires` None: the request's own says."""

    uri: str
    instance: str | None = None
    reg_id: int | None = None
    expires: int | None = None


@dataclass(frozen=True, slots=True)
class Registration:
    """What a REGISTER asks for."""

    user: str
    host: str
    """Of the To header: the address of record."""
    request_host: str
    contacts: tuple[AskedContact, ...]
    wildcard: bool
    """Contact: * (all bindings are to go)."""
    expires: int | None
    sip_call_id: str
    cseq: int
    path: tuple[str, ...]
    user_agent: str | None
    via_host: str
    via_port: int
    outbound: bool
    """The device knows flows (RFC 5626)."""

    @classmethod
    def of(cls, request: Request) -> Self:
        """Raises GrammarError."""
        to, via = request.to.uri, request.via
        rows = request.headers.get_list("Contact")
        wildcard = "*" in (row.strip() for row in rows)
        contacts = tuple(_contact(row) for row in rows if row.strip() != "*")
        if wildcard and contacts:
            raise GrammarError("contact", "* beside others")
        return cls(
            user=to.user_text,
            host=to.host.lower(),
            request_host=request.uri.host.lower(),
            contacts=contacts,
            wildcard=wildcard,
            expires=_seconds(request.headers.get("Expires")),
            sip_call_id=request.call_id,
            cseq=request.cseq.number,
            path=tuple(request.headers.get_list("Path")),
            user_agent=request.headers.get("User-Agent"),
            via_host=via.host,
            via_port=via.port_or_default,
            outbound="outbound" in request.supported,
        )

    def wanted(self, contact: AskedContact) -> int | None:
        """Seconds asked for this contact, None when the request does not say."""
        return contact.expires if contact.expires is not None else self.expires

    @property
    def unregisters(self) -> bool:
        """Whether a binding is to go."""
        return self.wildcard or any(self.wanted(contact) == 0 for contact in self.contacts)

    def behind_nat(self, transport: str, host: str, port: int) -> bool:
        """Whether a device on UDP names itself otherwise than its packets do (RFC 3581)."""
        if transport != "udp":
            return False
        seen, named = parse_address(host), parse_address(self.via_host)
        return named is None or seen != named or self.via_port != port


def refusal(registration: Registration) -> Refusal | None:
    """Why the request cannot be served whoever sent it."""
    if parse_address(registration.request_host) is not None or parse_address(registration.host) is not None:
        return Refusal(403, "realm is an address", x_reason="Unknown or invalid realm")
    if not registration.user or len(registration.user) > MAX_USER:
        return Refusal(400, "no usable user in To")
    if registration.wildcard and registration.expires != 0:
        return Refusal(400, "* without Expires: 0")
    if len(registration.contacts) > MAX_CONTACTS:
        return Refusal(400, "too many contacts")
    if any(len(contact.uri) > MAX_CONTACT for contact in registration.contacts):
        return Refusal(400, "contact too long")
    return None


def _contact(row: str) -> AskedContact:
    parsed = NameAddr.parse(row)
    if not parsed.uri.is_sip or not parsed.uri.host:
        raise GrammarError("contact", row)
    instance = (parsed.params.get("+sip.instance") or "").strip('"<> ') or None
    reg_id = parsed.params.get("reg-id") or ""
    return AskedContact(
        uri=str(parsed.uri),
        instance=instance,
        reg_id=int(reg_id) if instance and reg_id.isdecimal() and len(reg_id) < 10 else None,
        expires=_seconds(parsed.params.get("expires")),
    )


def _seconds(text: str | None) -> int | None:
    """RFC 3261 section 10.2.1.1: what cannot be read counts as 3600."""
    if text is None:
        return None
    text = text.strip().strip('"')
    return min(int(text), 2**31) if text.isdecimal() and len(text) < 11 else 3600
