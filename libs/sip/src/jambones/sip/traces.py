"""Calls whose messages somebody wishes to see as they go over the wire, by Call-ID. As a rule there is none."""

from collections.abc import Callable
from logging import getLogger
from typing import Literal

from jambones.sip.message import Message
from jambones.sip.transport import Address

log = getLogger(__name__)

Observer = Callable[[Literal["in", "out"], Message, Address, bool], None]
"""Which way, the message, the peer, and whether it is one of ours once more."""


class Traces:
    """Whoever sends or receives looks at ``observers`` first: nothing else is done for calls that nobody follows."""

    __slots__ = ("observers",)

    def __init__(self) -> None:
        self.observers: dict[str, Observer] = {}

    def note(self, direction: Literal["in", "out"], message: Message, remote: Address, again: bool = False) -> None:
        """Show a message to whoever follows its call. Never raises."""
        observer = self.observers.get(message.headers.get("Call-ID") or "")
        if observer is None:
            return
        try:
            observer(direction, message, remote, again)
        except Exception:
            log.exception("a message could not be shown", extra={"direction": direction})

    def stop(self, call_id: str, observer: Observer) -> None:
        """Unless another leg with this Call-ID is followed by now."""
        if self.observers.get(call_id) is observer:
            del self.observers[call_id]
