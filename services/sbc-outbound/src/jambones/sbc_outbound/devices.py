"""Which devices of a registered user are called, and how each of them is reached. Pure.

A device is called through the edge that holds its connection; a binding whose edge is gone is none.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from jambones.common.bus.nodes import Node
from jambones.common.bus.registrations import Binding
from jambones.sbc.decision import Decision, Reasons, Refusal
from jambones.sbc.registrations import Stored
from jambones.sbc_outbound.order import Order
from jambones.sbc_outbound.tables import Tables
from jambones.sip.grammar import GrammarError, escape_user
from jambones.sip.transport import Address
from jambones.sip.uri import Uri

NOT_REGISTERED = "user not registered"
ENCRYPTED = frozenset({"ws", "wss"})
"""Browsers register on these."""


@dataclass(frozen=True, slots=True)
class Device:
    """One binding that can be called."""

    stored: Stored
    uri: Uri
    """The Request-URI: the stored Contact."""
    advertised: tuple[str, int]
    """Host and port of the edge as the device sees it."""
    remote: Address
    """Where the device is."""

    @property
    def is_browser(self) -> bool:
        return self.stored.binding.transport in ENCRYPTED

    def __str__(self) -> str:
        return f"a device on {self.stored.binding.transport} at edge {self.stored.binding.edge}"


def devices(
    tables: Tables,
    order: Order,
    registered: Callable[[str, str], Sequence[Stored]],
    edge: Callable[[str], Node | None],
) -> Decision[tuple[Device, ...] | Refusal]:
    """`registered` gives the live bindings of (user, realm), `edge` a live edge by its id."""
    reasons, target = Reasons(), order.target
    sid = order.account.account_sid
    account = tables.account_by_realm(target.host)
    if account is None:
        unknown = Refusal(404, "unknown realm", x_reason=NOT_REGISTERED, account_sid=sid)
        return reasons.refused("realm", unknown)
    if account.account_sid != sid:
        other = Refusal(403, "realm of another account", x_reason="realm of another account", account_sid=sid)
        return reasons.refused("realm", other, about=[account.account_sid])
    reasons.passed("realm", target.host, about=[sid])
    stored = registered(target.user_text, target.host.lower())
    if not stored:
        missing = Refusal(404, "user not registered", x_reason=NOT_REGISTERED, account_sid=sid)
        return reasons.refused("registration", missing)
    found = []
    for one in stored:
        match reach(one, order, edge(one.binding.edge)):
            case Device() as device:
                found.append(device)
            case str() as why:
                reasons.missed("binding", why, about=[sid])
    if not found:
        away = Refusal(480, "flow gone", x_reason="no connection to the user's devices", account_sid=sid)
        return reasons.refused("binding", away)
    return reasons.matched("binding", ", ".join(map(str, found)), tuple(found), about=[sid])


def reach(stored: Stored, order: Order, edge: Node | None) -> Device | str:
    """The device, or why it cannot be called."""
    binding = stored.binding
    where = place_of(binding, edge)
    if isinstance(where, str):
        return where
    try:
        uri = Uri.parse(binding.contact)
    except GrammarError:
        return "its contact cannot be read"
    uri = replace(uri, headers={})
    if order.to_user is not None:
        uri = replace(uri, user=escape_user(order.to_user), password=None)
    advertised, remote = where
    return Device(stored, uri, advertised, remote)


def place_of(binding: Binding, edge: Node | None) -> tuple[tuple[str, int], Address] | str:
    """Host and port of the edge as the device sees it, and where the device is; or why it cannot be reached."""
    if edge is None:
        return f"edge {binding.edge} is gone"
    host, colon, port = edge.labels.get(f"public_{binding.transport}", "").rpartition(":")
    if not colon or not port.isdigit():
        return f"edge {binding.edge} does not serve {binding.transport}"
    try:
        return (host, int(port)), Address.parse(f"{binding.transport}:{binding.source}")
    except ValueError:
        return "its address cannot be read"
