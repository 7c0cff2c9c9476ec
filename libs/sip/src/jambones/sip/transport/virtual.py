"""A flow whose bytes another process carries: the device is connected there, its transactions and dialog are here."""

from collections.abc import Callable

from jambones.sip.transport import Address

MARK = "jbn"
"""The parameter of Via and of the Contact's URI that says whose message comes back."""


class VirtualFlow:
    """Hand what comes to ``Endpoint.received(data, flow)``, and say ``Endpoint.unreachable(flow)`` when it is gone.

    ``send`` gets whole messages and must not block or raise. ``local`` and ``remote`` are the addresses of the real
    flow; ``advertised`` is host and port of the process that holds it, as the device sees it: with it and ``mark`` our
    Via and Contact are made. ``id`` is the carrier's name for the flow, unique among the flows of one carrier.
    """

    __slots__ = ("_send", "advertised", "alive", "id", "local", "mark", "remote")

    def __init__(
        self,
        id: str,
        local: Address,
        remote: Address,
        send: Callable[[bytes], None],
        advertised: tuple[str, int],
        mark: str,
    ) -> None:
        self.id = id
        self.local = local
        self.remote = remote
        self.advertised = advertised
        self.mark = mark
        self.alive = True
        self._send = send

    def send(self, data: bytes) -> None:
        if self.alive:
            self._send(data)

    def timed_out(self) -> None:
        """The carrier watches its connections itself."""
