"""Which gateways are pinged and which registrations are kept, from the tables of the moment. Pure."""

import hashlib
from dataclasses import dataclass, field

from jambones.common.db.sip_gateways import SipGateway
from jambones.common.db.voip_carriers import VoipCarrier
from jambones.registrar.tables import Tables
from jambones.sbc import tenants
from jambones.sip.grammar import escape_user


@dataclass(frozen=True, slots=True)
class Ping:
    """A gateway to send OPTIONS to."""

    gateway_sid: str
    uri: str
    account: tenants.Account | None
    name: str


@dataclass(frozen=True, slots=True)
class TrunkRegistration:
    """A registration of ours with a carrier, by way of one gateway."""

    carrier_sid: str
    gateway_sid: str
    registrar: str
    """The Request-URI."""
    next_hop: str
    aor: str
    contact_user: str
    contact_host: str | None
    """None: the public address of the edge that sends it."""
    transport: str
    username: str
    password: str = field(repr=False)
    account: tenants.Account | None
    name: str
    ephemeral: bool
    """The trunk's calls come from its registrar's addresses."""

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Two gateways with the same are one registration."""
        secret = hashlib.sha256(self.password.encode()).hexdigest()
        return self.next_hop, self.registrar, self.username, secret

    @property
    def sip_call_id(self) -> str:
        """Stays the same over restarts and leaders (RFC 3261 section 10.2)."""
        return hashlib.sha256("\n".join(self.key).encode()).hexdigest()[:32]


def pings(tables: Tables) -> list[Ping]:
    found = []
    for gateway in tables.rows.gateways:
        carrier = tables.rows.carriers.get(gateway.voip_carrier_sid)
        if carrier is None or not (gateway.send_options_ping and _outbound(tables, carrier, gateway)):
            continue
        found.append(Ping(gateway.sip_gateway_sid, uri_of(gateway), _account(tables, carrier), carrier.name))
    return found


def registrations(tables: Tables) -> list[TrunkRegistration]:
    """One for each different place and identity."""
    found: dict[tuple[str, str, str, str], TrunkRegistration] = {}
    for gateway in tables.rows.gateways:
        carrier = tables.rows.carriers.get(gateway.voip_carrier_sid)
        if carrier is None or not carrier.requires_register or not _outbound(tables, carrier, gateway):
            continue
        username, realm, password = carrier.register_username, carrier.register_sip_realm, carrier.register_password
        if not username or not realm or password is None:
            continue
        account = _account(tables, carrier)
        own = (account.sip_realm if account is not None else None) or realm
        scheme = "sips" if gateway.use_sips_scheme else "sip"
        user, host = carrier.register_from_user or username, carrier.register_from_domain or realm
        made = TrunkRegistration(
            carrier_sid=carrier.voip_carrier_sid,
            gateway_sid=gateway.sip_gateway_sid,
            registrar=f"{scheme}:{realm}",
            next_hop=_proxy(carrier.outbound_sip_proxy) or uri_of(gateway),
            aor=f"{scheme}:{escape_user(user)}@{host}",
            contact_user=username,
            contact_host=None if carrier.register_public_ip_in_contact else own,
            transport=transport_of(gateway),
            username=username,
            password=password.reveal(),
            account=account,
            name=carrier.name,
            ephemeral=carrier.trunk_type == "reg",
        )
        found.setdefault(made.key, made)
    return list(found.values())


def uri_of(gateway: SipGateway) -> str:
    """Where a gateway is reached."""
    host = f"[{gateway.ipv4}]" if ":" in gateway.ipv4 else gateway.ipv4
    port = f":{gateway.port}" if gateway.port else ""
    return f"sip:{host}{port};transport={transport_of(gateway)}"


def transport_of(gateway: SipGateway) -> str:
    return (gateway.protocol or "udp").partition("/")[0]


def _proxy(text: str | None) -> str | None:
    if not text or not text.strip():
        return None
    text = text.strip()
    return text if text.startswith(("sip:", "sips:")) else f"sip:{text}"


def _outbound(tables: Tables, carrier: VoipCarrier, gateway: SipGateway) -> bool:
    if not (carrier.is_active and gateway.is_active and gateway.outbound):
        return False
    return carrier.account_sid is None or (
        (account := tables.rows.accounts.get(carrier.account_sid)) is not None and account.is_active
    )


def _account(tables: Tables, carrier: VoipCarrier) -> tenants.Account | None:
    row = tables.rows.accounts.get(carrier.account_sid or "")
    if row is None:
        return None
    return tenants.Account(row.account_sid, row.service_provider_sid, row.sip_realm, row.is_active)
