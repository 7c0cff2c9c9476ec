"""How peers see us: host and port in our Via and Contact (RFC 3261 sections 8.1.1.7 and 8.1.1.8, RFC 7118)."""

from collections.abc import Callable, Mapping
from typing import Protocol

from jambones.sip import build
from jambones.sip.transport import Address, Flow
from jambones.sip.transport.virtual import MARK, VirtualFlow

Advertise = Mapping[str, tuple[str, int]] | Callable[[Address], tuple[str, int] | None]
"""Host and port to show, by transport, or by the peer's address; without one the listener's own."""

_CONTACT_TRANSPORT = {
    "udp": "",
    "tcp": ";transport=tcp",
    "tls": ";transport=tls",
    # RFC 7118 section 5.4: "ws" names both; whether it is secured is the matter of the connection.
    "ws": ";transport=ws",
    "wss": ";transport=ws",
}


class Listeners(Protocol):
    """The sockets, as far as an appearance needs them."""

    def listener_for(self, remote: Address, bound: Address | None = None) -> Address:
        """The address of ours that ``remote`` can reach. Raises NoTransport."""


class Appearance:
    """Makes Via and Contact for each flow."""

    def __init__(self, advertise: Advertise | None, listeners: Listeners) -> None:
        self._advertise = advertise
        self._listeners = listeners

    def via(self, flow: Flow, branch: str | None = None) -> str:
        """A Via, with a branch of its own unless one is given."""
        host, port = self._seen(flow)
        mark = f";{MARK}={flow.mark}" if type(flow) is VirtualFlow else ""
        branch = branch or build.new_branch()
        return f"SIP/2.0/{flow.remote.transport.upper()} {host}:{port};branch={branch};rport{mark}"

    def contact(self, flow: Flow, user: str | None = None) -> str:
        """A Contact; ``user`` is escaped already."""
        host, port = self._seen(flow)
        mark = f";{MARK}={flow.mark}" if type(flow) is VirtualFlow else ""
        who = f"{user}@" if user else ""
        return f"<sip:{who}{host}:{port}{_CONTACT_TRANSPORT[flow.remote.transport]}{mark}>"

    def contact_moved(self, contact: str, old: Flow, new: Flow) -> str:
        """The Contact for ``new`` in the place of ours for ``old``; any other stays what it is."""
        user, at, _ = contact.removeprefix("<sip:").partition("@")
        who = user if at else None
        return self.contact(new, who) if contact == self.contact(old, who) else contact

    def _seen(self, flow: Flow) -> tuple[str, int]:
        if type(flow) is VirtualFlow:
            return flow.advertised
        remote = flow.remote
        if self._advertise is not None:
            shown = self._advertise(remote) if callable(self._advertise) else self._advertise.get(remote.transport)
            if shown is not None:
                return shown
        own = self._listeners.listener_for(remote, flow.local)
        return (f"[{own.host}]" if ":" in own.host else own.host), own.port
