"""What legs need from the endpoint that owns them."""

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Protocol

from jambones.sip.message import Request, Response
from jambones.sip.stats import Stats
from jambones.sip.timers import SipTimers, TimerWheel
from jambones.sip.traces import Observer
from jambones.sip.transaction.layer import ClientTransaction
from jambones.sip.transport import Address, Flow
from jambones.sip.uri import Uri

if TYPE_CHECKING:
    from jambones.sip.half import Leg

ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER, NOTIFY, MESSAGE"
SUPPORTED = "100rel, timer, replaces, path, norefersub"
EXTENSIONS = frozenset({"100rel", "timer", "replaces", "path", "outbound", "siprec", "norefersub"})
"""Option tags that may stand in a Require: what is not here is answered with 420."""


class Core(Protocol):
    """The endpoint, seen from a leg."""

    wheel: TimerWheel
    timers: SipTimers
    stats: Stats
    server: str
    nat_fix: bool

    def send_request(
        self, request: Request, flow: Flow, on_response: Callable[[Response, bool], None], *, stay: bool = False
    ) -> ClientTransaction:
        """Add our Via and send ``request`` in a transaction of its own.

        One that is too large for UDP may take TCP to the same address, unless it shall ``stay`` on ``flow``.
        """

    def send_cancel(self, cancel: Request, flow: Flow) -> None:
        """Send a CANCEL, which has its INVITE's Via; its answer is of no interest."""

    def send_ack(self, ack: Request, flow: Flow, *, stay: bool = False) -> None:
        """Add our Via, if it has none yet, and send; ACK has no transaction. ``stay`` as above."""

    def contact(self, flow: Flow, user: str | None = None) -> str:
        """Our Contact towards this peer; ``user`` is escaped already."""

    def flow_to(self, address: Address) -> Flow: ...

    async def resolve(self, uri: Uri) -> list[Address]: ...

    def spawn(self, work: Coroutine[object, object, None]) -> None:
        """Run something that the endpoint owns."""

    def add_leg(self, leg: "Leg") -> None: ...

    def remove_leg(self, leg: "Leg") -> None: ...

    def follow(self, leg: "Leg", observer: Observer) -> None:
        """Show the messages of this leg's Call-ID, until a while after it is removed; one that came, its INVITE too."""
