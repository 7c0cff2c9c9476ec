"""What transactions need of whoever is above them."""

from typing import TYPE_CHECKING, Protocol

from jambones.sip.message import Request
from jambones.sip.transport import Address, Flow

if TYPE_CHECKING:
    from jambones.sip.transaction.layer import ServerTransaction


class User(Protocol):
    """The transaction user, as the layer needs it."""

    def new_request(self, transaction: "ServerTransaction") -> None:
        """A request that no transaction knows; INVITE was answered with 100 already."""

    def stray_ack(self, request: Request, flow: Flow) -> None:
        """An ACK that belongs to no transaction: of a 2xx."""

    def cancelled(self, transaction: "ServerTransaction", cancel: Request) -> None:
        """The INVITE of ``transaction`` was cancelled; the CANCEL itself is answered already."""

    def reopen(self, remote: Address) -> Flow | None:
        """A way to a peer whose connection ended before its response was sent, or None."""

    def admit(self, request: Request, flow: Flow) -> bool:
        """Whether to begin a transaction at all."""


class Detour(Protocol):
    """Why a request goes where it goes, when that may turn out not to work."""

    def back(self) -> tuple[Request, Flow] | None:
        """It did not work, and there was no response: the request to send instead and its way, or None."""
